"""Champion against challenger on the same holdout rows: who gets another decision, and how else
the two differ. Nothing of a single row is in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tagship.config.base_model import Frozen
from tagship.config.model import Task
from tagship.config.thresholds import Value
from tagship.files import read_json, write_json
from tagship.training import metrics
from tagship.training.bootstrap import mean_interval
from tagship.training.bundle import Bundle
from tagship.training.lock import Interval
from tagship.verdict import Verdict

MOVE = 0.1
"""A predicted number counts as another decision when it moves by more than this share of the
target's standard deviation over the training rows."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_FILE = "behaviour.json"
"""In a model's work folder: the last comparison with the champion."""


class Flip(Frozen):
    """One direction in which decisions changed: from class to class, or ``higher``, ``lower``."""

    before: str | None
    """None for a number, which moves."""
    after: str
    rows: int


class Group(Frozen):
    """The holdout rows, or those of one slice, and how many of them get another decision."""

    column: str | None
    """None for all rows."""
    value: str | None
    rows: int
    flipped: int
    share: float
    flips: list[Flip]
    """The most frequent first."""
    mended: int
    """Of the flipped rows, those that are right now; of numbers, those nearer to the actual one."""
    broken: int
    """Of the flipped rows, those that were right; of numbers, those further from it."""


class Moves(Frozen):
    """The new score minus the champion's, over all rows."""

    of: Literal["positive class", "actual class", "number"]
    """What the score is: a probability of one of these, or a predicted number."""
    label: str | None
    """The positive class."""
    mean: float
    mean_size: float
    """The mean of its absolute value."""
    quantiles: dict[str, float]


class Calibration(Frozen):
    """What one model expects on average, and what happened."""

    expected: float
    """The mean probability of the positive or of the predicted class, or the mean prediction."""
    actual: float
    """The share of positives or of right predictions, or the target's mean."""
    error: float | None
    """The calibration error; numbers have none."""


class Importance(Frozen):
    """What shuffling one feature costs each model; None for the one that does not have it."""

    feature: str
    before: float | None
    after: float | None


class ValueChange(Frozen):
    """The mean worth of a decision, priced by ``value`` of thresholds.yaml."""

    before: float
    after: float
    change: Interval


class Behaviour(Frozen):
    """How a model behaves beside the champion."""

    model: str
    champion: str
    lock_sha256: str
    """Of the lock of the training that was compared."""
    problem: str = ""
    """Why the two could not be compared."""
    difference: "BehaviourChange | None" = None


class BehaviourChange(Frozen):
    """What two models do differently."""

    tolerance: float | None
    """From which move on a predicted number counts as another decision; None for classes."""
    overall: Group
    slices: list[Group]
    """The largest share of other decisions first."""
    min_rows: int
    small: dict[str, list[int]]
    """The rows of each group that is too small to be shown, by column."""
    moves: Moves
    before: Calibration
    after: Calibration
    metric: str
    """The metric that importance is a loss of."""
    importance: list[Importance] | None
    """The largest change first; None where it could not be computed."""
    value: ValueChange | None
    """None where outcomes are not priced."""
    new_features: list[str]
    lost_features: list[str]


