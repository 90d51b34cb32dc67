"""Does a table keep its contract? Every failure is collected, none is mended in silence."""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.contract import FLOAT32_MAX, Column, DataConfig, Label
from tagship.config.model import Task
from tagship.errors import TagshipError

PII_KEY = "TAGSHIP_PII_KEY"
_MOMENT = secrets.token_bytes(32)
_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
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
        """The same refusal; what is no table of the contract is not shown at all."""
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
    frame = protect(raw, data).reset_index(drop=True)  # rows are told apart by place alone
    expected = [*([data.id] if data.id else []), *data.kept, data.target.column]
    absent = [name for name in expected if name not in frame.columns]
    surplus = [str(name) for name in frame.columns if name not in expected]
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
            made[name], broken = typed(name, frame[name], column)
            failures += broken
    if data.target.column in frame.columns:
        made[data.target.column], broken = _target(frame[data.target.column], data, task)
        failures += broken
    if data.id and data.id in frame.columns:
        made[data.id] = as_text(frame[data.id])
    table = pd.DataFrame(made, index=pd.RangeIndex(len(frame)))
    unread = {failure.column for failure in failures}  # what could not be read is not missing
    failures += [
        failure
        for failure in _pandera_failures(table, data)
        if failure.column not in unread or not failure.rule.startswith("missing")
    ]
    if failures:
        raise ContractError(failures, len(frame))
    for name, column in data.kept.items():
        if column.dtype == "category":
            values = [str(value) for value in column.values or []]
            table[name] = pd.Categorical(table[name], categories=values)
    return table


def as_text(values: pd.Series) -> pd.Series:
    """Values as text, the same from whatever file format; missing stays missing."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return cast(pd.Series, values.map({True: "true", False: "false"}).astype("str"))
    if pd.api.types.is_float_dtype(values.dtype):
        whole = values.dropna()
        if len(whole) and np.isfinite(whole).all() and (whole == whole.round()).all():
            values = values.astype("Int64")
    if values.dtype == object:
        values = values.map(lambda v: label_text(v) if isinstance(v, bool) else v)
    return values.astype("str").where(values.notna())


def label_text(label: Label) -> str:
    """A label of data.yaml as ``as_text`` writes the data's."""
    return str(label).lower() if isinstance(label, bool) else str(label)


def protect(raw: pd.DataFrame, data: DataConfig) -> pd.DataFrame:
    """The table without its personal data: columns dropped, or hashed with the key in ``PII_KEY``.

    Without that key one of the moment is used, which nobody keeps: no hashed value enters a
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
    key = os.environ.get(PII_KEY, "").encode() or _MOMENT
    if key is _MOMENT and data.split.group in hashed:
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


def typed(name: str, found: pd.Series, column: Column) -> tuple[Any, list[Failure]]:
    """A column in the contract's type, and what could not be read as that type."""
    match column.dtype:
        case "float" | "int":
            return _parsed(name, found, _to_number(found), "a number")
        case "bool":
            text = as_text(found).str.lower()
            return _parsed(name, found, text.map(_TRUTH).astype("float64"), "true or false")
        case "datetime":
            times = pd.to_datetime(found, errors="coerce", utc=True, format="ISO8601")
            return _parsed(name, found, times.dt.tz_localize(None), "a date (ISO 8601)")
        case _:
            return as_text(found), []


