"""``thresholds.yaml``: all gates, and by what a model that runs is judged; nothing is in code."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from tagship.config.base_model import Duration, Extended, Frozen, Share
from tagship.config.bound import Bound, UpperBound
from tagship.config.drift import Drift

WATCHING = frozenset({"drift", "performance", "value"})
"""The sections about what runs. They are no gates: no verdict depends on them."""


class MetricBound(Bound):
    """A bound on a metric of the holdout."""

    judge: Literal["value", "interval"] = "value"
    """Judge the value itself, or the worse end of its 95 % interval."""


class Baseline(Frozen):
    """The model must beat a dummy that sees no feature."""

    metric: str
    margin: Annotated[float, Field(ge=0)]
    """By how much, in the metric's own unit."""


class Champion(Frozen):
    """The model must not be worse than what production runs, on the same rows."""

    metric: str
    max_drop: Annotated[float, Field(ge=0)]
    test: Literal["paired_bootstrap", "none"] = "paired_bootstrap"
    """paired_bootstrap fails a drop that is also significant and warns of one that may be chance;
    none fails every drop over max_drop."""
    alpha: Annotated[float, Field(ge=0.001, lt=1)] = 0.05
    """The chance that is taken to fail an equal model; a smaller one draws more resamples."""


class Slices(Frozen):
    """The metric must hold within each group of rows, not only on average."""

    by: Annotated[list[str], Field(min_length=1)]
    metric: str
    fail_below: float | None = None
    fail_above: float | None = None
    max_gap: Annotated[float, Field(ge=0)] | None = None
    """Largest difference between the best and the worst group of one column."""
    min_rows: Annotated[int, Field(ge=1)] = 100
    """Smaller groups are listed, not judged; if none is left the gate fails."""

    @model_validator(mode="after")
    def _possible(self) -> "Slices":
        if self.fail_below is not None and self.fail_above is not None:
            raise ValueError("give fail_below or fail_above, not both")
        if self.fail_below is None and self.fail_above is None and self.max_gap is None:
            raise ValueError("give fail_below, fail_above or max_gap")
        return self


class Fairness(Frozen):
    """How far predictions may differ between groups of people (computed by fairlearn)."""

    by: str
    demographic_parity_difference: UpperBound | None = None
    equalized_odds_difference: UpperBound | None = None
    min_rows: Annotated[int, Field(ge=1)] = 30

    @model_validator(mode="after")
    def _something(self) -> "Fairness":
        if self.demographic_parity_difference is None and self.equalized_odds_difference is None:
            raise ValueError("give demographic_parity_difference or equalized_odds_difference")
        return self


class Robustness(Frozen):
    """How much the selection metric may drop when the holdout is disturbed."""

    noise: Annotated[float, Field(ge=0)] = 0.0
    """Gaussian noise on numbers, in their standard deviations; share of a text's words left out."""
    missing: Share = 0.0
    """Share of feature values that become missing."""
    max_drop: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _something(self) -> "Robustness":
        if self.noise == 0 and self.missing == 0:
            raise ValueError("give noise or missing: without either nothing is disturbed")
        return self


class Latency(Frozen):
    """The time of one single-row prediction of the real artifact."""

    p99_ms: UpperBound
    concurrency: Annotated[int, Field(ge=1, le=64)] = 1


class Size(Frozen):
    """The size of the real artifact."""

    artifact_mb: UpperBound


class Parity(Frozen):
    """Largest difference between the artifact's scores and scikit-learn's over the holdout.

    Absolute for probabilities; in standard deviations of the target for regression.
    """

    max_difference: Annotated[float, Field(gt=0)]


class BehaviourGate(Frozen):
    """How many decisions may differ from those of what production runs, on the same rows."""

    flips: UpperBound
    """The share of rows with another decision, of all rows and of each group: 0.15 is 15 %."""
    by: Annotated[
        list[str],
        BeforeValidator(
            lambda by: [by] if isinstance(by, str) else by, json_schema_input_type=str | list[str]
        ),
    ] = []
    """The columns whose groups are judged, too; without them, those of `slices` are shown."""
    min_rows: Annotated[int, Field(ge=1)] = 100
    """Smaller groups are counted, not judged; if none is left the gate fails."""

    @model_validator(mode="after")
    def _share(self) -> "BehaviourGate":
        for key in ("fail_above", "warn_above"):
            limit = getattr(self.flips, key)
            if limit is not None and not 0 <= limit <= 1:
                raise ValueError(f"flips.{key} is a share of rows, from 0 to 1, not {limit:g}")
        return self


class Leakage(Frozen):
    """No feature may give the target away, alone or with a few others."""

    fail_above: Annotated[float, Field(gt=0, lt=1)]
    """The roc_auc, for regression the r2, that is too good for a column or a pair of columns."""
    allow: dict[str, Annotated[str, Field(pattern=r"\S")]] = {}
    """Columns that are known before the target is, each with the reason; of a relation, all."""


class Performance(Frozen):
    """How far the metrics of what runs may fall behind the lock's."""

    max_drop: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    """For each metric judged, the drop that is allowed, in the metric's own unit. It fails when
    the whole 95 % interval is beyond it, and warns when only the value is."""
    min_labels: Annotated[int, Field(ge=1)] = 200
    """A window with fewer labelled predictions is not judged."""
    window: Duration | Annotated[int, Field(ge=1)] = "7d"
    """The predictions judged together: a length of time (`24h`, `7d`), or a number of them."""

    @model_validator(mode="after")
    def _possible(self) -> "Performance":
        if isinstance(self.window, int) and self.window < self.min_labels:
            raise ValueError(f"a window of {self.window} never has {self.min_labels} labels")
        return self


class Value(Frozen):
    """What each outcome of a binary prediction is worth, in a currency of yours."""

    true_positive: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0
    true_negative: float = 0.0

    @property
    def indifferent(self) -> bool:
        """Whether no decision is worth more than its opposite."""
        same = self.true_negative == self.false_positive
        return same and self.true_positive == self.false_negative


class ThresholdsConfig(Extended):
    """Every gate of one model. ``metrics``, ``baseline`` and ``parity`` are never optional."""

    later: ClassVar[frozenset[str]] = frozenset({"behaviour", "leakage"})
    metrics: Annotated[dict[str, MetricBound], Field(min_length=1)]
    baseline: Baseline
    parity: Parity
    champion: Champion | None = None
    behaviour: BehaviourGate | None = None
    leakage: Leakage | None = None
    slices: Slices | None = None
    fairness: Fairness | None = None
    robustness: Robustness | None = None
    latency: Latency | None = None
    size: Size | None = None
    drift: Drift | None = None
    """No gate: `tagship drift` and `tagship monitor` judge what runs by it."""
    performance: Performance | None = None
    """No gate: what runs is judged by it."""
    value: Value | None = None
    """No gate: what runs is priced by it (binary tasks)."""
