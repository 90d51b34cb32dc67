"""A value of the boundary's columns as people read it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from tagship.contract.boundary import UNSEEN, Field
from tagship.formatting import brief

if TYPE_CHECKING:
    from tagship.config.contract import Column

MISSING, UNKNOWN = "(missing)", "(unknown)"


def readable(field: Field | None, value: Any) -> str:
    """One value as the boundary or its matrix holds it; a derived feature has no ``field``."""
    dtype = field.dtype if field else "float"
    if dtype == "category":
        assert field is not None
        if value == UNSEEN:
            return UNKNOWN
        return str(field.values[int(value)]) if value >= 0 else MISSING
    if dtype == "string":
        return MISSING if value is None else str(value)
    if dtype == "datetime":
        return MISSING if np.isnat(value) else str(np.datetime_as_string(value, unit="auto"))
    if np.isnan(value):
        return MISSING
    return ("true" if value else "false") if dtype == "bool" else brief(float(value))


def range_text(column: "Column") -> str:
    """What numbers the contract allows, and which are usual; empty where it says nothing."""
    possible = ""
    if column.min is not None and column.max is not None:
        possible = f"{brief(column.min)} to {brief(column.max)}"
    elif column.min is not None:
        possible = f"{brief(column.min)} or more"
    elif column.max is not None:
        possible = f"{brief(column.max)} or less"
    if column.usual is None:
        return possible
    usual = f"usually {brief(column.usual[0])} to {brief(column.usual[1])}"
    return f"{possible}; {usual}" if possible else usual
