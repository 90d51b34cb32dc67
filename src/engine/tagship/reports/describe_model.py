"""Exploring a model's data; of a data set what adds up is of all rows, the rest of a sample."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tagship.config.project_files import ModelFiles
from tagship.data.blocks import Scan, open_scanner
from tagship.data.sampling import DrawnRows
from tagship.data.table import read_raw
from tagship.data.validation import protect
from tagship.reports.column_statistics import TOP
from tagship.reports.describe import TypedColumn, describe_frame, read_column
from tagship.reports.description import ColumnDescription, Description, Top

MOST_ROWS = 1_000_000
"""How many rows are drawn."""


def describe_model(files: ModelFiles) -> Description:
    """Read a model's source and describe it; of a data set a block is held at a time, and a sample.

    Raises:
        TagshipError: the source cannot be read, or the key for hashing personal data is not set.
    """
    sample, totals = DrawnRows(MOST_ROWS), _Totals(files)
    if (scanner := open_scanner(files, sample, totals.see)) is None:
        return describe_frame(files, read_raw(files).frame)
    scan = scanner.scan()
    description = describe_frame(files, sample.frame(), scan.failures)
    return totals.complete(description, scan)


class _Totals:
    """What is exact of every column, added up block by block."""

    def __init__(self, files: ModelFiles) -> None:
        self._data, self._task = files.data, files.model.task
        self._columns: dict[str, _Column] = {}

    def see(self, raw: pd.DataFrame) -> None:
        """Add a block of rows."""
        frame = protect(raw, self._data)
        for name in frame.columns:
            typed = read_column(name, frame[name], self._data, self._task)
            self._columns.setdefault(name, _Column()).add(typed, frame[name])

    def complete(self, drawn: Description, scan: Scan) -> Description:
        """The description of a sample, made one of all rows as far as they are known."""
        if drawn.rows == scan.rows:
            return drawn
        factor = scan.rows / drawn.rows
        return replace(
            drawn,
            rows=scan.rows,
            memory_mb=round(drawn.memory_mb * factor, 3),
            columns=tuple(self._columns[c.name].complete(c, factor) for c in drawn.columns),
            drawn=drawn.rows,
        )


class _Column:
    def __init__(self) -> None:
        self._missing = self._unreadable = self._finite = self._zeros = self._infinite = 0
        self._sum = 0.0
        self._ends: list[Any] = []
        self._counts: Counter[str] = Counter()

    def add(self, column: TypedColumn, stored: pd.Series) -> None:
        self._missing += int(stored.isna().sum())
        self._unreadable += column.unreadable
        values = column.values.dropna()
        if column.kind == "category":
            self._counts.update({str(k): int(n) for k, n in values.value_counts().items()})
        if column.kind == "number":
            finite = values[np.isfinite(values)]
            self._infinite += len(values) - len(finite)
            self._zeros += int((finite == 0).sum())
            self._sum += float(finite.sum())
            self._finite += len(finite)
            values = finite
        if column.kind in ("number", "time") and len(values):
            ends = [*self._ends, values.min(), values.max()]
            self._ends = [min(ends), max(ends)]

    def complete(self, drawn: ColumnDescription, factor: float) -> ColumnDescription:
        numbers = drawn.numbers
        if numbers is not None:
            numbers = replace(
                numbers,
                mean=self._sum / self._finite,
                min=float(self._ends[0]),
                max=float(self._ends[1]),
                zeros=self._zeros,
                infinite=self._infinite,
                outliers=round(numbers.outliers * factor),
            )
        return replace(
            drawn,
            missing=self._missing,
            unreadable=self._unreadable,
            distinct=sum(n > 0 for n in self._counts.values()) or drawn.distinct,
            numbers=numbers,
            top=self._top(drawn.top, factor),
            period=(str(self._ends[0]), str(self._ends[1])) if drawn.period else None,
        )

    def _top(self, drawn: tuple[Top, ...], factor: float) -> tuple[Top, ...]:
        if not self._counts or not drawn:
            return tuple(replace(top, count=round(top.count * factor)) for top in drawn)
        outcomes = {top.value: top.outcome for top in drawn}
        most = sorted(self._counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
        return tuple(Top(value, count, outcomes.get(value)) for value, count in most if count)
