"""Reading a column for exploration: by its contract where it has one, and never refusing it."""

from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.contract import Column, DataConfig
from tagship.data.contract_check import as_text
from tagship.reports.description import Kind, Role

_NUMBERS_AS_TEXT = 0.95
_TRUTH = {"true": 1.0, "false": 0.0}


class Read:
    """A column in the type it is declared as, or looks like.

    ``numbers`` holds the values as float64 where they are numbers or truth values.
    """

    def __init__(
        self, role: Role, kind: Kind, values: pd.Series, unreadable: NDArray[np.bool_]
    ) -> None:
        self.role, self.kind, self.values, self.unreadable = role, kind, values, unreadable
        self.numbers: pd.Series | None = None
        if kind == "number":
            self.numbers = values
        elif set(values.dropna().unique()) <= {"true", "false"} and values.notna().any():
            self.numbers = values.map(_TRUTH).astype("float64")


def read_column(name: str, found: pd.Series, data: DataConfig, task: str) -> Read:
    """Read one column; what cannot be read becomes missing and is marked as unreadable."""
    declared = data.columns.get(name)
    role = _role(name, declared, data)
    dtype: str = declared.dtype if declared else ""
    if role == "target":
        dtype = "float" if task == "regression" else "category"
    elif role == "id":
        dtype = "string"
    elif declared is None:
        dtype = _guess(found)
    kind: Kind
    match dtype:
        case "float" | "int":
            kind, values = "number", _numbers(found)
        case "bool":
            texts = as_text(found).str.lower()
            truth = {"1": "true", "0": "false", "true": "true", "false": "false"}
            kind, values = "category", texts.map(truth).astype("str").where(texts.isin(truth))
        case "datetime":
            times = pd.to_datetime(found, errors="coerce", utc=True, format="ISO8601")
            kind, values = "time", times.dt.tz_localize(None)
        case "category":
            kind, values = "category", as_text(found)
        case _:
            kind, values = "text", as_text(found)
    return Read(role, kind, values, (found.notna() & values.isna()).to_numpy())


def _role(name: str, declared: Column | None, data: DataConfig) -> Role:
    if name == data.target.column:
        return "target"
    if name == data.id:
        return "id"
    if declared is None:
        return "not in contract"
    if declared.pii == "hash":
        return "personal, hashed"
    return "feature" if name in data.request else "not a feature"


def _guess(found: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(found.dtype):
        return "bool"
    if pd.api.types.is_numeric_dtype(found.dtype):
        return "float"
    if pd.api.types.is_datetime64_any_dtype(found.dtype):
        return "datetime"
    present = found.dropna()
    if len(present) and _numbers(present).notna().mean() >= _NUMBERS_AS_TEXT:
        return "float"
    return "string"


def _numbers(found: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(found.dtype):
        return found.astype("float64")
    if found.dtype.kind in "mM":  # pandas would count the time since 1970
        return pd.Series(np.nan, index=found.index)
    return cast(pd.Series, pd.to_numeric(found, errors="coerce").astype("float64"))


def group_codes(values: pd.Series) -> NDArray[np.int64]:
    """Each row's index among the sorted distinct values, -1 for missing."""
    return np.asarray(pd.factorize(values, sort=True)[0], dtype=np.int64)
