"""Exploring a model's table as it is, even when it breaks its contract."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from tagship.config.contract import DataConfig
from tagship.config.model import Task
from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Field
from tagship.contract.table_columns import read_cells
from tagship.contract.values import cell_text
from tagship.data.failures import ContractError, Failure
from tagship.data.personal_data import is_personal
from tagship.data.validation import check_contract, protect
from tagship.reports.column_statistics import (
    associate,
    correlate,
    describe_numbers,
    most_frequent,
)
from tagship.reports.description import ColumnDescription, Description, Kind, Role, Top
from tagship.reports.html import source_text

Dtype = Literal["float", "int", "bool", "category", "string", "datetime"]

_MANY_MISSING = 0.5
_LEAST_ROWS_FOR_IDS = 50
_ID_LIKE = 0.99
_SHARE_OF_NUMBERS = 0.95
"""A text column of at least this share of numbers is read as numbers."""
_PERSONAL_NOTE = "looks like personal data: its values are not shown; `pii: drop` keeps them out"
_KINDS: dict[Dtype, Kind] = {
    "float": "number",
    "int": "number",
    "bool": "category",
    "category": "category",
    "string": "text",
    "datetime": "time",
}


@dataclass(frozen=True)
class TypedColumn:
    """A column in the type that it is declared as or, undeclared, seems to have."""

    role: Role
    kind: Kind
    values: pd.Series
    """float64 (number), categories of text (category), text or datetimes; unreadable is missing."""
    numbers: pd.Series | None
    """float64 for numbers and truth values."""
    unreadable: int


def describe_frame(
    files: ModelFiles, raw: pd.DataFrame, broken: Sequence[Failure] | None = None
) -> Description:
    """Describe a table as read; a broken contract is part of the answer, not an error.

    Args:
        broken: what is known to break it, in these rows and others.
    """
    data, task = files.data, files.model.task
    frame = _without_nesting(protect(raw, data).reset_index(drop=True))
    columns = {name: read_column(name, frame[name], data, task) for name in frame.columns}
    personal = {name for name, column in columns.items() if _seems_personal(name, column)}
    numbers = {
        name: column.numbers
        for name, column in columns.items()
        if column.numbers is not None and column.role not in ("id", "personal, hashed")
    }
    target = columns.get(data.target.column)
    positive = None if data.target.positive is None else cell_text(data.target.positive)
    outcome = _outcome(target, task, positive)
    return Description(
        model=files.name,
        task=task,
        source=source_text(data.source),
        rows=len(frame),
        duplicate_rows=int(frame.drop(columns=data.id or [], errors="ignore").duplicated().sum()),
        memory_mb=round(float(frame.memory_usage(deep=True).sum()) / 1e6, 3),
        personal=tuple(name for name, column in data.columns.items() if column.pii == "drop"),
        target=data.target.column,
        positive=positive,
        columns=tuple(
            _describe_column(name, column, frame[name], data, target, outcome, name in personal)
            for name, column in columns.items()
        ),
        correlated=tuple(numbers),
        correlations=correlate(numbers),
        failures=tuple(
            replace(failure, examples=()) if failure.column in personal else failure
            for failure in (_failures(files, raw) if broken is None else broken)
        ),
    )


def _without_nesting(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with nested values (lists, mappings of a JSON source) as text."""
    frame.columns = pd.Index([str(name) for name in frame.columns])
    for name in frame.columns:
        values = frame[name]
        if not pd.api.types.is_object_dtype(values.dtype):
            continue
        if values.map(lambda value: isinstance(value, list | dict | set | np.ndarray)).any():
            frame[name] = values.map(str).where(values.notna())
    return frame


def _outcome(target: TypedColumn | None, task: Task, positive: str | None) -> pd.Series | None:
    """Each row's outcome: 1 for the positive label, or the value of a regression."""
    if target is None or task == "multiclass":
        return None
    if task == "regression":
        return target.values.where(np.isfinite(target.values))
    return (target.values == positive).astype("float64").where(target.values.notna())


