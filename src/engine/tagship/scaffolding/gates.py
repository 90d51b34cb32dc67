"""Gates for a model that nobody has seen yet: limits that a useful one passes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tagship.scaffolding.look import Look
from tagship.scaffolding.rounding import round_up
from tagship.scaffolding.target import Target
from tagship.scaffolding.vocabulary import is_sensitive

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
class Fairness:
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
    """Whether there are numbers for noise to disturb."""
    slices: Slice | None
    fairness: Fairness | None


def suggest_gates(features: list[Look], goal: Target, test: float) -> Gates:
    """Limits scaled to the table."""
    shares = [count / len(goal.values) for count in goal.counts.values()]
    return Gates(
        judge_interval=len(goal.values) * test >= _INTERVAL_ROWS,
        constant_f1=max((2 * p / (1 + p) for p in shares), default=0.0) / max(1, len(shares)),
        spread=float(goal.values.std()) if goal.task == "regression" else 1.0,
        parity=_parity(features, goal),
        noise=any(found.number for found in features),
        slices=_slices(features, goal, test),
        fairness=_fairness(features, goal, test),
    )


def _parity(features: list[Look], goal: Target) -> float:
    """Values far from zero for their spread lose digits in float32, on each side in another way."""
    numbers = [found.values for found in features if found.number]
    numbers += [goal.values] if goal.task == "regression" else []
    ratios = [float(values.abs().max() / values.std()) for values in numbers if values.std() > 0]
    lost = max(ratios, default=0.0) * _FLOAT32
    return next((limit for limit in (1e-5, 1e-4, 1e-3) if 3 * lost <= limit), 1e-2)


def _groups(found: Look, goal: Target, test: float) -> pd.Series:
    """Rows of each group that the holdout will hold enough of."""
    counts = found.values.astype("str").value_counts()
    return counts[counts * test >= MIN_GROUP * _SURE]


def _groupable(found: Look) -> bool:
    return found.dtype in ("category", "bool") and 2 <= found.distinct <= _MOST_GROUPS


def _slices(features: list[Look], goal: Target, test: float) -> Slice | None:
    ranked = sorted(
        (found for found in features if _groupable(found) and len(_groups(found, goal, test)) > 1),
        key=lambda found: -_relevance(found, goal),
    )
    if not ranked:
        return None
    best = ranked[0]
    texts = best.values.astype("str")
    judged = texts.isin(_groups(best, goal, test).index)
    groups = goal.values[judged].groupby(texts[judged])
    if goal.task == "regression":
        return Slice(best.name, round_up(1.2 * float(groups.std().max())))
    majority = groups.agg(lambda labels: labels.value_counts(normalize=True).iloc[0])
    return Slice(best.name, _twentieth(max(0.05, majority.min() - 0.05), np.floor))


def _relevance(found: Look, goal: Target) -> float:
    """How much of the target's variance lies between the groups."""
    one_hot = (
        goal.values.to_frame().astype("float64")
        if goal.task == "regression"
        else pd.get_dummies(goal.values, dtype=float)
    )
    between = one_hot.groupby(found.values).transform("mean").var().sum()
    total = one_hot.var().sum()
    return float(between / total) if total > 0 else 0.0


def _twentieth(value: float, rounding: Callable[[float], float]) -> float:
    return round(float(rounding(round(value * 20, 6))) / 20, 2)


def _fairness(features: list[Look], goal: Target, test: float) -> Fairness | None:
    if goal.task != "binary":
        return None
    for found in features:
        if _groupable(found) and is_sensitive(found.name):
            large = _groups(found, goal, test)
            if len(large) > 1:
                positive = (goal.values == str(goal.positive)).astype(float)
                rates = positive.groupby(found.values.astype("str")).mean()[large.index]
                gap = float(rates.max() - rates.min())
                return Fairness(found.name, gap, _twentieth(max(0.1, 2 * gap), np.ceil))
    return None
