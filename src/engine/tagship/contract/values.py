"""The rules of one value: what each type takes, what is missing, and why the rest is refused.

A value comes in one of two forms. A *JSON value* has its type: the text ``"12"`` is no number, and
1 is no truth value. A *cell* of a table counts as the text that a csv file would hold of it: 12,
12.0 and ``"12"`` are the same number, category and text; but what is declared as a truth value, a
date or bytes by the file's own types is no number. numpy only: the service's image has it.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import UNSEEN, Field, NumberFormat
from tagship.contract.value_formats import instant_reader, number_reader

Mask = NDArray[np.bool_]
Read = Callable[[Any], Any]
"""From one value to one element of its column's array; it raises ValueError with the reason."""

FLOAT32_MAX = float(np.finfo(np.float32).max)
"""The largest number that the model's input holds."""
NUMBER = r"(?i)^[+-]?([0-9]+\.?[0-9]*(e[+-]?[0-9]+)?|\.[0-9]+(e[+-]?[0-9]+)?|inf|infinity|nan)$"
"""What a text must match, without spaces around it, to be a number."""
TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
"""The texts, in lower case, that are truth values."""
NOT_NULL, WHOLE = "must not be null", "must be a whole number"

_NUMBER = re.compile(NUMBER)
_INSTANT = re.compile(r"\d{4}(-?)\d\d\1\d\d([T ](?!24).+)?", re.ASCII)
"""A whole date, and a time of day: not every reader takes weeks, months or other separators."""
_ABSENT = {"category": -1, "string": None, "datetime": np.datetime64("NaT", "us")}
_DTYPES: dict[str, Any] = {"category": np.int64, "string": object, "datetime": "datetime64[us]"}
_EXPECTED = {"bool": "true or false", "string": "text", "datetime": "an ISO 8601 date"}
MOST_PROBLEMS = 100
"""So many problems of records are named."""
SHOWN_CHARACTERS = 80
"""So many characters of a value are quoted."""
_SHOWN_CATEGORIES = 12
_WHOLE_FLOATS = 2.0**63
EXACT_WHOLE = 2**24
"""Up to here a float32 tells whole numbers apart."""
_MOST_EQUAL = 0.01
"""The share of different whole numbers that may become equal."""


@dataclass(frozen=True)
class Problem:
    """Why one value of one record is refused."""

    row: int
    field: str
    problem: str


def missing_value(field: Field) -> Any:
    """What stands for a missing value in a column's array."""
    return _ABSENT.get(field.dtype, math.nan)


def to_array(field: Field, values: Sequence[Any]) -> NDArray[Any]:
    """Elements as the array that ``Boundary.matrix`` takes, shape (len(values),)."""
    return np.array(values, dtype=_DTYPES.get(field.dtype, np.float64))


def is_missing(field: Field, column: NDArray[Any]) -> Mask:
    """Which elements of a column's array are missing."""
    if field.dtype == "category":
        return np.asarray(column < 0)
    if field.dtype == "string":
        return np.fromiter((value is None for value in column), dtype=bool, count=len(column))
    return np.asarray(column != column)  # only NaN and NaT differ from themselves


def limits(field: Field) -> tuple[float, float]:
    """The smallest and the largest number that a column takes: finite in the float32 input.

    A column that only slices read may be as large as a float64.
    """
    most = FLOAT32_MAX if field.feature else float(np.finfo(np.float64).max)
    low = -most if field.min is None else max(field.min, -most)
    return low, most if field.max is None else min(field.max, most)


def expected(field: Field) -> str:
    """What a value of the column is, as a refusal says it."""
    if field.dtype == "category":
        categories = ", ".join(str(value) for value in field.values[:_SHOWN_CATEGORIES])
        more = len(field.values) - _SHOWN_CATEGORIES
        return f"one of {categories}" + (f" and {more} more" if more > 0 else "")
    if isinstance(field.format, NumberFormat):
        unit = f" {field.format.unit}" if field.format.unit else ""
        return f"a number such as 1{field.format.thousands}234{field.format.decimal}5{unit}"
    if field.format:
        return f"a date as {' or '.join(field.format)}"
    return _EXPECTED.get(field.dtype, "a number")


