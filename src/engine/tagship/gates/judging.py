"""From a number and a bound to a gate's result."""

import math

from tagship.config.bound import Bound
from tagship.gates.verdict import GateResult


def judge(
    gate: str, subject: str, value: float | None, bound: Bound, detail: str = "", shown: str = ""
) -> GateResult:
    """Judge a value; one that could not be computed fails.

    ``shown`` replaces the bound's own words in the result.
    """
    limit = shown or limit_text(bound)
    if value is None or not math.isfinite(value):
        return cannot(gate, subject, limit, detail or "the value could not be computed")
    return GateResult(
        gate=gate,
        subject=subject,
        value=value,
        limit=limit,
        status=bound.outcome(value),
        detail=detail,
    )


def cannot(gate: str, subject: str, limit: str, why: str) -> GateResult:
    """A gate that could not be computed: it fails and says why."""
    return GateResult(
        gate=gate, subject=subject, value=None, limit=limit, status="fail", detail=why
    )


def limit_text(bound: Bound) -> str:
    """A bound in words: ``≥ 0.8 (warn < 0.82)``."""
    if bound.below:
        text, warn, sign = f"≥ {bound.fail_below:g}", bound.warn_below, "<"
    else:
        text, warn, sign = f"≤ {bound.fail_above:g}", bound.warn_above, ">"
    return text if warn is None else f"{text} (warn {sign} {warn:g})"
