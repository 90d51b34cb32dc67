"""Gates for a model that nobody has seen yet: limits that a useful one passes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tagship.new_model.column_profile import ColumnProfile
from tagship.new_model.column_words import is_sensitive
from tagship.new_model.rounding import round_up
from tagship.new_model.target import TargetGuess

MIN_GROUP = 100
_MOST_GROUPS = 10
_SURE = 1.3
"""A group is expected to keep its minimum in the holdout with this much to spare."""
_INTERVAL_ROWS = 200
_FLOAT32 = 6e-8


@dataclass(frozen=True)
class Slice:
    """A column whose groups are judged one by one."""

    by: str
    limit: float
    """Accuracy that no group may fall under; for regression, rmse that none may exceed."""


@dataclass(frozen=True)
class FairnessGuess:
    """A column of people's groups, and how far predictions may differ between them."""

    by: str
    gap: float
    """How far the groups' shares of positives differ in the data."""
    limit: float


@dataclass(frozen=True)
class Gates:
    """What thresholds.yaml needs to know of the data."""

    judge_interval: bool
    """Whether the holdout is large enough to judge the interval's worse end."""
    constant_f1: float
    """Macro F1 of the best constant, for classification."""
    spread: float
    """Standard deviation of the target, for regression."""
    parity: float
    noise: bool
    """Whether there are numbers or texts for noise to disturb."""
    slices: Slice | None
    fairness: FairnessGuess | None


def suggest_gates(features: list[ColumnProfile], goal: TargetGuess, test: float) -> Gates:
    """Limits scaled to the table."""
    shares = [count / len(goal.values) for count in goal.counts.values()]
    return Gates(
        judge_interval=len(goal.values) * test >= _INTERVAL_ROWS,
        constant_f1=max((2 * p / (1 + p) for p in shares), default=0.0) / max(1, len(shares)),
        spread=float(goal.values.std()) if goal.task == "regression" else 1.0,
        parity=_parity(features, goal),
        noise=any(profile.number or profile.terms for profile in features),
        slices=_slices(features, goal, test),
        fairness=_fairness(features, goal, test),
    )


def _parity(features: list[ColumnProfile], goal: TargetGuess) -> float:
    """Values far from zero for their spread lose digits in float32, on each side in another way."""
    numbers = [profile.values for profile in features if profile.number]
    numbers += [goal.values] if goal.task == "regression" else []
    ratios = [float(values.abs().max() / values.std()) for values in numbers if values.std() > 0]
    error = max(ratios, default=0.0) * _FLOAT32
    return next((limit for limit in (1e-5, 1e-4, 1e-3) if 3 * error <= limit), 1e-2)


def _groups(profile: ColumnProfile, goal: TargetGuess, test: float) -> pd.Series:
    """Rows of each group that the holdout will hold enough of."""
    counts = profile.values.astype("str").value_counts()
    return counts[counts * test >= MIN_GROUP * _SURE]


def _groupable(profile: ColumnProfile) -> bool:
    return profile.dtype in ("category", "bool") and 2 <= profile.distinct <= _MOST_GROUPS


def _slices(features: list[ColumnProfile], goal: TargetGuess, test: float) -> Slice | None:
    ranked = sorted(
        (
            profile
            for profile in features
            if _groupable(profile) and len(_groups(profile, goal, test)) > 1
        ),
        key=lambda profile: -_relevance(profile, goal),
    )
    if not ranked:
        return None
    best = ranked[0]
    texts = best.values.astype("str")
    covered = texts.isin(_groups(best, goal, test).index)
    groups = goal.values[covered].groupby(texts[covered])
    if goal.task == "regression":
        return Slice(best.name, round_up(1.2 * float(groups.std().max())))
    majority = groups.agg(lambda labels: labels.value_counts(normalize=True).iloc[0])
    return Slice(best.name, _twentieth(max(0.05, majority.min() - 0.05), np.floor))


def _relevance(profile: ColumnProfile, goal: TargetGuess) -> float:
    """How much of the target's variance lies between the groups."""
    one_hot = (
        goal.values.to_frame().astype("float64")
        if goal.task == "regression"
        else pd.get_dummies(goal.values, dtype=float)
    )
    between = one_hot.groupby(profile.values).transform("mean").var().sum()
    total = one_hot.var().sum()
    return float(between / total) if total > 0 else 0.0


def _twentieth(value: float, rounding: Callable[[float], float]) -> float:
    return round(float(rounding(round(value * 20, 6))) / 20, 2)


def _fairness(
    features: list[ColumnProfile], goal: TargetGuess, test: float
) -> FairnessGuess | None:
    if goal.task != "binary":
        return None
    for profile in features:
        if _groupable(profile) and is_sensitive(profile.name):
            large = _groups(profile, goal, test)
            if len(large) > 1:
                positive = (goal.values == str(goal.positive)).astype(float)
                rates = positive.groupby(profile.values.astype("str")).mean()[large.index]
                gap = float(rates.max() - rates.min())
                return FairnessGuess(profile.name, gap, _twentieth(max(0.1, 2 * gap), np.ceil))
    return None
