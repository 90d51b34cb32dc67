"""Does a table keep its contract? Every failure is collected, none is corrected silently."""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.contract import Column, DataConfig
from tagship.config.model import Task
from tagship.contract.boundary import Field
from tagship.contract.table_columns import Cells, as_text, broken_rules, declared_field, read_cells
from tagship.contract.values import cell_text, equal_in_float32
from tagship.data.target_rows import target_field
from tagship.errors import TagshipError

PII_KEY = "TAGSHIP_PII_KEY"
_RANDOM_KEY = secrets.token_bytes(32)
_SHOWN = 3
_MISSING = "column is missing"


@dataclass(frozen=True)
class Failure:
    """One rule that a column breaks."""

    column: str
    rule: str
    count: int
    examples: tuple[str, ...]
    rows: tuple[int, ...]
    """The first rows that break it, counted from 1 without the header."""


class ContractError(TagshipError):
    """The data breaks its contract; ``failures`` says where."""

    def __init__(self, failures: list[Failure], rows: int) -> None:
        self.failures = failures
        super().__init__(
            f"the data breaks its contract in {len(failures)} place{'s'[:len(failures) - 1]}"
            f" ({rows:,} rows):\n" + failure_table(failures),
            "mend the data at its source, or change data.yaml if the contract is wrong",
        )

    def without_data(self) -> TagshipError:
        """The same refusal, which shows no data where columns of the contract are missing."""
        missing = [f.column for f in self.failures if f.rule == _MISSING]
        if not missing:
            return self
        return TagshipError(
            f"the data is no table of the contract: it lacks {', '.join(missing)}", self.hint
        )

    def to_json(self) -> str:
        """The failures as JSON."""
        return json.dumps([asdict(failure) for failure in self.failures], indent=2)


def failure_table(failures: list[Failure]) -> str:
    """The failures as aligned text."""
    header = ("column", "rule", "count", "examples", "first rows")
    cells = [
        (f.column, f.rule, f"{f.count:,}", ", ".join(f.examples), ", ".join(map(str, f.rows)))
        for f in failures
    ]
    widths = [max(len(row[i]) for row in [header, *cells]) for i in range(len(header))]
    lines = [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *cells]
    ]
    return "\n".join(lines)


def check_contract(raw: pd.DataFrame, data: DataConfig, task: Task) -> pd.DataFrame:
    """The table in the contract's types: float64 numbers, categories, text, datetimes.

    Personal data is dropped or hashed first, so that no message can show it.

    Raises:
        ContractError: with every failure.
    """
    failures: list[Failure] = []
    frame = protect(raw, data).reset_index(drop=True)  # rows are known by their place alone
    expected = [*([data.id] if data.id else []), *data.kept, data.target.column]
    absent = [name for name in expected if name not in frame.columns]
    surplus = [str(name) for name in frame.columns if name not in expected]
    surplus = [] if data.extra == "ignore" else surplus
    failures += [Failure(name, _MISSING, len(frame), (), ()) for name in absent]
    failures += [
        Failure(name, "not in the contract", len(frame), (), (1,) if len(frame) else ())
        for name in surplus
    ]
    if len(frame) < data.rows.min:
        failures.append(Failure("(table)", f"at least {data.rows.min:,} rows", len(frame), (), ()))
    made: dict[str, Any] = {}
    for name, column in data.kept.items():
        if name in frame.columns:
            made[name], broken = _read(name, frame[name], column, name in data.features)
            failures += broken
    if data.weight in made:
        failures += _broken_weights(data.weight, made[data.weight])
    if data.target.column in frame.columns:
        made[data.target.column], broken = _target(frame[data.target.column], data, task)
        failures += broken
    if data.id and data.id in frame.columns:
        made[data.id], broken = _read(data.id, frame[data.id], Column(dtype="string"), False)
        failures += broken
    table = pd.DataFrame(made, index=pd.RangeIndex(len(frame)))
    failures += _pandera_failures(table, data, {failure.column for failure in failures})
    if failures:
        raise ContractError(failures, len(frame))
    return table


