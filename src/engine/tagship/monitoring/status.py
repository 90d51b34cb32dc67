"""What an observation of a running model says, and how a value is judged by its bound."""

import math
from collections.abc import Iterable
from typing import Literal

from tagship.config.base_model import Frozen
from tagship.config.bound import Bound

Status = Literal["ok", "no data", "warn", "fail"]
ObservedStatus = Status | Literal["error"]

ORDER: tuple[Status, ...] = ("ok", "no data", "warn", "fail")
"""From best to worst."""


class Period(Frozen):
    """The times of the predictions that were judged, as texts in ISO 8601."""

    since: str
    until: str


def judge(value: float, bound: Bound) -> Status:
    """Compare a value with a bound; one that is no number fails."""
    if not math.isfinite(value):
        return "fail"
    judged = bound.outcome(value)
    return "ok" if judged == "pass" else judged


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of several answers; without any there is no data."""
    return max(statuses, key=ORDER.index, default="no data")
