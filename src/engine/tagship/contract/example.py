"""A record that a contract allows. Standard library only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def example_value(field: Mapping[str, Any]) -> Any:
    """A value that the contract allows for a field."""
    kind, low, high = field["dtype"], field.get("min"), field.get("max")
    if kind == "category":
        return field["values"][0]
    usual, written = field.get("usual"), field.get("format")
    if kind in ("float", "int"):
        low = usual[0] if usual else low
        value = low if low is not None else min(0, high) if high is not None else 0
        return -int(-value // 1) if kind == "int" else float(value)
    if kind == "datetime" and written:
        unix = {"unix": 1704067200, "unix_ms": 1704067200000}
        return unix.get(written[0]) or datetime(2024, 1, 1).strftime(written[0])
    return {"bool": False, "string": "example", "datetime": "2024-01-01T00:00:00"}[kind]


def example_record(columns: Mapping[str, Any]) -> dict[str, Any]:
    """A request's record that the contract allows, from the columns of one; no row of a table."""
    return {name: example_value(column.model_dump(mode="json")) for name, column in columns.items()}
