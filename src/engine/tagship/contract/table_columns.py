"""Columns of tables, read by the contract's types: numbers at once, other values each once.

A block is an Arrow array or a pandas series, from whatever kind of file. Its cells are read by the
rules of ``contract.values``; masks say what is missing, unread or out of range.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tagship.contract.boundary import Field, NumberFormat
from tagship.contract.values import (
    NOT_NULL,
    NUMBER,
    Mask,
    broken_numbers,
    cell_reader,
    cell_text,
    expected,
    missing_value,
    null_numbers,
    to_array,
)

if TYPE_CHECKING:
    import pandas as pd

    from tagship.config.contract import Column, WrittenNumber


@dataclass(frozen=True)
class Cells:
    """One column that was read, shape (rows,) each; missing and unread cells have no value."""

    values: NDArray[Any]
    """As ``Boundary.matrix`` takes them."""
    missing: Mask
    unread: Mask
    """Not of the column's type, or no category of it."""


def declared_field(name: str, column: "Column", feature: bool = True) -> Field:
    """A column of ``data.yaml`` as the boundary has it."""
    written = column.format
    return Field(
        name,
        column.dtype,
        column.min,
        column.max,
        tuple(column.values or ()),
        nullable=column.missing > 0,
        feature=feature,
        usual=None if column.usual is None else (column.usual[0], column.usual[1]),
        closed=column.closed,
        format=number_format(written) if not isinstance(written, list) else tuple(written),
        nulls=tuple(map(cell_text, column.nulls or ())),
        parts=tuple(column.parts or ()),
    )


def number_format(declared: "WrittenNumber | None") -> NumberFormat | None:
    """A format of ``data.yaml`` as the boundary has it."""
    return None if declared is None else NumberFormat(**declared.model_dump())


def read_cells(field: Field, block: "pa.Array | pd.Series", decimal: str = ".") -> Cells:
    """Read a column by its type, without judging its range.

    Args:
        decimal: the decimal separator of numbers that are text.
    """
    array, textless = _to_arrow(block)
    if pa.types.is_nested(array.type):
        textless = ~_nulls(array)
        array = pa.nulls(len(array))
    array = _without_nulls(field, array)
    if field.dtype in ("float", "int") and (field.format is None or not _holds_text(array.type)):
        cells = _read_numbers(array, decimal)
    elif field.dtype == "datetime" and _is_instant(array.type):
        cells = _read_instants(array)
    else:
        cells = _read_distinct(field, array)
    if numbers := null_numbers(field):
        absent = np.isin(cells.values, list(numbers))
        cells = Cells(np.where(absent, np.nan, cells.values), cells.missing | absent, cells.unread)
    if textless is None:
        return cells
    return Cells(cells.values, cells.missing & ~textless, cells.unread | textless)


def broken_rules(field: Field, cells: Cells) -> Iterator[tuple[str, Mask]]:
    """The rules that the field's cells break, and where; a cell breaks one rule at most."""
    if not field.nullable and cells.missing.any():
        yield NOT_NULL, cells.missing
    if cells.unread.any():
        yield f"must be {expected(field)}", cells.unread
    if field.dtype in ("float", "int"):
        yield from broken_numbers(field, cells.values)


def as_text(block: "pd.Series") -> "pd.Series":
    """Cells as text, the same from whatever kind of file; what has no text is missing."""
    import pandas as pd

    array, _ = _to_arrow(block)
    if not _is_text(array.type):
        texts = _read_distinct(Field("", "string"), array).values
        array = pa.array(texts, pa.string())
    return pd.Series(array.to_pandas().array, block.index, "str")


def _to_arrow(block: "pa.Array | pd.Series") -> tuple[pa.Array, Mask | None]:
    """A block as an Arrow array; for mixed types, the cells' texts and which cells have no text."""
    if isinstance(block, pa.Array):
        return block, None
    if block.dtype != object or _is_of_one_type(block):
        array = pa.array(block, from_pandas=True)
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array, None
    texts: list[str | None] = [None] * len(block)
    textless = np.zeros(len(block), dtype=bool)
    for at, value in enumerate(block.where(block.notna(), None)):
        try:
            texts[at] = None if value is None else cell_text(value)
        except ValueError:
            textless[at] = True
    return pa.array(texts, pa.string()), textless


def _is_of_one_type(block: "pd.Series") -> bool:
    kinds = set(map(type, block[block.notna()]))
    return len(kinds) == 1 and kinds & {str, bool, float, date, datetime, Decimal} != set()


def _is_instant(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    of_numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return any(is_kind(kind) for is_kind in of_numbers)


def _holds_text(kind: pa.DataType) -> bool:
    return _is_text(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _without_nulls(field: Field, array: pa.Array) -> pa.Array:
    """The array without the texts that the column declares to be missing."""
    if not field.nulls or not _holds_text(array.type):
        return array
    texts = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    tokens = pa.array(field.nulls, texts.type)
    return pc.if_else(pc.is_in(texts, tokens), None, texts)


def _nulls(array: pa.Array) -> Mask:
    nulls: Mask = pc.is_null(array).to_numpy(zero_copy_only=False)
    return nulls


def _read_instants(array: pa.Array) -> Cells:
    utc = pc.cast(array, pa.timestamp("us", tz=getattr(array.type, "tz", None)), safe=False)
    instants = utc.to_numpy(zero_copy_only=False).astype("datetime64[us]")
    return Cells(instants, np.isnat(instants), np.zeros(len(array), dtype=bool))


def _read_numbers(array: pa.Array, decimal: str) -> Cells:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    cells = array
    if _is_text(array.type):
        if decimal != ".":
            pointed = pc.match_substring(array, ".")  # would become another number
            array = pc.if_else(pointed, "unreadable", pc.replace_substring(array, decimal, "."))
        try:
            array = pc.cast(array, pa.float64())
        except pa.ArrowInvalid:
            text = pc.utf8_trim_whitespace(array)
            array = pc.if_else(pc.match_substring_regex(text, NUMBER), text, None)
    elif not _is_number(array.type):
        array = pa.nulls(len(array))
    floats = pc.cast(array, pa.float64(), safe=False)
    values = floats.to_numpy(zero_copy_only=False)
    unread = _nulls(floats) & ~_nulls(cells)
    return Cells(values, np.isnan(values) & ~unread, unread)


def _read_distinct(field: Field, array: pa.Array) -> Cells:
    """Read each distinct cell once; a category that is not declared has the code ``UNSEEN``, and is
    unread only where the column is closed."""
    read = cell_reader(field)
    absent = missing_value(field)
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    values = [absent] * (len(distinct) + 1)
    missing = np.zeros(len(values), dtype=bool)
    missing[-1] = True
    unread = np.zeros(len(values), dtype=bool)
    for at, value in enumerate(distinct):
        if value is None or value != value:
            missing[at] = True
            continue
        try:
            values[at] = read(cell_text(value))
        except ValueError:
            unread[at] = True
    places = pc.cast(encoded.indices, pa.int64()).fill_null(len(distinct)).to_numpy()
    return Cells(to_array(field, values)[places], missing[places], unread[places])
