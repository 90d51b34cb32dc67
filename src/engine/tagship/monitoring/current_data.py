"""What a model sees now, as arrays that can be compared with its reference."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import UNSEEN, Field
from tagship.contract.values import FLOAT32_MAX, TRUTH, WHOLE, is_missing
from tagship.monitoring.log_reader import LoggedRows
from tagship.training.profiles import CategoryProfile, Profile, TextProfile, round_scores
from tagship.training.reference import Reference

if TYPE_CHECKING:
    import pandas as pd

Times = NDArray[np.datetime64]
_BOOLEANS = {text: "true" if truth else "false" for text, truth in TRUTH.items()}


@dataclass(frozen=True)
class Values:
    """One column, shape (rows,)."""

    values: NDArray[Any]
    """Numbers, NaN where missing; codes of categories, -1 where missing; for text, whether it is
    there."""
    unknown: NDArray[np.bool_] | None = None
    """Where the value is not of the column's type."""
    new: tuple[str, ...] = ()
    """Categories that the reference does not have; their codes follow those it has."""

    @property
    def empty(self) -> bool:
        """Whether there is no number that is finite, or no category."""
        is_float = self.values.dtype.kind == "f"
        return not (np.isfinite(self.values) if is_float else self.values >= 0).any()

    def take(self, rows: slice | NDArray[Any]) -> "Values":
        """Some of its rows."""
        unknown = None if self.unknown is None else self.unknown[rows]
        return replace(self, values=self.values[rows], unknown=unknown)


@dataclass(frozen=True)
class Current:
    """Rows that a model was asked about, with its predictions where they are known."""

    rows: int
    columns: Mapping[str, Values]
    """Those of the reference's columns that are there."""
    prediction: Values | None = None
    target: Values | None = None
    times: Times | None = None
    """When each row was, UTC, ascending; None where it is not known."""
    extra: tuple[str, ...] = ()
    """Columns that neither the reference nor the contract has."""
    releases: Mapping[str, int] = field(default_factory=dict)
    """LoggedRows rows by release."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Log lines that could not be used, by reason."""
    one_in: float = 1
    """One row of this many was read."""

    def take(self, rows: slice | NDArray[Any]) -> "Current":
        """Some of its rows."""
        counted = np.zeros(self.rows, dtype=bool)
        counted[rows] = True
        return replace(
            self,
            rows=int(counted.sum()),
            columns={name: values.take(rows) for name, values in self.columns.items()},
            prediction=self.prediction.take(rows) if self.prediction else None,
            target=self.target.take(rows) if self.target else None,
            times=None if self.times is None else self.times[rows],
        )


def from_log(reference: Reference, logged: LoggedRows, rows: NDArray[np.int64]) -> Current:
    """LoggedRows predictions, which were read by ``reference.boundary()``.

    Args:
        rows: the places of those that count, in order of their times.
    """
    multiclass = reference.task == "multiclass"
    predictions = logged.predictions if multiclass else round_scores(logged.scores)
    return Current(
        rows=len(rows),
        columns={
            name: _from_boundary(reference.columns[name], values[rows])
            for name, values in logged.columns.items()
        },
        prediction=Values(predictions[rows]),
        times=logged.times[rows],
        releases=logged.releases,
        skipped=logged.skipped,
        one_in=logged.one_in,
    )


def from_table(
    reference: Reference,
    frame: "pd.DataFrame",
    target: str,
    declared: Collection[str] = (),
    times: "pd.Series | None" = None,
    names: Sequence[str] | None = None,
) -> Current:
    """Rows of any table: a value that is not of its column's type counts as unknown.

    Args:
        target: the target's column; compared when the table has it.
        declared: the columns of the contract, none of which is new.
        times: when each row was.
        names: all columns of the table, where ``frame`` does not have all.
    """
    columns = {
        name: _from_series(profile, frame[name])
        for name, profile in reference.columns.items()
        if name in frame.columns
    }
    other_columns = set(map(str, names or frame.columns)) - reference.columns.keys()
    current = Current(
        rows=len(frame),
        columns=columns,
        target=_from_series(reference.target, frame[target]) if target in frame.columns else None,
        extra=tuple(sorted(other_columns.difference(declared, [target]))),
    )
    if times is None:
        return current
    stamps = times.to_numpy().astype("datetime64[ms]")
    return replace(current, times=stamps).take(np.argsort(stamps, kind="stable"))


def _from_boundary(profile: Profile, values: NDArray[Any]) -> Values:
    if isinstance(profile, TextProfile):
        return Values(~is_missing(Field("", profile.dtype), values))
    if profile.dtype == "bool":
        return Values(np.where(np.isnan(values), -1, values).astype(np.int64))
    if profile.dtype == "category":
        unknown = values == UNSEEN
        return _values(np.where(unknown, -1, values), unknown)
    return Values(values)


def _from_series(profile: Profile, series: "pd.Series") -> Values:
    """A value that is not of the column's type is unknown, and counts as missing."""
    from tagship.contract.table_columns import as_text, broken_rules, read_cells

    if isinstance(profile, CategoryProfile):
        return _from_texts(profile, series, as_text(series))
    field = Field(str(series.name), profile.dtype, nullable=True)
    cells = read_cells(field, series)
    if isinstance(profile, TextProfile):
        return _values(~(cells.missing | cells.unread), cells.unread)
    unknown = cells.unread | dict(broken_rules(field, cells)).get(WHOLE, False)
    sign = np.copysign(np.inf, cells.values)
    numbers = np.where(np.abs(cells.values) > FLOAT32_MAX, sign, cells.values)
    return _values(np.where(unknown, np.nan, numbers), unknown)


def _from_texts(profile: CategoryProfile, series: "pd.Series", cells: "pd.Series") -> Values:
    import pandas as pd

    unknown = (series.notna() & cells.isna()).to_numpy()
    codes, distinct = pd.factorize(cells)
    texts = list(map(str, distinct))
    if profile.dtype == "bool":
        texts = [_BOOLEANS.get(text.lower(), text) for text in texts]
    names = [str(value) for value in profile.values]
    new = tuple(dict.fromkeys(text for text in texts if text not in names))
    places = {name: code for code, name in enumerate([*names, *new])}
    mapped = np.array([*(places[text] for text in texts), -1], dtype=np.int64)
    return _values(mapped[codes], unknown, new)


def _values(values: NDArray[Any], unknown: NDArray[np.bool_], new: tuple[str, ...] = ()) -> Values:
    return Values(values, unknown if unknown.any() else None, new)
