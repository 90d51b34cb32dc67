"""Records of JSON, read by the contract's types: the common case in microseconds.

msgspec reads JSON straight into ``RecordTypes``. What it does not take is read again by
``RecordReader``, a column at a time, which takes numbers of any length, what ``raw_records`` makes
of a row of somebody's file, and names every problem. Logged values are read by the same rules.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import UNSEEN, Boundary, Field
from tagship.contract.raw_records import Preparation, plain
from tagship.contract.values import (
    MOST_PROBLEMS,
    NOT_NULL,
    SHOWN_CHARACTERS,
    WHOLE,
    Problem,
    broken_numbers,
    cell_text,
    expected,
    limits,
    missing_value,
    null_numbers,
    read_instant,
    shown,
    to_array,
)

_INT64_MAX = 2**63 - 1
_SCALARS = (str, int, float, bool)


class InvalidRecords(Exception):
    """Records break the contract; ``problems`` names each field, up to a hundred."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems[:MOST_PROBLEMS]
        super().__init__("values break the contract")


@dataclass(frozen=True)
class ReadRecords:
    """Records that keep the contract."""

    columns: dict[str, NDArray[Any]]
    """One array for each request column."""
    records: list[dict[str, Any]]
    """As the contract has them."""
    ignored: frozenset[str]
    """The declared columns that they carried for nothing."""


class RecordTypes:
    """The contract as msgspec types, and as functions to arrays; made once."""

    def __init__(self, boundary: Boundary) -> None:
        members = [
            (f"f{at}", _type(field), msgspec.field(name=field.name))
            for at, field in enumerate(boundary.fields)
        ]
        options: dict[str, Any] = {"forbid_unknown_fields": True, "gc": False}
        self.record = msgspec.defstruct("Record", members, **options)
        self._order = _direct_order(boundary)
        self._whole_at = [at for at, f in enumerate(boundary.fields) if f.dtype == "int"]
        self._converters = [(f.name, _sure(f, _converter(f))) for f in boundary.fields]

    def arrays(self, columns: Sequence[Sequence[Any]]) -> dict[str, NDArray[Any]]:
        """Columns that msgspec took as ``Boundary.matrix`` takes them.

        Raises:
            ValueError: a text is no date, a number is not whole, or a value has to be prepared.
        """
        pairs = zip(self._converters, columns, strict=True)
        return {name: convert(values) for (name, convert), values in pairs}

    def direct(self, values: Sequence[Any]) -> list[float] | None:
        """A record's values as a row of the matrix.

        None where more must be done: features are derived, words are counted, a date must be
        checked, or a whole number is written with a decimal point.
        """
        if self._order is None or float in map(type, [values[at] for at in self._whole_at]):
            return None
        return [values[at] if codes is None else codes[values[at]] for at, codes in self._order]