def broken_numbers(field: Field, values: NDArray[np.float64]) -> Iterator[tuple[str, Mask]]:
    """The rules that a column of numbers breaks, and where; NaN, a missing one, breaks no rule."""
    low, high = limits(field)
    beyond = (values < low) | (values > high)
    if beyond.any():
        unlimited = not field.feature and field.min is None and field.max is None
        yield "must be finite" if unlimited else f"must be between {low:g} and {high:g}", beyond
    if field.dtype == "int":
        fractions = (values > np.floor(values)) & ~beyond
        if fractions.any():
            yield WHOLE, fractions


def cell_reader(field: Field) -> Read:
    """How a cell's text becomes an element, whatever its range; made once for each column."""
    if field.dtype == "category":
        codes = {str(value): code for code, value in enumerate(field.values)}
        if not field.closed:
            return lambda text: codes.get(text, UNSEEN)
        return _from(codes, expected(field))
    if field.dtype == "bool":
        truth = _from(TRUTH, expected(field))
        return lambda text: truth(text.lower())
    if isinstance(field.format, NumberFormat):
        return number_reader(field.format)
    if field.format:
        return instant_reader(field.format)
    readers: dict[str, Read] = {"string": str, "datetime": read_instant}
    return readers.get(field.dtype, read_number)


def null_numbers(field: Field) -> frozenset[float]:
    """The numbers that mean a missing value in a column of numbers."""
    if field.dtype not in ("float", "int"):
        return frozenset()
    return frozenset(float(text) for text in field.nulls if _NUMBER.match(text))


def count_unusual(field: Field, column: NDArray[Any]) -> int:
    """How many values of a column's array are answered though they are beyond what is usual, or are
    no category of the contract."""
    if field.dtype == "category":
        return int((column == UNSEEN).sum())
    if field.usual is None:
        return 0
    return int(((column < field.usual[0]) | (column > field.usual[1])).sum())


def equal_in_float32(values: NDArray[np.float64]) -> int:
    """How many different whole numbers become another's equal in the model's input; 0 where they
    are too few to matter. NaN counts for nothing."""
    large = np.abs(values) > EXACT_WHOLE
    if not large.any():
        return 0
    distinct = np.unique(values[~np.isnan(values)])
    with np.errstate(over="ignore"):
        count = len(distinct) - len(np.unique(distinct.astype(np.float32)))
    return count if count > _MOST_EQUAL * len(distinct) else 0


def cell_text(value: Any) -> str:
    """The text of a cell, the same from whatever kind of file and whatever stands beside it.

    Raises:
        ValueError: bytes and nested values have no text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float | np.floating):
        number = float(value)
        is_whole = number.is_integer() and abs(number) < _WHOLE_FLOATS
        return str(int(number)) if is_whole else repr(number)
    if isinstance(value, datetime):
        midnight = value.tzinfo is None and value == datetime(value.year, value.month, value.day)
        return value.date().isoformat() if midnight else str(value)
    if isinstance(value, bytes | bytearray | list | tuple | dict | set | np.ndarray):
        raise ValueError(f"must be text, not {type(value).__name__}")
    return value.isoformat() if isinstance(value, date) else str(value)


def read_number(text: str) -> float:
    """A text as the number that a csv file would hold; NaN is a missing one.

    Raises:
        ValueError: the text is no number.
    """
    text = text.strip()
    if not _NUMBER.match(text):
        raise ValueError("must be a number")
    return float(text)


def read_instant(text: Any) -> np.datetime64:
    """An ISO 8601 date, or date and time, in UTC and microseconds.

    Raises:
        ValueError: the text is no date.
    """
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError(text)
        parsed = datetime.fromisoformat(text)
        offset = parsed.utcoffset()
        naive = parsed.replace(tzinfo=None)
        return np.datetime64(naive - offset if offset else naive, "us")
    except (TypeError, ValueError, OverflowError):
        raise ValueError("must be an ISO 8601 date") from None


def _from(elements: dict[str, Any], rule: str) -> Read:
    def read(text: str) -> Any:
        if text not in elements:
            raise ValueError(f"must be {rule}")
        return elements[text]

    return read


def shown(value: Any) -> str:
    """A value as a refusal quotes it: short, and nested ones by their kind alone."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = repr(value[: SHOWN_CHARACTERS + 1] if isinstance(value, str) else value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
