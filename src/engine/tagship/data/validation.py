"""Does a table keep its contract? Every failure is collected, none is corrected silently."""

import hashlib
import hmac
import os
import secrets
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.contract import Column, DataConfig
from tagship.config.model import Task
from tagship.contract.boundary import Field
from tagship.contract.table_columns import Cells, as_text, broken_rules, declared_field, read_cells
from tagship.contract.values import cell_text, equal_in_float32
from tagship.data.failures import MISSING_COLUMN, ContractError, Failure, make_failure
from tagship.data.target_rows import target_field
from tagship.errors import TagshipError

PII_KEY = "TAGSHIP_PII_KEY"
_RANDOM_KEY = secrets.token_bytes(32)
UNIQUE_ID = "id is unique"
_NO_TARGET = "target is missing"


def check_contract(
    raw: pd.DataFrame, data: DataConfig, task: Task, drawn: bool = False
) -> pd.DataFrame:
    """The table in the contract's types: float64 numbers, categories, text, datetimes.

    Personal data is dropped or hashed first, so that no message can show it.

    Args:
        drawn: whether these are rows of a table that keeps the contract, not the table itself.

    Raises:
        ContractError: with every failure.
    """
    table, failures = read_rows(raw, data, task)
    if not drawn:
        failures = [*column_failures(list(raw.columns), data, len(raw)), *failures]
        for name in data.features:
            if name in table:
                failures += equal_numbers(name, data, table[name].to_numpy())
        unweighted = data.weight in table and len(table) and not table[data.weight].any()
        failures += weight_failures(data, bool(unweighted), len(table))
    if data.target.column in table:
        labels = list(table[data.target.column].dropna().unique())
        failures = target_failures(failures, labels, data, task, len(table))
    if not drawn:
        failures += _pandera_failures(table, data, {failure.column for failure in failures})
    if failures:
        raise ContractError(failures, len(table))
    return table


def read_rows(
    raw: pd.DataFrame, data: DataConfig, task: Task
) -> tuple[pd.DataFrame, list[Failure]]:
    """Rows in the contract's types, those of its columns that are there, and each rule that rows
    break by themselves, whatever other rows there are."""
    frame = protect(raw, data).reset_index(drop=True)  # rows are known by their place alone
    failures: list[Failure] = []
    columns: dict[str, Any] = {}
    for name, column in data.kept.items():
        if name in frame.columns:
            columns[name], broken = _read(name, frame[name], column, name in data.features)
            failures += broken
    if data.weight in columns and (negative := columns[data.weight].to_numpy() < 0).any():
        weights = columns[data.weight]
        failures.append(make_failure(data.weight, "a weight of at least 0", weights, negative))
    if data.target.column in frame.columns:
        columns[data.target.column], broken = _target(frame[data.target.column], data, task)
        failures += broken
    if data.id and data.id in frame.columns:
        columns[data.id], broken = _read(data.id, frame[data.id], Column(dtype="string"), False)
        failures += broken
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame))), failures


def column_failures(names: list[str], data: DataConfig, rows: int) -> list[Failure]:
    """What columns are missing from a table or too many, and whether its rows are too few."""
    expected = data.table_columns
    surplus = [str(name) for name in names if name not in (*expected, *data.columns)]
    surplus = [] if data.extra == "ignore" else surplus
    absent = [name for name in expected if name not in names]
    failures = [Failure(name, MISSING_COLUMN, rows, (), ()) for name in absent]
    first = (1,) if rows else ()
    failures += [Failure(name, "not in the contract", rows, (), first) for name in surplus]
    if rows < data.rows.min:
        failures.append(Failure("(table)", f"at least {data.rows.min:,} rows", rows, (), ()))
    return failures


def equal_numbers(name: str, data: DataConfig, values: NDArray[Any]) -> list[Failure]:
    """Whether whole numbers of a feature become equal in the model's input."""
    count = equal_in_float32(values) if data.columns[name].dtype == "int" else 0
    rule = "can be told apart in float32, the model's input (or `feature: false`)"
    return [Failure(name, rule, count, (), ())] if count else []


def weight_failures(data: DataConfig, unweighted: bool, rows: int) -> list[Failure]:
    """Whether no row counts."""
    rule = "a weight above 0 in some row"
    return [Failure(str(data.weight), rule, rows, ("0.0",), (1,))] if unweighted else []


def protect(raw: pd.DataFrame, data: DataConfig) -> pd.DataFrame:
    """The table without its personal data: columns dropped, or hashed with the key in ``PII_KEY``.

    Without that key a random one is used, which nobody keeps: no hashed value enters a
    feature, the data hash or a report. Only a split by such a column depends on the key.

    Raises:
        TagshipError: the split is by a hashed column and there is no key.
    """
    frame = raw.drop(columns=list(data.columns.keys() - data.kept.keys()), errors="ignore")
    hashed = [name for name, column in data.kept.items() if column.pii and name in frame]
    if not hashed:
        return frame
    key = os.environ.get(PII_KEY, "").encode() or _RANDOM_KEY
    if key is _RANDOM_KEY and data.split.group in hashed:
        raise TagshipError(
            f"columns.{data.split.group}.pii: hash needs a key where rows are split by it, and"
            f" {PII_KEY} is not set",
            f'export {PII_KEY}="$(openssl rand -hex 32)" and keep it in your secret store',
        )
    for name in hashed:
        text = as_text(frame[name])
        digests = {
            value: hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:32]
            for value in text.dropna().unique()
        }
        frame[name] = text.map(digests)
    return frame


