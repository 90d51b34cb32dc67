"""What the service counts besides BentoML's own metrics; exported at ``/metrics``."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import Boundary

REASONS = (
    "body_too_large",
    "too_many_rows",
    "not_json",
    "contract",
    "content_type",
    "headers",
    "unauthorised",
    "rate_limited",
    "overloaded",
    "timeout",
    "disconnected",
)
_PROBABILITIES = tuple(step / 20 for step in range(1, 20))
_POWERS = tuple(mantissa * 10.0**power for power in range(-3, 9) for mantissa in (1, 2, 5))
_VALUES = (*(-bound for bound in reversed(_POWERS)), 0.0, *_POWERS)
_SCORES = 8
"""At most this many scores of a request are observed: each observation goes through the buckets."""


class Metrics:
    """Counters of one worker; BentoML adds the workers up."""

    def __init__(self, boundary: Boundary, record: dict[str, str]) -> None:
        """Register them, each series at zero so that rates are right from the first request."""
        # Imported here: BentoML tells prometheus_client where to write before a worker starts.
        import prometheus_client as prometheus

        model, release = record.get("model", ""), record.get("release", "")
        predictions = prometheus.Counter(
            "tagship_predictions_total", "Predictions by class", ["model", "release", "prediction"]
        )
        self._predictions = [
            predictions.labels(model, release, name) for name in boundary.classes or ("",)
        ]
        bounds = _PROBABILITIES if boundary.classes else _VALUES
        self._scores = prometheus.Histogram(
            "tagship_score",
            "Probability of the positive or chosen class, the value of a regression; of a request"
            f" with more than {_SCORES} rows, those of so many, evenly spaced",
            ["model", "release"],
            buckets=bounds,
        ).labels(model, release)
        rejected = prometheus.Counter(
            "tagship_rejected_requests_total", "Requests refused, by reason", ["model", "reason"]
        )
        self._rejected = {reason: rejected.labels(model, reason) for reason in REASONS}
        odd = prometheus.Counter(
            "tagship_unusual_values_total",
            "Answered values: numbers beyond the usual range, categories that are not known",
            ["model", "field", "kind"],
        )
        watched = [f for f in boundary.fields if f.usual is not None and f.feature]
        self._numbers = [odd.labels(model, f.name, "out_of_range") for f in watched]
        self._unseen = {
            f.name: odd.labels(model, f.name, "unseen") for f in boundary.categories if not f.closed
        }
        self._usual_at = [boundary.names.index(f.name) for f in watched]
        usual = np.array([f.usual for f in watched], dtype=np.float32).reshape(-1, 2)
        self._low, self._high = usual.T
        self._dropped = prometheus.Counter(
            "tagship_prediction_log_dropped_total", "Log lines lost", ["model"]
        ).labels(model)
        self._removed = prometheus.Counter(
            "tagship_prediction_log_removed_total",
            "Log lines that went with the oldest file, to keep within the log's bytes",
            ["model"],
        ).labels(model)
        prometheus.Gauge(
            "tagship_model_info",
            "What runs",
            ["model", "release", "model_sha256"],
            multiprocess_mode="livemax",
        ).labels(model, release, record.get("model_sha256", "")).set(1)

    def rejected(self, reason: str) -> None:
        """Count a refused request by one of ``REASONS``."""
        self._rejected[reason].inc()

    def dropped(self) -> None:
        """Count a log line that was lost."""
        self._dropped.inc()

    def removed(self, lines: int) -> None:
        """Count log lines that were removed to make room."""
        self._removed.inc(lines)

    def unusual(self, matrix: NDArray[np.float32], unseen: Mapping[str, int]) -> None:
        """Count what is unusual of the answered rows, shape (rows, features)."""
        for name, count in unseen.items():
            self._unseen[name].inc(count)
        if not self._usual_at:
            return
        numbers = matrix[:, self._usual_at]
        beyond = (numbers < self._low) | (numbers > self._high)
        if beyond.any():
            counts = beyond.sum(axis=0).tolist()
            for counter, count in zip(self._numbers, counts, strict=True):
                if count:
                    counter.inc(count)

    def predicted(self, label: int, score: float) -> None:
        """Count one answer: its class (0 for a regression) and its score."""
        self._predictions[label].inc()
        self._scores.observe(score)

    def predicted_many(self, labels: NDArray[np.intp], scores: NDArray[np.floating]) -> None:
        """Count many answers at once, shape (rows,) each."""
        for counter, count in zip(self._predictions, np.bincount(labels).tolist(), strict=False):
            if count:
                counter.inc(count)
        sample = scores[:: -(-len(scores) // _SCORES)] if len(scores) else scores
        for score in sample.tolist():
            self._scores.observe(score)
