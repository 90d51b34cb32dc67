"""Objects within records: one level becomes columns ``outer.inner``; what is deeper is refused."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa

from tagship.errors import TagshipError

_HINT = (
    "one level of objects becomes columns, such as customer.age; take the rest out of the records,"
    " or read it by a function of your own, a source of `kind: python`"
)


def record_number(row: int) -> str:
    """What messages call a row, counted from 0."""
    return f"record {row + 1:,}"


def flatten_frame(
    frame: pd.DataFrame, source: str, place: Callable[[int], str] = record_number
) -> pd.DataFrame:
    """Records with their objects as columns ``outer.inner``, in the place of the object.

    Args:
        source: what refusals begin with.
        place: what they call a row.

    Raises:
        TagshipError: a list, an object within an object, or an object where other records have a
            value: its path and record are named.
    """
    columns: list[pd.Series] = []
    for name in frame.columns:
        column = frame[name]
        objects = _where(column, dict)
        if not objects.any():
            _refuse_nested(column, str(name), source, place)
            columns.append(column)
            continue
        mixed = ~objects & _where(column, object)
        if mixed.any():
            raise TagshipError(
                f"{source}: {name} is an object in {place(first_row(objects))} and none in"
                f" {place(first_row(mixed))}",
                _HINT,
            )
        rows = [value if isinstance(value, dict) else {} for value in column]
        inner = pd.DataFrame(rows, index=frame.index)
        for key in inner.columns:
            _refuse_nested(inner[key], f"{name}.{key}", source, place)
            columns.append(inner[key].rename(f"{name}.{key}"))
    return pd.concat(columns, axis=1) if columns else frame


def flatten_table(table: pa.Table, path: str = "") -> pa.Table:
    """A table with its structs as columns ``outer.inner``.

    Args:
        path: what refusals call the file; without one, what is deeper is left as it is.

    Raises:
        TagshipError: a list, a map, or a struct within a struct: its path is named.
    """
    if any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    for field in table.schema if path else []:
        if pa.types.is_nested(field.type):
            raise TagshipError(
                f"source.path: {path}: {field.name} is of type {str(field.type)[:80]}", _HINT
            )
    return table


def _where(column: pd.Series, kind: type) -> pd.Series:
    """Which of a column's values are of a type; missing ones are of none."""
    if column.dtype != object:
        return pd.Series(column.notna() & (kind is object), column.index)
    return column.map(lambda v: isinstance(v, kind) and v is not None and v == v).astype(bool)


def _refuse_nested(column: pd.Series, name: str, source: str, place: Callable[[int], str]) -> None:
    nested = _where(column, list) | _where(column, dict)
    if nested.any():
        value: Any = column[nested].iloc[0]
        deeper = isinstance(value, dict)
        name = f"{name}.{next(iter(value))}" if deeper and value else name
        problem = "lies deeper than one level" if deeper else "is a list"
        raise TagshipError(f"{source}: {name} in {place(first_row(nested))} {problem}", _HINT)


def first_row(rows: pd.Series) -> int:
    """The place, from 0, of the first row that is true."""
    return int(rows.to_numpy().argmax())
