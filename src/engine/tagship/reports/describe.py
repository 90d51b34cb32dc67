"""Exploring a model's table as it is, even when it breaks its contract."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.contract import Column, DataConfig
from tagship.config.project_files import ModelFiles
from tagship.data.contract_check import (
    ContractError,
    Failure,
    check_contract,
    label_text,
    protect,
)
from tagship.data.table import read_raw
from tagship.reports.association import associate, correlate
from tagship.reports.column_reading import Read, group_codes, read_column
from tagship.reports.description import (
    Association,
    ColumnDescription,
    Description,
    Numbers,
)
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
    frame = protect(raw, data).reset_index(drop=True)
    frame.columns = pd.Index([str(name) for name in frame.columns])
    frame = _hashable(frame)
    columns = {name: read_column(name, frame[name], data, task) for name in frame.columns}
    target = columns.get(data.target.column)
    outcome = _outcome(target, data, task)
    groups = None if target is None or task == "regression" else group_codes(target.values)
    described = []
    for name, found in columns.items():
        association = None
        if found.role not in ("target", "id") and found.values is not None:
            against = groups if groups is not None else outcome
            association = associate(_measured(found), against, groups is not None)
        described.append(_describe(name, found, frame[name], data, outcome, association))
    numeric = {
        name: found.numbers
        for name, found in columns.items()
        if found.numbers is not None and found.role not in ("id", "personal, hashed")
    }
    without_id = [name for name in frame.columns if name != data.id]
    return Description(
        model=files.name,
        task=task,
        source=source_text(data.source),
        rows=len(frame),
        duplicate_rows=int(frame[without_id].duplicated().sum()),
        memory_mb=round(float(frame.memory_usage(deep=True).sum()) / 1e6, 3),
        personal=tuple(name for name, column in data.columns.items() if column.pii == "drop"),
        target=data.target.column,
        positive=None if data.target.positive is None else label_text(data.target.positive),
        columns=tuple(described),
        correlated=tuple(numeric),
        correlations=correlate(numeric),
        failures=_failures(files, raw),
    )


def _hashable(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with nested values (lists, mappings of a JSON source) as text."""
    for name in frame.columns:
        values = frame[name]
        if not pd.api.types.is_object_dtype(values.dtype):
            continue
        if values.map(lambda value: isinstance(value, list | dict | set | np.ndarray)).any():
            frame[name] = values.map(str).where(values.notna())
    return frame


def _measured(found: Read) -> pd.Series | NDArray[np.int64] | None:
    """A column as numbers, as codes of groups, or as nothing that can be measured."""
    if found.kind == "number":
        return found.values
    if found.kind == "category":
        return group_codes(found.values)
    return None


def _outcome(target: Read | None, data: DataConfig, task: str) -> NDArray[np.float64] | None:
    """Each row's outcome: 1 for the positive label, or the value of a regression."""
    if target is None or task == "multiclass":
        return None
    if task == "regression":
        values = target.values.to_numpy(dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)
    positive = label_text(cast(Any, data.target.positive))
    hits = (target.values == positive).to_numpy(dtype=np.float64)
    return np.where(target.values.isna(), np.nan, hits)


def _describe(
    name: str,
    read: Read,
    found: pd.Series,
    data: DataConfig,
    outcome: NDArray[np.float64] | None,
    association: Association | None,
) -> ColumnDescription:
    declared = data.columns.get(name)
    outcome = None if read.role == "target" else outcome
    numbers, distinct = None, int(found.nunique())
    hidden = read.role == "not in contract" and _id_like(distinct, int(found.notna().sum()))
    if read.kind == "number" and not hidden:
        numbers = describe_numbers(read.values.to_numpy(dtype=np.float64), outcome)
    shown = read.kind == "category" or (
        read.kind == "text" and read.role in ("feature", "not a feature")
    )
    top = most_frequent(read.values, outcome) if shown else ()
    present = read.values.dropna()
    period = None
    if read.kind == "time" and len(present):
        period = (str(present.min()), str(present.max()))
    return ColumnDescription(
        name=name,
        role=read.role,
        kind=read.kind,
        declared=declared.dtype if declared else "",
        found=str(found.dtype),
        missing=int(found.isna().sum()),
        distinct=distinct,
        unreadable=int(read.unreadable.sum()),
        numbers=numbers,
        top=top,
        period=period,
        association=association,
        notes=tuple(_notes(read, found, distinct, numbers, declared)),
    )


def _notes(
    read: Read, found: pd.Series, distinct: int, numbers: Numbers | None, declared: Column | None
) -> Iterator[str]:
    present = int(found.notna().sum())
    id_like = _id_like(distinct, present)
    if read.role == "not in contract":
        hidden = read.kind == "text" or (read.kind == "number" and id_like)
        yield "not in the contract" + (
            ": its values are not shown, they may be personal" if hidden else ""
        )
    if distinct == 0:
        yield "all missing"
    elif distinct == 1:
        yield "constant"
    whole = read.kind != "number" or bool((read.values.dropna() % 1 == 0).all())
    if read.role not in ("id", "target") and read.kind != "time" and whole and id_like:
        yield "id-like: nearly every value is another"
    if count := int(read.unreadable.sum()):
        yield f"{_values(count)} cannot be read as {declared.dtype if declared else 'a number'}"
    if distinct and 1 - present / len(found) > _MANY_MISSING:
        yield "mostly missing"
    if numbers is not None and numbers.infinite:
        yield f"{_values(numbers.infinite, 'infinite ')}"


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