def _read(
    name: str, raw: pd.Series, column: Column, feature: bool
) -> tuple[pd.Series, list[Failure]]:
    """A column in the contract's type, and every rule that its rows break."""
    field = replace(declared_field(name, column, feature), nullable=True, closed=True)
    cells = read_cells(field, raw)
    return as_series(field, cells), _broken(field, cells, raw)


def as_series(field: Field, cells: Cells) -> pd.Series:
    """Cells as a column of the checked table."""
    if field.dtype == "category":
        categories = [str(value) for value in field.values]
        return pd.Series(
            pd.Categorical.from_codes(
                cells.values.astype(np.int64), categories=pd.Index(categories)
            )
        )
    return pd.Series(cells.values, dtype="str" if field.dtype == "string" else None)


def _broken(field: Field, cells: Cells, raw: pd.Series) -> list[Failure]:
    return [
        make_failure(field.name, rule.removeprefix("must be "), raw, rows)
        for rule, rows in broken_rules(field, cells)
    ]


def _target(raw: pd.Series, data: DataConfig, task: Task) -> tuple[pd.Series, list[Failure]]:
    field = target_field(data.target, task)
    cells = read_cells(field, raw)
    values = as_series(field, cells)
    if type(data.target.positive) is bool:  # True and TRUE of a text are the label true
        values = values.str.lower()
    failures = _broken(field, cells, raw)
    if cells.missing.any():
        failures.append(make_failure(field.name, _NO_TARGET, raw, cells.missing))
    return values, failures


def target_failures(
    failures: list[Failure], labels: list[Any], data: DataConfig, task: Task, rows: int
) -> list[Failure]:
    """The failures, with what is wrong with the target as a whole.

    Args:
        labels: its different values.
        rows: of the table.
    """
    name = data.target.column
    of_target = [failure for failure in failures if failure.column == name]
    if any(failure.rule == _NO_TARGET and failure.count == rows for failure in of_target):
        other_failures = [failure for failure in failures if failure.column != name]
        return [*other_failures, Failure(name, "target is all missing", rows, (), (1,))]
    if of_target:
        return failures
    if len(labels) == 1:
        return [*failures, Failure(name, "target is constant", rows, (str(labels[0]),), (1,))]
    if task == "binary":
        labels, positive = sorted(labels), cell_text(data.target.positive)
        examples = tuple(labels[:5])
        if positive not in labels:
            rule = f"has the positive label {positive!r}"
            return [*failures, Failure(name, rule, 0, examples[:3], ())]
        if len(labels) != 2:
            return [*failures, Failure(name, "exactly two labels", len(labels), examples, ())]
    return failures


def allowed_missing(name: str, data: DataConfig) -> tuple[float, str]:
    """The largest share of a column's values, or of ids, that may be missing; and how messages call
    this rule."""
    if name == data.id:
        return 0.0, "id is missing"
    most = data.columns[name].missing
    return most, f"missing at most {most:.2%}" if most else "missing values"


def _pandera_failures(table: pd.DataFrame, data: DataConfig, unread: set[str]) -> list[Failure]:
    """What breaks the rules of whole columns; columns with ``unread`` values are left out."""
    from pandera.errors import SchemaErrors

    try:
        _pandera_schema(data).validate(table, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases[["column", "check"]].itertuples(index=False)
    else:
        return []
    failures = []
    for name, rule in cases:
        values, missing = table[name], table[name].isna()
        broken = values.duplicated(keep=False) & ~missing if rule == UNIQUE_ID else missing
        if name not in unread and broken.any():
            failures.append(make_failure(name, rule, values, broken.to_numpy()))
    return failures


def _pandera_schema(data: DataConfig) -> Any:
    """What a contract asks of whole columns: how much may be missing, and that ids are unique."""
    import pandera.pandas as pa

    columns: dict[str, Any] = {}
    for name in [*data.kept, *([data.id] if data.id else [])]:
        most, rule = allowed_missing(name, data)
        checks = [pa.Check(_is_complete, error=rule, ignore_na=False, most=most)]
        if name == data.id:
            checks.append(pa.Check(_is_unique, error=UNIQUE_ID, ignore_na=False))
        columns[name] = pa.Column(checks=checks, nullable=True, required=False)
    return pa.DataFrameSchema(columns)


def _is_complete(values: pd.Series, most: float) -> bool:
    return bool(values.isna().mean() <= most)


def _is_unique(values: pd.Series) -> bool:
    return values.dropna().is_unique