def read_column(name: str, stored: pd.Series, data: DataConfig, task: Task) -> TypedColumn:
    """Read one column, which has a range index."""
    role = _role(name, data)
    dtype = _dtype(name, stored, role, data, task)
    values = _cells_as(dtype, stored)
    unreadable = int((stored.notna() & values.isna()).sum())
    numbers = values if dtype in ("float", "int", "bool") else None
    if dtype == "bool":
        values = values.map({1.0: "true", 0.0: "false"})
    if _KINDS[dtype] == "category":
        values = values.astype("category")
    return TypedColumn(role, _KINDS[dtype], values, numbers, unreadable)


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


def _dtype(name: str, stored: pd.Series, role: Role, data: DataConfig, task: Task) -> Dtype:
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
    numbers = _cells_as("float", stored.dropna())
    return "float" if numbers.notna().mean() >= _SHARE_OF_NUMBERS else "string"


def _cells_as(dtype: Dtype, stored: pd.Series) -> pd.Series:
    kind = "string" if dtype == "category" else dtype
    return pd.Series(read_cells(Field("", kind), stored).values, index=stored.index)


def _describe_column(
    name: str,
    column: TypedColumn,
    stored: pd.Series,
    data: DataConfig,
    target: TypedColumn | None,
    outcome: pd.Series | None,
    personal: bool,
) -> ColumnDescription:
    distinct, present = int(stored.nunique()), int(stored.notna().sum())
    values, kind, role = column.values, column.kind, column.role
    outcome = None if role == "target" else outcome
    association, numbers, period = None, None, None
    top: tuple[Top, ...] = ()
    notes: tuple[str, ...] = ()
    if target is not None and role not in ("target", "id") and kind in ("number", "category"):
        association = associate(values, target.values)
    hidden = role == "not in contract" and _id_like(distinct, present)
    if personal:
        notes = (_PERSONAL_NOTE,)
    elif kind == "number" and not hidden:
        numbers = describe_numbers(values, outcome)
    elif kind == "category" or (kind == "text" and role in ("feature", "not a feature")):
        top = most_frequent(values, outcome)
    elif kind == "time" and values.notna().any():
        period = (str(values.min()), str(values.max()))
    description = ColumnDescription(
        name=name,
        role=role,
        kind=kind,
        declared=data.columns[name].dtype if name in data.columns else "",
        stored=str(stored.dtype),
        missing=len(stored) - present,
        distinct=distinct,
        unreadable=column.unreadable,
        numbers=numbers,
        top=top,
        period=period,
        association=association,
    )
    prose = name in data.columns and data.columns[name].terms is not None
    more_notes = _notes(description, column, len(stored), prose)
    return replace(description, notes=(*notes, *more_notes))


def _notes(column: ColumnDescription, typed: TypedColumn, rows: int, prose: bool) -> Iterator[str]:
    present = rows - column.missing
    id_like = _id_like(column.distinct, present)
    if column.role == "not in contract":
        hidden = column.kind == "text" or (column.kind == "number" and id_like)
        yield "not in the contract" + (
            ": its values are not shown, they may be personal" if hidden else ""
        )
    if column.distinct == 0:
        yield "all missing"
    elif column.distinct == 1:
        yield "constant"
    names_rows = id_like and not prose and column.kind != "time"
    names_rows = names_rows and column.role not in ("id", "target")
    if names_rows and (column.kind != "number" or (typed.values.dropna() % 1 == 0).all()):
        yield "id-like: nearly every value is another"
    if column.unreadable:
        yield f"{_values(column.unreadable)} cannot be read as {column.declared or 'a number'}"
    if column.distinct and column.missing / rows > _MANY_MISSING:
        yield "mostly missing"
    if column.numbers is not None and column.numbers.infinite:
        yield f"{_values(column.numbers.infinite, 'infinite ')}"


def _values(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}value{'' if count == 1 else 's'}"


def _id_like(distinct: int, present: int) -> bool:
    return present >= _LEAST_ROWS_FOR_IDS and distinct >= _ID_LIKE * present


def _seems_personal(name: str, column: TypedColumn) -> bool:
    """Whether a column that nobody declared as personal looks so; a declared category does not."""
    if column.role in ("target", "personal, hashed") or column.kind == "category":
        return False
    return is_personal(name, column.values, int(column.values.nunique()))


def _failures(files: ModelFiles, raw: pd.DataFrame) -> Sequence[Failure]:
    try:
        check_contract(raw, files.data, files.model.task)
    except ContractError as error:
        return error.failures
    return ()