def protect(raw: pd.DataFrame, data: DataConfig) -> pd.DataFrame:
    """The table without its personal data: columns dropped, or hashed with the key in ``PII_KEY``.

    Without that key a random one is used, which nobody keeps: no hashed value enters a
    feature, the data hash or a report. Only a split by such a column depends on the key.

    Raises:
        TagshipError: the split is by a hashed column and there is no key.
    """
    dropped = [name for name, column in data.columns.items() if column.pii == "drop"]
    frame = raw.drop(columns=[name for name in dropped if name in raw.columns])
    hashed = [
        name
        for name, column in data.columns.items()
        if column.pii == "hash" and name in frame.columns
    ]
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
    """A column in the contract's type, and every rule that it breaks."""
    field = replace(declared_field(name, column, feature), nullable=True, closed=True)
    cells = read_cells(field, raw)
    broken = _broken(field, cells, raw)
    if feature and field.dtype == "int" and (same := equal_in_float32(cells.values)):
        rule = "can be told apart in float32, the model's input (or `feature: false`)"
        broken.append(Failure(name, rule, same, (), ()))
    return as_series(field, cells), broken


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
        _failure(field.name, rule.removeprefix("must be "), raw, rows)
        for rule, rows in broken_rules(field, cells)
    ]


def _target(raw: pd.Series, data: DataConfig, task: Task) -> tuple[pd.Series, list[Failure]]:
    name = data.target.column
    field = target_field(data.target, task)
    cells = read_cells(field, raw)
    values = as_series(field, cells)
    if type(data.target.positive) is bool:  # True and TRUE of a text are the label true
        values = values.str.lower()
    if cells.missing.all():
        return values, [Failure(name, "target is all missing", len(raw), (), (1,))]
    failures = _broken(field, cells, raw)
    if cells.missing.any():
        failures.append(_failure(name, "target is missing", raw, cells.missing))
    if failures:
        return values, failures
    if values.nunique() == 1:
        return values, [Failure(name, "target is constant", len(raw), (str(values[0]),), (1,))]
    if task == "binary":
        labels = sorted(values.unique())
        positive = cell_text(data.target.positive)
        if positive not in labels:
            rule = f"has the positive label {positive!r}"
            failures.append(Failure(name, rule, 0, tuple(labels[:_SHOWN]), ()))
        elif len(labels) != 2:
            failures.append(Failure(name, "exactly two labels", len(labels), tuple(labels[:5]), ()))
    return values, failures


def _broken_weights(name: str, weights: pd.Series) -> list[Failure]:
    if (negative := weights.to_numpy() < 0).any():
        return [_failure(name, "a weight of at least 0", weights, negative)]
    if len(weights) and not weights.any():
        return [Failure(name, "a weight above 0 in some row", len(weights), ("0.0",), (1,))]
    return []


def _failure(name: str, rule: str, raw: pd.Series, bad: NDArray[np.bool_]) -> Failure:
    rows = np.flatnonzero(bad)
    broken = raw.iloc[rows[:1000]]
    seen = dict.fromkeys(repr(value) for value in broken[broken.notna()].tolist())
    examples = tuple(text if len(text) < 40 else text[:37] + "…'" for text in seen)
    shown = tuple(int(row) + 1 for row in rows[:_SHOWN])
    return Failure(name, rule, len(rows), examples[:_SHOWN], shown)


def _pandera_failures(table: pd.DataFrame, data: DataConfig, unread: set[str]) -> list[Failure]:
    """What breaks the rules of whole columns; columns with ``unread`` values are left out."""
    from pandera.errors import SchemaErrors

    try:
        pandera_schema(data).validate(table, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
    else:
        return []
    failures = []
    for name, rule in cases[["column", "check"]].drop_duplicates().itertuples(index=False):
        values = table[name]
        bad, said = values.isna(), rule
        if rule == "field_uniqueness":
            bad, said = values.duplicated(keep=False) & ~bad, "id is unique"
        elif rule == "not_nullable":
            said = "id is missing" if name == data.id else "missing values"
        if name not in unread and bad.any():
            failures.append(_failure(name, said, values, bad.to_numpy()))
    return failures


def pandera_schema(data: DataConfig) -> Any:
    """What a contract asks of whole columns of a typed table: ids, and how much may be missing."""
    import pandera.pandas as pa

    columns: dict[str, Any] = {}
    for name, column in data.kept.items():
        rule = f"missing at most {column.missing:.2%}"
        few = pa.Check(
            lambda values, most=column.missing: values.isna().mean() <= most,
            error=rule,
            ignore_na=False,
        )
        nullable = column.missing > 0
        columns[name] = pa.Column(
            checks=few if nullable else None, nullable=nullable, required=False
        )
    if data.id:
        columns[data.id] = pa.Column(unique=True, nullable=False, required=False)
    return pa.DataFrameSchema(columns)
