"""Records of JSON, read by the contract's types: the common case in microseconds.

msgspec reads JSON straight into ``RecordTypes``. What it does not take is read again by
``RecordReader``, which accepts a little more (12.0 for a whole number) and names every problem.
Logged values are read by the same rules, a column at a time.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import Boundary, Field
from tagship.contract.values import (
    Problem,
    json_reader,
    kind_of,
    limits,
    missing_value,
    read_instant,
    to_array,
)

_INT64_MAX = 2**63 - 1
_SHOWN_PROBLEMS = 100
_SHOWN_CHARACTERS = 80
_NULL = {type(None)}
_KINDS: dict[str, set[type]] = {
    "category": {str, int},
    "string": {str},
    "bool": {bool},
    "datetime": {str},
}
"""What JSON values of a type are in Python; numbers are float or int."""


class InvalidRecords(Exception):
    """Records break the contract; ``problems`` names each field, up to a hundred."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems[:_SHOWN_PROBLEMS]
        super().__init__("values break the contract")


class RecordTypes:
    """The contract as msgspec types, and as functions to arrays; made once."""

    def __init__(self, boundary: Boundary) -> None:
        members = [
            (f"f{at}", _type(field), msgspec.field(name=field.name))
            for at, field in enumerate(boundary.fields)
        ]
        lists = [(name, list[kind], renamed) for name, kind, renamed in members]  # type: ignore[valid-type]
        options: dict[str, Any] = {"forbid_unknown_fields": True, "gc": False}
        self.record = msgspec.defstruct("Record", members, **options)
        self.columns = msgspec.defstruct("Columns", lists, **options)
        self.direct = _direct_order(boundary)
        """Where each of the matrix's columns stands in a record, and its codes if it is a category.

        None when features are derived, or a date must be read only to be checked.
        """
        self._converters = [(field.name, _converter(field)) for field in boundary.fields]

    def arrays(self, columns: Sequence[Sequence[Any]]) -> dict[str, NDArray[Any]]:
        """Columns that msgspec took as ``Boundary.matrix`` takes them.

        Raises:
            ValueError: a date is none.
        """
        pairs = zip(self._converters, columns, strict=True)
        return {name: convert(values) for (name, convert), values in pairs}


class ColumnReader:
    """JSON values of one column to its array; made once for each column."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._read = json_reader(field)
        self._convert = _converter(field)
        self._kinds = _KINDS.get(field.dtype, {float, int}) | (_NULL if field.nullable else set())

    def read(
        self, values: Sequence[Any], most: int | None = None
    ) -> tuple[NDArray[Any], dict[int, str]]:
        """The array, missing where a value is refused, and the reason at each such place.

        Args:
            most: after so many refusals the rest is left out.
        """
        array = self._read_at_once(values)
        if array is not None:
            return array, {}
        elements: list[Any] = []
        refused: dict[int, str] = {}
        for at, value in enumerate(values):
            try:
                elements.append(self._read(value))
            except ValueError as error:
                elements.append(missing_value(self.field))
                refused[at] = str(error)
                if len(refused) == most:
                    break
        return to_array(self.field, elements), refused

    def _read_at_once(self, values: Sequence[Any]) -> NDArray[Any] | None:
        """None where a value is of another kind or refused: each must be read by itself."""
        if not set(map(type, values)) <= self._kinds:
            return None
        try:
            array = self._convert(values)
        except (KeyError, ValueError, OverflowError):
            return None
        if self.field.dtype in ("float", "int"):
            low, high = limits(self.field)
            good = (array >= low) & (array <= high)
            if self.field.dtype == "int":
                good &= array == np.floor(array)
            if not (good | np.isnan(array)).all():
                return None
        return array


class RecordReader:
    """The contract as readers, one a field, made once."""

    def __init__(self, boundary: Boundary) -> None:
        self._columns = [ColumnReader(field) for field in boundary.fields]
        self._names = frozenset(field.name for field in boundary.fields)

    def read(self, records: list[Any]) -> dict[str, NDArray[Any]]:
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
                problems.append(Problem(row, "", f"must be an object, not {kind_of(record)}"))
                continue
            objects.append((row, record))
            if record.keys() != self._names:
                problems += self._misnamed(row, record)
        columns: dict[str, NDArray[Any]] = {}
        for column in self._columns:
            name = column.field.name
            given = [(row, record[name]) for row, record in objects if name in record]
            array, refused = column.read([value for _, value in given], _SHOWN_PROBLEMS)
            problems += [Problem(given[at][0], name, why) for at, why in refused.items()]
            columns[name] = array
        if problems:
            raise InvalidRecords(sorted(problems, key=lambda problem: problem.row))
        return columns

    def _misnamed(self, row: int, record: Mapping[str, Any]) -> list[Problem]:
        missing = sorted(self._names - record.keys())
        unknown = nsmallest(_SHOWN_PROBLEMS, record.keys() - self._names)
        return [Problem(row, name, "is missing") for name in missing] + [
            Problem(row, name[:_SHOWN_CHARACTERS], "is not in the contract") for name in unknown
        ]


def _type(field: Field) -> Any:
    kind: Any
    if field.dtype == "category":
        kind = Literal[field.values]
    elif field.dtype == "int":
        least = -_INT64_MAX if field.min is None else max(math.ceil(field.min), -_INT64_MAX)
        most = _INT64_MAX if field.max is None else min(math.floor(field.max), _INT64_MAX)
        kind = Annotated[int, msgspec.Meta(ge=least, le=most)]
    elif field.dtype == "float":
        low, high = limits(field)
        kind = Annotated[float, msgspec.Meta(ge=low, le=high)]
    else:
        kind = bool if field.dtype == "bool" else str
    return kind | None if field.nullable else kind


def _converter(field: Field) -> Callable[[Sequence[Any]], NDArray[Any]]:
    """From values of the right types to an array; None becomes what is missing."""
    if field.dtype == "category":
        codes = _codes(field)
        return lambda values: np.array([codes[value] for value in values], dtype=np.int64)
    if field.dtype == "datetime":
        absent = missing_value(field)
        return lambda values: to_array(
            field, [absent if value is None else read_instant(value) for value in values]
        )
    return lambda values: to_array(field, values)


def _codes(field: Field) -> dict[Any, int]:
    return {value: code for code, value in enumerate(field.values)} | {None: -1}


def _direct_order(boundary: Boundary) -> list[tuple[int, dict[Any, int] | None]] | None:
    if boundary.derive is not None or any(f.dtype == "datetime" for f in boundary.fields):
        return None
    at = {field.name: index for index, field in enumerate(boundary.fields)}
    numbers = [(at[name], None) for name in boundary.numbers]
    return [*numbers, *((at[field.name], _codes(field)) for field in boundary.categories)]
