"""From JSON records to the boundary's columns; every value is checked against the contract."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.data.boundary import Boundary, Field

FLOAT32_MAX = float(np.finfo(np.float32).max)
"""The largest number that the boundary takes."""
_SHOWN_PROBLEMS = 100
_SHOWN_CHARACTERS = 80
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Problem:
    """Why one value of one record is refused."""

    row: int
    field: str
    problem: str


class InvalidRecords(Exception):
    """The request breaks the contract; ``problems`` names each field, up to a hundred."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems[:_SHOWN_PROBLEMS]
        super().__init__("values break the contract")


class Decoder:
    """The contract as functions, one a field, made once."""

    def __init__(self, boundary: Boundary) -> None:
        self._fields = [(f.name, _reader(f), _dtype(f)) for f in boundary.fields]
        self._names = frozenset(f.name for f in boundary.fields)

    def decode(self, records: list[Any]) -> dict[str, NDArray[Any]]:
        """Columns in the form that ``Boundary.matrix`` takes.

        Raises:
            InvalidRecords: a wrong type, a missing or unknown column, a value out of range.
        """
        problems: list[Problem] = []
        objects = []
        for row, record in enumerate(records):
            if len(problems) >= _SHOWN_PROBLEMS:
                break
            if type(record) is not dict:
                problems.append(Problem(row, "", f"must be an object, not {_kind(record)}"))
                continue
            objects.append((row, record))
            if record.keys() != self._names:
                problems += self._names_of(row, record)
        columns: dict[str, NDArray[Any]] = {}
        for name, read, dtype in self._fields:
            values = []
            of_column = 0
            for row, record in objects:
                if name not in record:
                    continue  # named above
                try:
                    values.append(read(record[name]))
                except ValueError as error:
                    problems.append(Problem(row, name, str(error)))
                    of_column += 1
                    if of_column == _SHOWN_PROBLEMS:  # later rows would not be shown
                        break
            if not problems:
                columns[name] = np.array(values, dtype=dtype)
        if problems:
            raise InvalidRecords(sorted(problems, key=lambda problem: problem.row))
        return columns

    def _names_of(self, row: int, record: Mapping[str, Any]) -> list[Problem]:
        missing = sorted(self._names - record.keys())
        unknown = nsmallest(_SHOWN_PROBLEMS, record.keys() - self._names)
        return [Problem(row, name, "is missing") for name in missing] + [
            Problem(row, name[:_SHOWN_CHARACTERS], "is not in the contract") for name in unknown
        ]


def _dtype(field: Field) -> Any:
    kinds = {"category": np.int64, "string": object, "datetime": "datetime64[us]"}
    return kinds.get(field.dtype, np.float64)


def _reader(field: Field) -> Callable[[Any], Any]:
    """A function from one JSON value to one array element; it raises ValueError otherwise."""
    read: Callable[[Any], Any]
    if field.dtype in ("float", "int"):
        read = _number_reader(field)
    elif field.dtype == "category":
        read = _category_reader(field)
    else:
        read = {"bool": _read_bool, "string": _read_string, "datetime": read_datetime}[field.dtype]
    absent = {"category": -1, "string": None, "datetime": np.datetime64("NaT")}.get(
        field.dtype, math.nan
    )

    def nullable(value: Any) -> Any:
        return absent if value is None else read(value)

    def required(value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null")
        return read(value)

    return nullable if field.nullable else required


def limits(field: Field) -> tuple[float, float]:
    """The least and the largest number that a column takes: none is infinite as a float32."""
    low = -FLOAT32_MAX if field.min is None else max(field.min, -FLOAT32_MAX)
    return low, FLOAT32_MAX if field.max is None else min(field.max, FLOAT32_MAX)


def _number_reader(field: Field) -> Callable[[Any], float]:
    low, high = limits(field)
    whole = field.dtype == "int"

    def read(value: Any) -> float:
        if type(value) is not float and type(value) is not int:
            raise ValueError(f"must be a number, not {_kind(value)}")
        if not low <= value <= high:  # false for NaN as well
            raise ValueError(f"must be between {low:g} and {high:g}, is {_clip(value)}")
        if whole and value != int(value):
            raise ValueError(f"must be a whole number, is {_clip(value)}")
        return value

    return read


def _category_reader(field: Field) -> Callable[[Any], int]:
    codes = {(type(value), value): code for code, value in enumerate(field.values)}
    shown = ", ".join(str(value) for value in field.values[:12])

    def read(value: Any) -> int:
        code = codes.get((type(value), value)) if type(value) in (str, int) else None
        if code is None:
            raise ValueError(f"must be one of {shown}; is {_clip(value)}")
        return code

    return read


def _read_bool(value: Any) -> float:
    if value is True:
        return 1.0
    if value is False:
        return 0.0
    raise ValueError(f"must be true or false, not {_kind(value)}")


def _read_string(value: Any) -> str:
    if type(value) is not str:
        raise ValueError(f"must be text, not {_kind(value)}")
    if not value.isascii() and _SURROGATE.search(value):
        raise ValueError("must be text, and holds half a character: \\ud800 to \\udfff")
    return value


def read_datetime(value: Any) -> np.datetime64:
    """An ISO 8601 date in UTC; it raises ValueError otherwise."""
    try:
        parsed = datetime.fromisoformat(value)
        value.encode("ascii")  # any character may stand between date and time
        offset = parsed.utcoffset()
        naive = parsed.replace(tzinfo=None)
        return np.datetime64(naive - offset if offset else naive, "us")
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"must be an ISO 8601 date, is {_clip(value)}") from None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a boolean", str: "text", int: "a number", float: "a number", list: "an array"}
    return kinds.get(type(value), "an object")


def _clip(value: Any) -> str:
    text = repr(value[: _SHOWN_CHARACTERS + 1] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
