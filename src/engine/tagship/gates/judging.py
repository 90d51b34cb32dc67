"""From a number and a bound to a gate's result."""

import math

from tagship.config.bound import Bound
from tagship.verdict import GateResult


def judge(
    gate: str, subject: str, value: float | None, bound: Bound, detail: str = "", shown: str = ""
) -> GateResult:
    """Judge a value; one that could not be computed fails.

    ``shown`` replaces the bound's own words in the result.
    """
    limit = shown or bound.limits
    if value is None or not math.isfinite(value):
        return not_computed(gate, subject, limit, detail or "the value could not be computed")
    return GateResult(
        gate=gate,
        subject=subject,
        value=value,
        limit=limit,
        status=bound.outcome(value),
        detail=detail,
    )


def not_computed(gate: str, subject: str, limit: str, why: str) -> GateResult:
    """A gate that could not be computed: it fails and says why."""
    return GateResult(
        gate=gate, subject=subject, value=None, limit=limit, status="fail", detail=why
    )
