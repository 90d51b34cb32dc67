"""How the numbers and dates of a text column are written, as far as its values tell."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from tagship.config.contract import WrittenNumber
from tagship.contract.boundary import NumberFormat
from tagship.contract.value_formats import instant_reader, number_reader
from tagship.data.text_normalization import word_set

_CURRENCIES = word_set(
    "$ € £ ¥ ₹ ₽ ₩ ₺ ₴ ₪ ₫ ฿ ¢ us$ r$ a$ c$ rs rs. kr chf usd eur gbp inr jpy zł kč"
)
"""What may stand before or after a number, in lower case."""
_MEASURES = word_set(
    "% ‰ kg g mg lb lbs oz t km m cm mm mi ft in inch ha l ml gal kwh wh kw w hp bhp ps cc kmpl"
    " km/kg mpg kmh km/h mph °c °f ° years yrs yr y months days d hrs hours h min mins sec s ms"
    " gb mb tb kb px sqft m² m2 ft² k bn mio pts pcs x"
)
"""What may follow a number without a space, in lower case; with one, any word may."""
_SCALES = word_set("% ‰ k m bn mio")
"""A number that lacks one of these would be of another size."""
_AROUND = re.compile(
    r"[+\-(\u2212\u2013]*\s*(?P<before>[^\d\s+\-(),.']*)\s*[+\-]?\s*"
    r"(?P<number>[\d.,'\u2019 \u00a0\u2009\u202f]*\d\.?)(?P<space>\s*)"
    r"(?P<behind>[^\d+\-()]*?)\s*[)\-]?"
)
_SIGNS = tuple(product((".", ","), ("", " ", "'", ".", ",")))
"""Pairs of the decimal and the thousands separator; of equal ones there are none."""
_CALLED = 9
"""Digits, in groups and in every row as many, that make a number to call, not to count."""
_SAMPLE = 2000

_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y"),
    *(
        "%d-%b-%y",
        "%d %B %Y",
        "%b %d, %Y",
        "%B %d, %Y",
        "%b %d %Y",
        "%a, %d %b %Y",
        "%A, %B %d, %Y",
    ),
    *("%Y-%m", "%b %Y", "%B %Y", "%b-%y"),
)
_ORDERED = tuple(
    sign.join(order)
    for sign in "/-"
    for order in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"), ("%d", "%m", "%y"), ("%m", "%d", "%y"))
)
"""Dates in which day and month may stand the other way round."""
_TIMES = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %H.%M"),
    *("T%H:%M", "T%H:%M:%S", "T%H:%M:%S%z", " %H:%M:%S%z", " %H:%M:%S %z", " %I:%M%p"),
)
_PATTERNS = tuple(map("".join, product((*_DATES, *_ORDERED), _TIMES)))
_YEARS = np.datetime64("1800-01-01"), np.datetime64("2200-01-01")


def find_number_format(texts: Sequence[str], decimal: str) -> WrittenNumber | None:
    """The format in which every text is a number; None where there is none.

    Args:
        texts: different ones, none missing.
        decimal: the decimal separator of the file's other numbers, which decides where two fit.
    """
    matches = [_AROUND.fullmatch(text.strip()) for text in texts[:_SAMPLE]]
    matching = [match for match in matches if match]
    if not texts or len(matching) < len(matches) or not _are_units(matching):
        return None
    unit = next((m["before"] or m["behind"] for m in matching if m["before"] or m["behind"]), "")
    plain = [re.sub(r"\s", " ", match["number"].strip()) for match in matching]
    numbers = [number.replace("\u2019", "'") for number in plain]
    digits = {len(re.sub(r"\D", "", number)) for number in numbers}
    for sign, thousands in sorted(_SIGNS, key=lambda pair: (pair[0] != decimal, pair[1] != "")):
        present = not thousands or any(thousands in number for number in numbers)
        present = present and (sign == decimal or any(sign in number for number in numbers))
        called = not unit and thousands and len(digits) == 1 and max(digits) >= _CALLED
        if not present or called or sign == thousands:
            continue
        if _read_all(number_reader(NumberFormat(unit, thousands, sign)), texts):
            return WrittenNumber(unit=unit, thousands=thousands, decimal=sign)
    return None


def _are_units(matches: Sequence[re.Match[str]]) -> bool:
    """Whether what stands around the numbers is one unit, or nothing."""
    around = {(m["before"].lower(), m["space"], m["behind"].lower()) for m in matches}
    units = {before or behind for before, _, behind in around}
    units_only = units - {""}
    if len(units_only) > 1 or ("" in units and units_only & _SCALES):
        return False
    for before, space, behind in around:
        word = bool(space) and len(behind) > 1 and behind.isalpha()
        if (before and behind) or (before and before not in _CURRENCIES):
            return False
        if behind and not (behind in _MEASURES | _CURRENCIES or word):
            return False
    return True


def _read_all(read: Callable[[str], Any], texts: Iterable[str]) -> bool:
    return all(_reads(read, text) for text in texts)


def _reads(read: Callable[[str], Any], text: str) -> bool:
    try:
        value = read(text)
    except (ValueError, OverflowError):
        return False
    return not isinstance(value, np.datetime64) or bool(_YEARS[0] <= value < _YEARS[1])


@dataclass(frozen=True)
class DateFormats:
    """How a column's dates are written."""

    patterns: list[str]
    """One, or two that are tried in this order."""
    other: str = ""
    """A pattern that reads every date as another day: only who made the table knows which."""


def find_date_formats(texts: Sequence[str], day_first: bool | None = None) -> DateFormats | None:
    """The one or two patterns by which every text is a date; None where there are none.

    Args:
        texts: different ones, none missing.
        day_first: whether the day stands before the month where both could be; None if unknown.
    """
    unread = list(texts)
    patterns: list[str] = []
    other = ""
    while unread and len(patterns) < 2:
        fitting = _fitting(unread, day_first)
        if not fitting:
            return None
        best = max(fitting, key=lambda pattern: fitting[pattern])
        rival = _other_order(best)
        if rival in patterns or (rival in fitting and fitting[best] < len(unread)):
            return None  # some dates are in one order, and some in the other
        if rival in fitting:
            other = rival if fitting[rival] == len(unread) else ""
        patterns.append(best)
        reader = instant_reader([best])
        unread = [text for text in unread if not _reads(reader, text)]
    return None if unread else DateFormats(patterns, other)


def _fitting(texts: Sequence[str], day_first: bool | None) -> dict[str, int]:
    """How many of the texts each pattern reads that the first of them fits."""
    counts = {}
    for pattern in _PATTERNS:
        ordered = pattern.startswith(_ORDERED)
        if ordered and day_first is not None and pattern.startswith("%d") != day_first:
            continue
        read = instant_reader([pattern])
        if _reads(read, texts[0]):
            counts[pattern] = sum(_reads(read, text) for text in texts)
    return counts


def _other_order(pattern: str) -> str:
    """The pattern with day and month the other way round; empty where they have one order."""
    if not pattern.startswith(_ORDERED):
        return ""
    return pattern[3:5] + pattern[2] + pattern[:2] + pattern[5:]
