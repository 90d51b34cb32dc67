"""Reading a column for exploration: by its contract where it has one, and never refusing it."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from tagship.config.contract import DataConfig
from tagship.config.model import Task
from tagship.contract.boundary import Field
from tagship.contract.table_columns import read_cells
from tagship.reports.description import Kind, Role

DType = Literal["float", "int", "bool", "category", "string", "datetime"]

_SHARE_OF_NUMBERS = 0.95
"""A text column of at least this share of numbers is read as numbers."""
_KINDS: dict[DType, Kind] = {
    "float": "number",
    "int": "number",
    "bool": "category",
    "category": "category",
    "string": "text",
    "datetime": "time",
}


@dataclass(frozen=True)
class ReadColumn:
    """A column in the type that it is declared as or, undeclared, seems to have."""

    role: Role
    kind: Kind
    values: pd.Series
    """float64 (number), categories of text (category), text or datetimes; unreadable is missing."""
    numbers: pd.Series | None
    """float64 for numbers and truth values."""
    unreadable: int


def read_column(name: str, stored: pd.Series, data: DataConfig, task: Task) -> ReadColumn:
    """Read one column, which has a range index."""
    role = _role(name, data)
    dtype = _dtype(name, stored, role, data, task)
    values = _values(dtype, stored)
    unreadable = int((stored.notna() & values.isna()).sum())
    numbers = values if dtype in ("float", "int", "bool") else None
    if dtype == "bool":
        values = values.map({1.0: "true", 0.0: "false"})
    if _KINDS[dtype] == "category":
        values = values.astype("category")
    return ReadColumn(role, _KINDS[dtype], values, numbers, unreadable)


def _role(name: str, data: DataConfig) -> Role:
    if name == data.target.column:
        return "target"
    if name == data.id:
        return "id"
    if name not in data.columns:
        return "not in contract"
    if data.columns[name].pii == "hash":
        return "personal, hashed"
    return "feature" if name in data.request else "not a feature"


def _dtype(name: str, stored: pd.Series, role: Role, data: DataConfig, task: Task) -> DType:
    if role == "target":
        return "float" if task == "regression" else "category"
    if role == "id":
        return "string"
    if name in data.columns:
        return data.columns[name].dtype
    if pd.api.types.is_bool_dtype(stored.dtype):
        return "bool"
    if pd.api.types.is_numeric_dtype(stored.dtype):
        return "float"
    if pd.api.types.is_datetime64_any_dtype(stored.dtype):
        return "datetime"
    numbers = _values("float", stored.dropna())
    return "float" if numbers.notna().mean() >= _SHARE_OF_NUMBERS else "string"


def _values(dtype: DType, stored: pd.Series) -> pd.Series:
    kind = "string" if dtype == "category" else dtype
    return pd.Series(read_cells(Field("", kind), stored).values, index=stored.index)