def _to_number(found: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(found.dtype):
        return found.astype("float64")
    if found.dtype.kind in "mM":  # pandas would count the time since 1970
        return pd.Series(np.nan, index=found.index)
    return cast(pd.Series, pd.to_numeric(found, errors="coerce").astype("float64"))


def _parsed(
    name: str, found: pd.Series, parsed: pd.Series, rule: str
) -> tuple[pd.Series, list[Failure]]:
    bad = (found.notna() & parsed.isna()).to_numpy()
    return parsed.reset_index(drop=True), [_failure(name, rule, found, bad)] if bad.any() else []


def _target(found: pd.Series, data: DataConfig, task: Task) -> tuple[Any, list[Failure]]:
    name = data.target.column
    missing = found.isna().to_numpy()
    if missing.all():
        return as_text(found), [Failure(name, "target is all missing", len(found), (), (1,))]
    failures = [_failure(name, "target is missing", found, missing)] if missing.any() else []
    if task == "regression":
        values, broken = _parsed(name, found, _to_number(found), "a number")
        failures += broken
        infinite = np.isinf(values.to_numpy())
        if infinite.any():
            failures.append(_failure(name, "finite", found, infinite))
        if not failures and values.nunique() == 1:
            failures.append(
                Failure(name, "target is constant", len(found), (str(values[0]),), (1,))
            )
        return values, failures
    values = as_text(found)
    labels = sorted(values.dropna().unique())
    if len(labels) == 1:
        failures.append(Failure(name, "target is constant", len(found), (labels[0],), (1,)))
    elif task == "binary":
        positive = label_text(cast(Label, data.target.positive))
        if positive not in labels:
            failures.append(
                Failure(name, f"has the positive label {positive!r}", 0, tuple(labels[:_SHOWN]), ())
            )
        elif len(labels) != 2:
            failures.append(Failure(name, "exactly two labels", len(labels), tuple(labels[:5]), ()))
    return values, failures


def _failure(name: str, rule: str, found: pd.Series, bad: NDArray[np.bool_]) -> Failure:
    rows = np.flatnonzero(bad)
    broken = found.iloc[rows[:1000]]
    seen = dict.fromkeys(repr(value) for value in broken[broken.notna()].tolist())
    examples = tuple(text if len(text) < 40 else text[:37] + "…'" for text in seen)
    shown = tuple(int(row) + 1 for row in rows[:_SHOWN])
    return Failure(name, rule, len(rows), examples[:_SHOWN], shown)


def _pandera_failures(table: pd.DataFrame, data: DataConfig) -> list[Failure]:
    from pandera.errors import SchemaErrors

    try:
        pandera_schema(data).validate(table, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
    else:
        return []
    failures = []
    for (name, rule), group in cases.groupby(["column", "check"], sort=False):
        if name not in table.columns:
            continue
        rows = group["index"].dropna().astype(int).to_numpy()
        if len(rows) == 0 and str(rule).startswith("missing"):
            rows = np.flatnonzero(table[name].isna())
        bad = np.zeros(len(table), dtype=bool)
        bad[rows] = True
        failures.append(_failure(str(name), str(rule), table[name], bad))
    return failures


def pandera_schema(data: DataConfig) -> Any:
    """The contract as a pandera schema over a typed table; each check is named by its rule."""
    import pandera.pandas as pa

    def rule(text: str, test: Callable[..., Any], **options: Any) -> Any:
        return pa.Check(test, name=text, error=text, **options)

    columns: dict[str, Any] = {}
    for name, column in data.kept.items():
        checks = []
        share = column.missing
        if share < 1:
            text = "missing values" if share == 0 else f"missing at most {share:.2%}"
            checks.append(rule(text, lambda s, m=share: s.isna().mean() <= m, ignore_na=False))
        if column.dtype in ("float", "int"):
            checks.append(rule("finite", lambda s: ~np.isinf(s)))
            if name in data.features and None in (column.min, column.max):
                fits = rule("what float32 holds", lambda s: np.isinf(s) | (s.abs() <= FLOAT32_MAX))
                checks.append(fits)
        if column.dtype == "int":
            checks.append(rule("a whole number", lambda s: np.isinf(s) | (s == s.round())))
        if column.min is not None:
            checks.append(rule(f"at least {column.min:g}", lambda s, m=column.min: s >= m))
        if column.max is not None:
            checks.append(rule(f"at most {column.max:g}", lambda s, m=column.max: s <= m))
        if column.values is not None:
            known = {str(value) for value in column.values}
            checks.append(rule("a known value", lambda s, k=known: s.isin(k)))
        columns[name] = pa.Column(None, checks, nullable=True, required=False)
    if data.id:
        columns[data.id] = pa.Column(
            None,
            [
                rule("id is missing", lambda s: s.notna(), ignore_na=False),
                rule("id is unique", lambda s: ~s.duplicated(keep=False)),
            ],
            nullable=True,
            required=False,
        )
    return pa.DataFrameSchema(columns)
