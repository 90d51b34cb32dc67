"""LabelledRows predictions, measured by the formulas that gave the lock's metrics, in windows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tagship.config.base_model import parse_duration
from tagship.config.model import Task
from tagship.contract.boundary import Boundary
from tagship.monitoring.label_join import LabelledRows
from tagship.monitoring.log_lines import utc
from tagship.monitoring.log_reader import LoggedRows
from tagship.training.bootstrap import interval, intervals, resample_weights
from tagship.training.lock import Interval
from tagship.training.metrics import Floats, evaluate

MOST_WINDOWS = 6
"""How many of the newest windows are measured."""
_RESAMPLES = 300
"""For one metric of a window or group; all metrics of the judged window get as many as the lock."""


@dataclass(frozen=True)
class Sample:
    """Some logged rows that have a label, in the order of their predictions' times."""

    boundary: Boundary
    logged: LoggedRows
    at: NDArray[np.int64]
    """Their places among the logged rows."""
    target: NDArray[Any]

    @classmethod
    def of(cls, boundary: Boundary, logged: LoggedRows, labelled: LabelledRows) -> "Sample":
        """Everything that has a label."""
        order = np.argsort(logged.times[labelled.at], kind="stable")
        return cls(boundary, logged, labelled.at[order], labelled.target[order])

    def __len__(self) -> int:
        return len(self.at)

    def only(self, chosen: NDArray[np.bool_] | slice) -> "Sample":
        """A part of it."""
        return Sample(self.boundary, self.logged, self.at[chosen], self.target[chosen])

    @property
    def times(self) -> NDArray[np.datetime64]:
        """When each was predicted."""
        return self.logged.times[self.at]

    @property
    def scores(self) -> NDArray[np.float64]:
        """In the shape that metrics take."""
        return self.logged.scores[self.at]

    def groups(self, column: str) -> NDArray[np.str_] | None:
        """A category or bool column as text; None when it is not logged."""
        field = next((f for f in self.boundary.fields if f.name == column), None)
        if field is None:
            return None
        values = self.logged.columns[column][self.at]
        texts = [*map(str, field.values)] if field.dtype == "category" else ["false", "true"]
        codes = np.maximum(np.nan_to_num(values, nan=-1), -1).astype(np.int64)
        return np.asarray(np.array([*texts, "(missing)"])[codes], dtype=np.str_)

    def metrics(self) -> dict[str, Interval]:
        """Every metric with its interval; one that is undefined is left out."""
        boundary = self.boundary
        task = cast(Task, boundary.task)
        return intervals(task, self.target, self.scores, boundary.classes, boundary.threshold)

    def metric(self, name: str) -> Interval | None:
        """One metric with its interval; None where it, or too many a resample, is undefined."""
        value = self._evaluate(name, None)
        if value is None or not np.isfinite(value[0]):
            return None
        weights = resample_weights(len(self), _RESAMPLES, seed=0)
        draws = [self._evaluate(name, block) for block in weights]
        return interval(float(value[0]), np.concatenate([d for d in draws if d is not None]))

    def _evaluate(self, name: str, weights: Floats | None) -> Floats | None:
        boundary = self.boundary
        task = cast(Task, boundary.task)
        metrics = evaluate(
            task, self.target, self.scores, weights, boundary.classes, boundary.threshold, name
        )
        return metrics.get(name)


@dataclass(frozen=True)
class Span:
    """One window: ``since`` up to, not including, ``until`` (UTC)."""

    since: np.datetime64
    until: np.datetime64
    rows: int
    """Predictions logged in it, with a label or without."""
    sample: Sample


def cut_windows(sample: Sample, length: str | int, until: datetime) -> list[Span]:
    """The newest windows that hold predictions, by time or by number, oldest first.

    Args:
        length: a duration such as ``7d``, or a number of labelled predictions.
        until: where the newest window ends, when they are cut by time.
    """
    edges = _edges(sample, length, until)
    all_times, times = np.sort(sample.logged.times), sample.times
    windows = []
    for since, end in zip(edges[1:], edges, strict=False):
        low, high = np.searchsorted(times, [since, end])
        rows = int(np.diff(np.searchsorted(all_times, [since, end]))[0])
        if rows:
            windows.append(Span(since, end, rows, sample.only(slice(low, high))))
    return windows[::-1]


def _edges(sample: Sample, length: str | int, until: datetime) -> list[np.datetime64]:
    """Where windows end and begin, newest first."""
    if isinstance(length, str):
        end = utc(until)
        return [
            end - number * np.timedelta64(parse_duration(length))
            for number in range(MOST_WINDOWS + 1)
        ]
    times, count = sample.times, len(sample)
    begins = [max(at, 0) for at in range(count - length, -length, -length)][:MOST_WINDOWS]
    return [times[-1] + np.timedelta64(1, "ms"), *times[begins]] if count else []
