"""Numbers and times as people read them."""

import math
from datetime import UTC, datetime

MINUS = "\u2212"
NONE = "\u2013"
"""Stands for a missing number."""
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def compact(value: float, digits: int = 3) -> str:
    """A number in at most about six characters: ``0.0412``, ``12.4``, ``80.8k``, ``1.2M``."""
    if not math.isfinite(value):
        return NONE
    size = abs(value)
    if size < 1e-12:
        return "0"
    digits -= size < 0.01
    if size < 1e-3 or size >= 1e15:
        text = f"{value:.{digits}g}".replace("e-0", "e-")
    else:
        text, unit = f"{value:.{digits}g}", ""
        for scale, name in _UNITS:
            if float(f"{size:.{digits}g}") >= scale * (10 if scale == 1e3 else 1):
                text, unit = f"{value / scale:.{digits}g}", name
                break
        if "e" in text:
            text = f"{float(text):.0f}"
        text += unit
    return text.replace("-", MINUS)


def plain(value: float, digits: int = 4) -> str:
    """A number with ``digits`` significant digits and thousands: ``0.9408``, ``56,029``."""
    if not math.isfinite(value):
        return NONE
    size = abs(value)
    if size >= 10 ** (digits - 1):
        text = f"{value:,.0f}" if size < 1e15 else f"{value:.{digits - 1}e}"
    elif size == 0 or size >= 1e-4:
        places = digits if size == 0 else digits - 1 - math.floor(math.log10(max(size, 0.1)))
        text = f"{value:.{max(places, 0)}f}"
        if float(value).is_integer():
            text = f"{value:.0f}"
    else:
        text = f"{value:.{digits - 2}e}"
    return text.replace("-", MINUS)


def brief(value: float) -> str:
    """``plain`` without trailing zeros: ``4.4``, ``56,029``."""
    text = plain(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def signed(value: float, digits: int | None = None) -> str:
    """A change with its sign; ``brief``, or with ``digits`` significant digits."""
    text = brief(value) if digits is None else plain(value, digits)
    return text if text.startswith(MINUS) or value == 0 else f"+{text}"


def person(signature: str) -> str:
    """Who ``Ada <ada@example.org>`` is, without the address."""
    return signature.partition(" <")[0].strip() or signature


def percent(share: float, digits: int = 1) -> str:
    """A share as ``26.5 %``; one that is neither 0 nor 1 never reads as such."""
    if not math.isfinite(share):
        return NONE
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    least = 10.0**-digits
    if 0 < share * 100 < least / 2:
        return f"< {least:g} %"
    if share < 1 and share * 100 > 100 - least / 2:
        return f"> {100 - least:g} %"
    return f"{share * 100:.{digits}f} %"


def coefficient(value: float, signed: bool = False) -> str:
    """A correlation as ``0.41``, or with its sign; never a negative zero."""
    return f"{round(value, 2) + 0.0:{'+' if signed else ''}.2f}".replace("-", MINUS)


def byte_size(count: int) -> str:
    """A number of bytes as ``3.0 kB`` or ``1.24 MB`` (powers of ten)."""
    return f"{count / 1e3:.1f} kB" if count < 1e5 else f"{count / 1e6:,.2f} MB"


def duration(seconds: float) -> str:
    """A time span in its largest unit: ``45 s``, ``12 min``, ``3.5 h``, ``4.2 days``."""
    sizes = ((172800, 86400, "days"), (3600, 3600, "h"), (60, 60, "min"), (0, 1, "s"))
    size, unit = next((size, unit) for least, size, unit in sizes if seconds >= least)
    count = seconds / size
    return f"{brief(float(f'{count:.2g}') if count < 10 else round(count))} {unit}"


def moment(text: str) -> str:
    """A time in ISO 8601 as ``2026-11-21 09:30``, in UTC; what is no time is given back."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    in_utc = time.astimezone(UTC) if time.tzinfo else time
    return f"{in_utc:%Y-%m-%d %H:%M}"
