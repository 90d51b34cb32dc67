"""Percentile bootstrap intervals (Efron, 1979) over the rows of the holdout."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tagship.config.model import Task
from tagship.training.lock import Interval
from tagship.training.metrics import Floats, evaluate

_CELLS = 4_000_000
"""How many weights are held at once: 32 MB."""
_DIGITS = 6


def resample_weights(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Counts of each row in each resample, in blocks of shape (block, rows)."""
    generator = np.random.default_rng(seed)
    block = max(1, _CELLS // rows)
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        drawn = generator.integers(0, rows, size=(count, rows))
        drawn += np.arange(count)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(float)


def resamples_for(rows: int) -> int:
    """1,000 resamples; 200 for large holdouts, whose intervals are narrow anyway."""
    return 1000 if rows <= 50_000 else 200


def intervals(
    task: Task,
    target: NDArray[np.float64] | NDArray[np.int64],
    scores: NDArray[np.floating],
    classes: Sequence[str] = (),
    threshold: float = 0.5,
    seed: int = 0,
) -> dict[str, Interval]:
    """Every metric with its 95 % interval; a metric that is undefined is left out."""
    point = evaluate(task, target, scores, None, classes, threshold)
    draws: dict[str, list[Floats]] = {name: [] for name in point}
    for weights in resample_weights(len(target), resamples_for(len(target)), seed):
        for name, found in evaluate(task, target, scores, weights, classes, threshold).items():
            draws[name].append(found)
    made = {}
    for name, found in point.items():
        if np.isfinite(found[0]):
            low, high = np.nanpercentile(np.concatenate(draws[name]), [2.5, 97.5])
            values = (round(float(v), _DIGITS) for v in (found[0], low, high))
            made[name] = Interval(**dict(zip(("value", "low", "high"), values, strict=True)))
    return made


def paired_drop(
    metric: str,
    task: Task,
    target: NDArray[np.float64] | NDArray[np.int64],
    champion: NDArray[np.floating],
    challenger: NDArray[np.floating],
    classes: Sequence[str],
    thresholds: tuple[float, float],
    seed: int = 0,
) -> Floats:
    """Champion's metric minus the challenger's on the same resampled rows, one value each.

    ``thresholds`` are the champion's and the challenger's own.
    """
    drops = []
    for weights in resample_weights(len(target), resamples_for(len(target)), seed):
        both = [
            evaluate(task, target, scores, weights, classes, threshold, only=metric)[metric]
            for scores, threshold in zip((champion, challenger), thresholds, strict=True)
        ]
        drops.append(both[0] - both[1])
    return np.concatenate(drops)
