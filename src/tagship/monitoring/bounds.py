"""A value against its bound."""

import math

from tagship.config.bound import Bound
from tagship.monitoring.status import Status


def judge(value: float, bound: Bound) -> Status:
    """Compare a value with a bound; one that is no number fails."""
    if not math.isfinite(value):
        return "fail"
    if bound.below:
        assert bound.fail_below is not None
        if value < bound.fail_below:
            return "fail"
        return "warn" if bound.warn_below is not None and value < bound.warn_below else "ok"
    assert bound.fail_above is not None
    if value > bound.fail_above:
        return "fail"
    return "warn" if bound.warn_above is not None and value > bound.warn_above else "ok"


def limit_text(bound: Bound) -> str:
    """A bound in words: ``≤ 0.1``."""
    return f"≥ {bound.fail_below:g}" if bound.below else f"≤ {bound.fail_above:g}"
