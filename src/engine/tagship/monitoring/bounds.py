"""A value against its bound."""

import math

from tagship.config.bound import Bound
from tagship.monitoring.status import Status


def judge(value: float, bound: Bound) -> Status:
    """Compare a value with a bound; one that is no number fails."""
    if not math.isfinite(value):
        return "fail"
    judged = bound.outcome(value)
    return "ok" if judged == "pass" else judged
