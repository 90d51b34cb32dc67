"""Numbers and dates as people write them, read by the format that the contract declares."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from tagship.contract.boundary import NumberFormat

_SPACES = " \u00a0\u2009\u202f"
"""Between thousands or before a unit: plain, no-break, thin, and narrow no-break."""
_DASHES = str.maketrans({"\u2212": "-", "\u2013": "-"})
_LONGEST = 100
"""Characters of a number or date; a longer text is none, and costs nothing to refuse."""
_EPOCH = datetime(1970, 1, 1)
_SECONDS = {"unix": 1.0, "unix_ms": 0.001}


def number_reader(written: NumberFormat) -> Callable[[str], float]:
    """From a text such as ``$1,234.50``, ``(5)`` or ``-12 %`` to its number, the unit left out.

    It raises ValueError where the text is no such number; groups of thousands must be whole.
    """
    group = re.escape(written.thousands)
    if written.thousands in (" ", "'"):
        group = f"[{_SPACES}]" if written.thousands == " " else "['\u2019]"
    grouped = (
        rf"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|" if written.thousands else ""
    )
    decimal = re.escape(written.decimal)
    digits = rf"(?:(?:{grouped}[0-9]+)(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    unit = f"(?:{re.escape(written.unit)})?"
    pattern = re.compile(rf"([+-]?)\s*{unit}\s*([+-]?)\s*({digits})\s*{unit}\s*(-?)", re.IGNORECASE)

    def read(text: str) -> float:
        text = text.strip().translate(_DASHES)
        inner = text[1:-1].strip() if (bracketed := text[:1] == "(" and text[-1:] == ")") else text
        match = pattern.fullmatch(inner) if len(inner) <= _LONGEST else None
        if match is None or sum(map(bool, (match[1], match[2], match[4], bracketed))) > 1:
            raise ValueError("must be a number")
        plain = match[3]
        if written.thousands:
            plain = re.sub(group, "", plain)
        number = float(plain.replace(written.decimal, "."))
        return -number if bracketed or "-" in (match[1], match[2], match[4]) else number

    return read


def instant_reader(patterns: Sequence[str]) -> Callable[[str], np.datetime64]:
    """From a date as text to a time in UTC and microseconds, by the first pattern that it fits.

    It raises ValueError where the text fits none. Patterns are those of ``strptime`` in English,
    ``unix`` (seconds since 1970) and ``unix_ms``.
    """

    def read(text: str) -> np.datetime64:
        for pattern in patterns if len(text) <= _LONGEST else ():
            try:
                return np.datetime64(_parse(text.strip(), pattern), "us")
            except (ValueError, OverflowError):
                continue
        raise ValueError(f"must be a date as {' or '.join(patterns)}")

    return read


def _parse(text: str, pattern: str) -> datetime:
    if pattern in _SECONDS:
        seconds = float(text) * _SECONDS[pattern]
        if not math.isfinite(seconds):
            raise ValueError(text)
        return _EPOCH + timedelta(seconds=seconds)
    moment = datetime.strptime(text, pattern)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
