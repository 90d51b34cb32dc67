"""Numbers as a person would choose them: round, with slack, and written short."""

import math

_STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_SHARES = (0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_SLACK = 0.1


def round_up(value: float) -> float:
    """The smallest round number that is not under a positive ``value``."""
    power = math.floor(math.log10(value))
    rounded = [float(f"{step}e{power}") for step in _STEPS]
    return next((number for number in rounded if number >= value), float(f"1e{power + 1}"))


def round_down(value: float) -> float:
    """The largest round number that is not over a positive ``value``."""
    power = math.floor(math.log10(value))
    rounded = [float(f"{step}e{power}") for step in _STEPS]
    return max((number for number in rounded if number <= value), default=float(f"9e{power - 1}"))


def share_with_slack(share: float) -> float:
    """A share to allow where ``share`` was seen; 0 stays 0."""
    if share == 0:
        return 0.0
    return next((round_share for round_share in _SHARES if round_share >= share * 1.25), 1.0)


def range_with_slack(low: float, high: float, integer: bool) -> list[float] | None:
    """The usual range where ``low`` to ``high`` was seen: a sign that never occurs stays out.

    None where no finite bound leaves slack.
    """
    width = high - low or abs(high) or 1.0
    if not math.isfinite(width) or max(abs(low), abs(high)) > 1e300 or width < 1e-300:
        return None
    power = math.floor(math.log10(width / 20))
    step = next(n * 10.0**power for n in (1, 2, 5, 10, 20) if n * 10.0**power >= width / 20)
    step = max(1.0, step) if integer else step
    places = max(0, 1 - math.floor(math.log10(step)))
    least = round(math.floor((low - _SLACK * width) / step) * step, places)
    most = round(math.ceil((high + _SLACK * width) / step) * step, places)
    if low >= 0 and 0.5 < high <= 1 and not integer:
        most = min(most, 1.0)
    return [max(least, 0.0) if low >= 0 else least, min(most, 0.0) if high <= 0 > low else most]


def number_text(value: float) -> str:
    """A number as YAML text that every parser reads as a number."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    mantissa, _, exponent = repr(float(value)).partition("e")
    if not exponent:
        return mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}"