@dataclass(frozen=True)
class Pair:
    """The scores of two models for the same rows: class probabilities or numbers."""

    bundle: Bundle
    champion: NDArray[np.floating]
    threshold: float
    """The champion's own."""

    @property
    def tolerance(self) -> float | None:
        """From which move on a predicted number counts as another decision."""
        if self.bundle.boundary.classes:
            return None
        return MOVE * float(np.std(self.bundle.evidence.train_target))

    @property
    def decisions(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The champion's and the model's class numbers, or numbers; shape (rows,) each."""
        scores = self.bundle.evidence.scores
        if self.tolerance is not None:
            return self.champion.astype(np.float64), scores.astype(np.float64)
        threshold = self.bundle.boundary.threshold
        return metrics.decide(self.champion, self.threshold), metrics.decide(scores, threshold)

    @property
    def moves(self) -> NDArray[np.float64]:
        """How far scores move; of several classes, the probability of the actual one."""
        evidence = self.bundle.evidence
        moves = evidence.scores.astype(np.float64) - self.champion.astype(np.float64)
        return moves if moves.ndim == 1 else moves[np.arange(len(moves)), evidence.target]

    def group(self, column: str | None = None, value: str | None = None) -> Group:
        """What changed for all rows, or for those of one slice, at least one."""
        target, (before, after) = self.bundle.evidence.target, self.decisions
        rows = np.ones(len(target), dtype=bool)
        if column is not None:
            rows = self.bundle.evidence.groups[column] == value
        is_other = before != after
        if self.tolerance is not None:
            is_other = np.abs(after - before) > self.tolerance
        is_flipped = rows & is_other
        before, after, target = before[is_flipped], after[is_flipped], target[is_flipped]
        mended, broken = after == target, before == target
        if self.tolerance is not None:
            nearer = np.abs(before - target) - np.abs(after - target)
            mended, broken = nearer > 0, nearer < 0
        return Group(
            column=column,
            value=value,
            rows=int(rows.sum()),
            flipped=len(target),
            share=len(target) / int(rows.sum()),
            flips=sorted(self._flips(before, after), key=lambda flip: -flip.rows),
            mended=int(mended.sum()),
            broken=int(broken.sum()),
        )

    def _flips(self, before: NDArray[Any], after: NDArray[Any]) -> Iterator[Flip]:
        classes = self.bundle.boundary.classes
        if not classes:
            for word, rows in (("higher", after > before), ("lower", after < before)):
                if rows.any():
                    yield Flip(before=None, after=word, rows=int(rows.sum()))
            return
        pairs, counts = np.unique(np.stack([before, after]), axis=1, return_counts=True)
        for champion_class, model_class, rows in zip(*pairs.tolist(), counts.tolist(), strict=True):
            yield Flip(before=classes[champion_class], after=classes[model_class], rows=rows)

    def slices(self, column: str, min_rows: int) -> tuple[list[Group], list[int]]:
        """What changed in each group of one column, and the rows of groups that are too small."""
        groups = self.bundle.evidence.groups[column]
        counts = zip(*np.unique(groups, return_counts=True), strict=True)
        rows_by_value = {str(value): int(rows) for value, rows in counts}
        large = [self.group(column, v) for v, rows in rows_by_value.items() if rows >= min_rows]
        return large, [rows for rows in rows_by_value.values() if rows < min_rows]


def describe_moves(pair: Pair) -> Moves:
    """Mean and quantiles of the score's moves."""
    moves, boundary = pair.moves, pair.bundle.boundary
    binary = boundary.task == "binary"
    quantiles = np.quantile(moves, QUANTILES).tolist()
    return Moves(
        of="positive class" if binary else "actual class" if boundary.classes else "number",
        label=boundary.classes[1] if binary else None,
        mean=float(moves.mean()),
        mean_size=float(np.abs(moves).mean()),
        quantiles={f"{q:g}": v for q, v in zip(QUANTILES, quantiles, strict=True)},
    )


def calibration(bundle: Bundle, scores: NDArray[np.floating]) -> Calibration:
    """What a model expects of the holdout rows on average, and what happened."""
    task, target = cast(Task, bundle.lock.task), bundle.evidence.target
    expectations = scores.astype(np.float64)
    error = None
    if task != "regression":
        error = metrics.value("calibration_error", task, target, scores)
    if task == "multiclass":
        expectations, target = expectations.max(axis=1), expectations.argmax(axis=1) == target
    return Calibration(expected=expectations.mean(), actual=target.mean(), error=error)


def value_change(prices: Value, pair: Pair) -> ValueChange:
    """The mean worth of a decision before and after, with a paired interval of the change."""
    target = pair.bundle.evidence.target
    before, after = (
        metrics.outcome_values(prices, target, decisions) for decisions in pair.decisions
    )
    return ValueChange(
        before=before.mean(), after=after.mean(), change=mean_interval(after - before)
    )


def write_behaviour(folder: Path, behaviour: Behaviour | None) -> None:
    """Write the last comparison; without a champion no older file stays."""
    if behaviour is None:
        (folder / _FILE).unlink(missing_ok=True)
    else:
        write_json(folder / _FILE, behaviour.model_dump(mode="json"))


def read_behaviour(folder: Path, verdict: Verdict) -> Behaviour | None:
    """The comparison at a verdict; None when there was none, or by another engine."""
    behaviour = read_json(folder / _FILE, Behaviour.model_validate)
    key = (verdict.lock_sha256, verdict.champion)
    return behaviour if behaviour and (behaviour.lock_sha256, behaviour.champion) == key else None
