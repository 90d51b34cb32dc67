"""From Arrow columns to the boundary's columns, a block of rows at a time.

A value is read as training reads it from a file (the text ``12`` is a number, ``1`` and ``TRUE``
are truth values), then held to the rules that the service holds a request to.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tagship.data.boundary import Boundary, Field
from tagship.serving.decoding import limits

_NUMBER = r"(?i)^[+-]?([0-9]+\.?[0-9]*(e[+-]?[0-9]+)?|\.[0-9]+(e[+-]?[0-9]+)?|inf|infinity|nan)$"
_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Broken:
    """The rows of a block in which one column breaks one rule."""

    column: str
    """A column of the input, one that is derived from several, or empty."""
    problem: str
    rows: NDArray[np.intp]
    """Positions in the block."""


@dataclass(frozen=True)
class Decoded:
    """A block as the boundary takes it, without the rows that break the contract."""

    columns: dict[str, NDArray[Any]]
    good: Mask
    """Shape (rows of the block,): which rows ``columns`` holds."""
    broken: list[Broken]


@dataclass(frozen=True)
class _Read:
    """A column's values; those that are missing or unread mean nothing."""

    values: NDArray[Any]
    missing: Mask
    unread: Mask


def decode(boundary: Boundary, block: pa.RecordBatch, decimal: str = ".") -> Decoded:
    """Read and judge every field's column; the block must have them all.

    ``decimal`` parts whole from fraction where numbers are text.
    """
    good = np.ones(block.num_rows, dtype=bool)
    broken = []
    values = {}
    for field in boundary.fields:
        read = _read(field, block.column(field.name), decimal)
        for problem, mask in _judge(field, read):
            if mask.any():
                good &= ~mask
                broken.append(Broken(field.name, problem, np.flatnonzero(mask)))
        values[field.name] = read.values
    return Decoded({name: found[good] for name, found in values.items()}, good, broken)


def _judge(field: Field, read: _Read) -> Iterable[tuple[str, Mask]]:
    """Every rule of the field, and where it is broken; a value breaks one rule at most."""
    if not field.nullable:
        yield "must not be null", read.missing
    yield f"must be {_kind(field)}", read.unread
    if field.dtype in ("float", "int"):
        low, high = limits(field)
        there = ~(read.missing | read.unread)
        beyond = there & ~((read.values >= low) & (read.values <= high))
        yield f"must be between {low:g} and {high:g}", beyond
        if field.dtype == "int":
            fraction = read.values != np.floor(read.values)
            yield "must be a whole number", there & ~beyond & fraction


def _kind(field: Field) -> str:
    if field.dtype == "category":
        return "one of " + ", ".join(str(value) for value in field.values[:12])
    kinds = {"bool": "true or false", "string": "text", "datetime": "an ISO 8601 date"}
    return kinds.get(field.dtype, "a number")


def _read(field: Field, found: pa.Array, decimal: str) -> _Read:
    if pa.types.is_nested(found.type):
        found = pa.array(np.full(len(found), b"", dtype=object), mask=_nulls(found))  # unreadable
    match field.dtype:
        case "float" | "int":
            return _read_numbers(found, decimal)
        case "bool":
            return _read_distinct(found, lambda text: _TRUTH[text.lower()], math.nan, np.float64)
        case "category":
            codes = {str(value): code for code, value in enumerate(field.values)}
            return _read_distinct(found, codes.__getitem__, -1, np.int64)
        case "datetime":
            return _read_instants(found)
        case _:
            return _read_distinct(found, str, None, object)


def _read_numbers(found: pa.Array, decimal: str) -> _Read:
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    given = found
    if _is_text(found.type):
        if decimal != ".":
            pointed = pc.match_substring(found, ".")  # would become another number
            found = pc.if_else(pointed, "unreadable", pc.replace_substring(found, decimal, "."))
        try:
            found = pc.cast(found, pa.float64())
        except pa.ArrowInvalid:
            text = pc.utf8_trim_whitespace(found)
            found = pc.if_else(pc.match_substring_regex(text, _NUMBER), text, None)
    elif pa.types.is_temporal(found.type) or pa.types.is_binary(found.type):
        found = pa.nulls(len(found))
    numbers = pc.cast(found, pa.float64(), safe=False)
    values = numbers.to_numpy(zero_copy_only=False)
    unread = _nulls(numbers) & ~_nulls(given)
    return _Read(values, np.isnan(values) & ~unread, unread)


def _read_instants(found: pa.Array) -> _Read:
    if not (pa.types.is_timestamp(found.type) or pa.types.is_date(found.type)):
        return _read_distinct(found, _instant, np.datetime64("NaT"), "datetime64[us]")
    utc = pc.cast(found, pa.timestamp("us", tz=getattr(found.type, "tz", None)), safe=False)
    values = utc.to_numpy(zero_copy_only=False).astype("datetime64[us]")
    return _Read(values, np.isnat(values), np.zeros(len(values), dtype=bool))


def _read_distinct(found: pa.Array, read: Callable[[str], Any], absent: Any, dtype: Any) -> _Read:
    """Read each distinct value once; ``read`` raises KeyError or ValueError for what it cannot."""
    if pa.types.is_temporal(found.type):
        found = found.cast(pa.string())
    encoded = found if pa.types.is_dictionary(found.type) else found.dictionary_encode()
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
            values[at] = read(text_of(value))
        except (KeyError, ValueError):
            unread[at] = True
    places = pc.cast(encoded.indices, pa.int64()).fill_null(len(distinct)).to_numpy()
    return _Read(np.array(values, dtype=dtype)[places], missing[places], unread[places])


def text_of(value: Any) -> str:
    """A value as training makes text of it."""
    if isinstance(value, bytes):
        raise ValueError("bytes are no text")
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _instant(text: str) -> np.datetime64:
    parsed = datetime.fromisoformat(text)
    naive = parsed.replace(tzinfo=None)
    try:
        return np.datetime64(naive - (parsed.utcoffset() or naive - naive), "us")
    except OverflowError as error:
        raise ValueError(str(error)) from None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _nulls(found: pa.Array) -> Mask:
    nulls: Mask = pc.is_null(found).to_numpy(zero_copy_only=False)
    return nulls
