"""Percentile bootstrap intervals (Efron, 1979) over the rows of the holdout."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tagship.config.model import Task
from tagship.training.lock import Interval
from tagship.training.metrics import Floats, evaluate

_CELLS = 4_000_000
"""How many weights are held at once: 32 MB."""
_DIGITS = 6
_DEFINED = 0.9
"""The share of resamples that must define a metric; a resample may lack a class for it."""


def resample_weights(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Counts of each row in each resample, in blocks of shape (block, rows)."""
    generator = np.random.default_rng(seed)
    block = max(1, _CELLS // rows)
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        places = generator.integers(0, rows, size=(count, rows))
        places += np.arange(count)[:, None] * rows
        yield np.bincount(places.ravel(), minlength=count * rows).reshape(count, rows).astype(float)


def resamples_for(rows: int, alpha: float = 1.0) -> int:
    """1,000 resamples; 200 for large holdouts, whose intervals are narrow anyway.

    A p-value is never below 1 / (1 + resamples): there are enough for ten below ``alpha``.
    """
    return max(1000 if rows <= 50_000 else 200, math.ceil(10 / alpha))


def defined_draws(draws: Floats) -> Floats | None:
    """The draws that are finite; None when too few of them are."""
    finite = draws[np.isfinite(draws)]
    return finite if len(finite) >= _DEFINED * len(draws) else None


def interval(value: float, draws: Floats) -> Interval | None:
    """The middle 95 % of the draws; None when the value or too many draws are undefined."""
    finite = defined_draws(draws)
    if finite is None or not np.isfinite(value):
        return None
    low, high = np.percentile(finite, [2.5, 97.5])
    return Interval(value=value, low=float(low), high=float(high))


def mean_interval(values: Floats) -> Interval:
    """The mean of one value a row, shape (rows,), with its interval."""
    draws = [w @ values / len(values) for w in resample_weights(len(values), 300, seed=0)]
    low, high = np.percentile(np.concatenate(draws), [2.5, 97.5])
    return Interval(value=float(values.mean()), low=float(low), high=float(high))


def intervals(
    task: Task,
    target: NDArray[np.float64] | NDArray[np.int64],
    scores: NDArray[np.floating],
    classes: Sequence[str] = (),
    threshold: float = 0.5,
    seed: int = 0,
    weights: Floats | None = None,
) -> dict[str, Interval]:
    """Every metric with its 95 % interval.

    Rows are drawn alike; one that is drawn counts by its weight (``weights``, shape (rows,)). A
    metric that is undefined is left out, and so is one that most resamples cannot define.
    """
    row_weights = None if weights is None else weights[None]
    point = evaluate(task, target, scores, row_weights, classes, threshold)
    draws: dict[str, list[Floats]] = {name: [] for name in point}
    for counts in resample_weights(len(target), resamples_for(len(target)), seed):
        resampled = counts if weights is None else counts * weights
        for name, values in evaluate(task, target, scores, resampled, classes, threshold).items():
            draws[name].append(values)
    by_metric = {}
    for name, values in point.items():
        metric_interval = interval(float(values[0]), np.concatenate(draws[name]))
        if metric_interval is not None:
            by_metric[name] = Interval(**{key: round(v, _DIGITS) for key, v in metric_interval})
    return by_metric


def paired_drop(
    metric: str,
    task: Task,
    target: NDArray[np.float64] | NDArray[np.int64],
    champion: NDArray[np.floating],
    challenger: NDArray[np.floating],
    classes: Sequence[str],
    thresholds: tuple[float, float],
    seed: int = 0,
    alpha: float = 1.0,
    weights: Floats | None = None,
) -> Floats:
    """Champion's metric minus the challenger's on the same resampled rows, one value each.

    ``thresholds`` are the champion's and the challenger's own; a p-value from as many draws can
    fall below ``alpha``.
    """
    drops = []
    for counts in resample_weights(len(target), resamples_for(len(target), alpha), seed):
        resampled = counts if weights is None else counts * weights
        values = [
            evaluate(task, target, scores, resampled, classes, threshold, only=metric)[metric]
            for scores, threshold in zip((champion, challenger), thresholds, strict=True)
        ]
        drops.append(values[0] - values[1])
    return np.concatenate(drops)