class ColumnReader:
    """JSON values of one column to its array; made once for each column."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._types = list[_type(field)]  # type: ignore[misc]
        self._convert = _converter(field)
        any_number = replace(field, dtype="float") if field.dtype == "int" else field
        self._kinds = list[_nullable(any_number, _kind(any_number))]  # type: ignore[misc]
        self._convert_kind = _converter(any_number)
        self._open = field.dtype == "category" and not field.closed
        self._places = {str(value): code for code, value in enumerate(field.values)}

    def read(
        self, values: Sequence[Any], most: int | None = None
    ) -> tuple[NDArray[Any], dict[int, str]]:
        """The array, and the reason at each place whose value is refused.

        Args:
            most: after this many refusals the rest is left out.
        """
        try:
            return self._convert(msgspec.convert(values, self._types)), {}
        except ValueError:
            return (self._read_open if self._open else self._read_each)(values, most)

    def _read_each(
        self, values: Sequence[Any], most: int | None
    ) -> tuple[NDArray[Any], dict[int, str]]:
        elements: list[Any] = []
        refused: dict[int, str] = {}
        for at, value in enumerate(values):
            try:
                elements += self._convert_kind(msgspec.convert([value], self._kinds)).tolist()
            except ValueError:
                elements.append(missing_value(self.field))
                rule = f"must be {expected(self.field)}; is {shown(value)}"
                refused[at] = rule if value is not None else NOT_NULL
                if len(refused) == most:
                    break
        array = to_array(self.field, elements)
        if self.field.dtype in ("float", "int"):
            for rule, rows in broken_numbers(self.field, array):
                places = np.flatnonzero(rows)[:most].tolist()
                refused |= {at: f"{rule}, is {shown(values[at])}" for at in places}
        return array, refused

    def _read_open(
        self, values: Sequence[Any], most: int | None
    ) -> tuple[NDArray[Any], dict[int, str]]:
        """Codes by the text that a cell would have; any other is a category that is not known."""
        elements: list[int] = []
        refused: dict[int, str] = {}
        for at, value in enumerate(values):
            code, why = self._code(value)
            elements.append(code)
            if why:
                refused[at] = why
                if len(refused) == most:
                    break
        return to_array(self.field, elements), refused

    def _code(self, value: Any) -> tuple[int, str]:
        """The code of a value of an open category, or why it has none."""
        if value is None:
            return -1, "" if self.field.nullable else NOT_NULL
        if type(value) not in _SCALARS:
            return -1, f"must be a text or a number; is {shown(value)}"
        text = cell_text(value)
        try:
            text.encode()
        except UnicodeError:
            return -1, f"must be text; is {shown(value)}"
        return self._places.get(text, UNSEEN), ""


class RecordReader:
    """The contract as readers, one for each field, made once."""

    def __init__(self, boundary: Boundary) -> None:
        self._columns = [ColumnReader(plain(field)) for field in boundary.fields]
        self._names = frozenset(field.name for field in boundary.fields)
        self._preparation = Preparation(boundary)

    def read(self, values: Sequence[Any]) -> ReadRecords:
        """Columns in the form that ``Boundary.matrix`` takes, and the records that they came from.

        Raises:
            InvalidRecords: a wrong type, a missing or unknown column, a value out of range.
        """
        prepared = self._preparation.prepare(values)
        records, problems = prepared.records, list(prepared.problems)
        refused_cells = {(problem.row, problem.field) for problem in problems}
        objects = []
        for row, record in enumerate(records):
            if len(problems) >= MOST_PROBLEMS:
                break
            if type(record) is not dict:
                problems.append(Problem(row, "", f"must be an object; is {shown(record)}"))
                continue
            objects.append((row, record))
            if record.keys() != self._names:
                problems += self._misnamed(row, record)
        columns: dict[str, NDArray[Any]] = {}
        for column in self._columns:
            name = column.field.name
            cells = [(row, record[name]) for row, record in objects if name in record]
            array, refused = column.read([value for _, value in cells], MOST_PROBLEMS)
            problems += [
                Problem(cells[at][0], name, why)
                for at, why in refused.items()
                if (cells[at][0], name) not in refused_cells
            ]
            columns[name] = array
        if problems:
            raise InvalidRecords(sorted(problems, key=lambda problem: problem.row))
        return ReadRecords(columns, records, prepared.ignored)

    def _misnamed(self, row: int, record: Mapping[str, Any]) -> list[Problem]:
        missing = sorted(self._names - record.keys())
        unknown = nsmallest(MOST_PROBLEMS, record.keys() - self._names)
        return [Problem(row, name, "is missing") for name in missing] + [
            Problem(row, name[:SHOWN_CHARACTERS], "is not in the contract") for name in unknown
        ]


def _type(field: Field) -> Any:
    """What msgspec takes: fractions for whole numbers too, and no integer beyond 64 bits."""
    kind = _kind(field)
    if field.dtype == "int":
        least = -_INT64_MAX if field.min is None else max(math.ceil(field.min), -_INT64_MAX)
        most = _INT64_MAX if field.max is None else min(math.floor(field.max), _INT64_MAX)
        kind = Annotated[int, msgspec.Meta(ge=least, le=most)]
    if field.dtype in ("float", "int"):
        low, high = limits(field)
        number = Annotated[float, msgspec.Meta(ge=low, le=high)]
        kind = number if field.dtype == "float" else kind | number
    return _nullable(field, kind)


def _nullable(field: Field, kind: Any) -> Any:
    return kind | None if field.nullable else kind


def _kind(field: Field) -> Any:
    if field.dtype == "category":
        return Literal[field.values]
    return {"float": float, "int": int, "bool": bool}.get(field.dtype, str)


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
    if field.dtype == "int":
        return _whole_numbers
    if field.dtype == "string":
        return _texts
    return lambda values: to_array(field, values)


def _sure(
    field: Field, convert: Callable[[Sequence[Any]], NDArray[Any]]
) -> Callable[[Sequence[Any]], NDArray[Any]]:
    """The converter; it refuses what msgspec takes and has to be prepared first."""
    written = field.dtype == "datetime" and field.format is not None
    nulls: frozenset[Any] = null_numbers(field)
    if field.dtype == "string":
        nulls = frozenset(field.nulls)
    if not written and not nulls:
        return convert

    def convert_sure(values: Sequence[Any]) -> NDArray[Any]:
        if written or not nulls.isdisjoint(values):
            raise ValueError("a value has to be prepared")
        return convert(values)

    return convert_sure


def _whole_numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    array = np.array(values, dtype=np.float64)
    if float in map(type, values) and (array > np.floor(array)).any():
        raise ValueError(WHOLE)
    return array


def _texts(values: Sequence[Any]) -> NDArray[np.object_]:
    """Texts as they are; half a surrogate pair is refused, since no reader of a log takes it."""
    for value in values:
        if value is not None:
            value.encode()  # its error is a ValueError
    return np.array(values, dtype=object)


def _codes(field: Field) -> dict[Any, int]:
    return {value: code for code, value in enumerate(field.values)} | {None: -1}


def _direct_order(boundary: Boundary) -> list[tuple[int, dict[Any, int] | None]] | None:
    """Where each of the matrix's columns stands in a record, and its codes if it is a category."""
    prepared = any(f.dtype == "datetime" or null_numbers(f) for f in boundary.fields)
    if boundary.derive is not None or boundary.texts or prepared:
        return None
    at = {field.name: index for index, field in enumerate(boundary.fields)}
    numeric = [(at[name], None) for name in boundary.numeric_names]
    return [*numeric, *((at[field.name], _codes(field)) for field in boundary.categories)]
