"""Exploring a model's table as it is, even when it breaks its contract."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from tagship.config.contract import DataConfig
from tagship.config.model import Task
from tagship.config.project_files import ModelFiles
from tagship.contract.values import cell_text
from tagship.data.table import read_raw
from tagship.data.validation import (
    ContractError,
    Failure,
    check_contract,
    protect,
)
from tagship.reports.association import associate, correlate
from tagship.reports.column_reading import ReadColumn, read_column
from tagship.reports.description import ColumnDescription, Description, Top
from tagship.reports.distributions import describe_numbers, most_frequent
from tagship.reports.html import source_text

_MANY_MISSING = 0.5
_LEAST_ROWS_FOR_IDS = 50
_ID_LIKE = 0.99


def describe_model(files: ModelFiles) -> Description:
    """Read a model's source and describe it.

    Raises:
        TagshipError: the source cannot be read, or the key for hashing personal data is not set.
    """
    return describe_frame(files, read_raw(files))


def describe_frame(files: ModelFiles, raw: pd.DataFrame) -> Description:
    """Describe a table as read; a broken contract is part of the answer, not an error."""
    data, task = files.data, files.model.task
    frame = _without_nesting(protect(raw, data).reset_index(drop=True))
    columns = {name: read_column(name, frame[name], data, task) for name in frame.columns}
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
            _describe_column(name, column, frame[name], data, target, outcome)
            for name, column in columns.items()
        ),
        correlated=tuple(numbers),
        correlations=correlate(numbers),
        failures=_failures(files, raw),
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


def _outcome(target: ReadColumn | None, task: Task, positive: str | None) -> pd.Series | None:
    """Each row's outcome: 1 for the positive label, or the value of a regression."""
    if target is None or task == "multiclass":
        return None
    if task == "regression":
        return target.values.where(np.isfinite(target.values))
    return (target.values == positive).astype("float64").where(target.values.notna())


def _describe_column(
    name: str,
    column: ReadColumn,
    stored: pd.Series,
    data: DataConfig,
    target: ReadColumn | None,
    outcome: pd.Series | None,
) -> ColumnDescription:
    distinct, present = int(stored.nunique()), int(stored.notna().sum())
    values, kind, role = column.values, column.kind, column.role
    outcome = None if role == "target" else outcome
    association, numbers, period = None, None, None
    top: tuple[Top, ...] = ()
    if target is not None and role not in ("target", "id") and kind in ("number", "category"):
        association = associate(values, target.values)
    hidden = role == "not in contract" and _id_like(distinct, present)
    if kind == "number" and not hidden:
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
    return replace(description, notes=tuple(_notes(description, column, len(stored))))


def _notes(column: ColumnDescription, read: ReadColumn, rows: int) -> Iterator[str]:
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
    names_rows = id_like and column.kind != "time" and column.role not in ("id", "target")
    if names_rows and (column.kind != "number" or (read.values.dropna() % 1 == 0).all()):
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


def _failures(files: ModelFiles, raw: pd.DataFrame) -> tuple[Failure, ...]:
    try:
        check_contract(raw, files.data, files.model.task)
    except ContractError as error:
        return tuple(error.failures)
    return ()
