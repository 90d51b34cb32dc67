"""What the values of one column are: their type, their range, what is odd about them."""

import re
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from tagship.config.contract import FLOAT32_MAX, Column, DatePart, WrittenNumber
from tagship.contract.boundary import Field
from tagship.contract.table_columns import as_text, number_format, read_cells
from tagship.contract.values import equal_in_float32
from tagship.errors import TagshipError
from tagship.new_model.column_words import tells_time
from tagship.new_model.format_detection import DateFormats, find_date_formats, find_number_format
from tagship.new_model.free_text import count_of_terms
from tagship.new_model.ranges import find_range, find_sentinels
from tagship.new_model.rounding import share_with_slack

MOST_CATEGORIES = 50
Dtype = Literal["float", "int", "bool", "category", "string", "datetime"]
_LONGEST_CATEGORY = 60
_ISO_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]|$)")
_EPOCHS = (("unix", 1e8, 5e9), ("unix_ms", 1e11, 5e12))
_LEADING_ZERO = re.compile(r"^[+-]?0\d")


@dataclass(frozen=True)
class ColumnProfile:
    """A column's type as the contract would name it, and its values in that type."""

    name: str
    dtype: Dtype
    values: pd.Series
    """float64 for numbers, true as 1.0; text for category and string; or datetimes."""
    distinct: int
    """How many different values, missing not counted."""
    missing: float
    """The share of missing values."""
    remark: str = ""
    """What a person should know about its values."""
    format: WrittenNumber | list[str] | None = None
    """How its numbers or dates are written, where that must be declared."""
    sentinels: dict[int, int] = field(default_factory=dict)
    """The numbers that stand for a missing value, and how many rows have each."""
    terms: int = 0
    """How many of its words and pairs of words may be features; 0 where it is no free text."""
    unclear: str = ""
    """The date format that reads it as well as ``format`` does, with other days."""

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.missing == 0 and self.distinct == len(self.values) > 1

    @property
    def number(self) -> bool:
        """Whether it is float or int."""
        return self.dtype in ("float", "int")

    def column(self, feature: bool = True, pii: bool = False) -> Column:
        """The column of a contract that accepts these values, with slack."""
        if pii:
            return Column(dtype="string", pii="drop")
        missing = share_with_slack(self.missing)
        if self.number and self.distinct:
            unit = self.format.unit if isinstance(self.format, WrittenNumber) else ""
            bounds = find_range(f"{self.name} {unit}", self.values, self.dtype == "int")
            return Column(
                dtype=self.dtype, min=bounds.min, max=bounds.max, usual=bounds.usual,
                missing=missing, nulls=list(self.sentinels) or None, format=self.format,
                feature=feature,
            )  # fmt: skip
        values = parts = None
        if self.dtype == "category":
            values = sorted(self.values.dropna().unique().tolist(), key=_natural)
        if self.dtype == "datetime" and feature:
            parts = self.parts()
        return Column(
            dtype=self.dtype, values=values, parts=parts, format=self.format, missing=missing,
            terms=(self.terms or None) if feature else None, feature=feature,
        )  # fmt: skip

    def parts(self) -> list[DatePart]:
        """What of a date differs between its rows, apart from the day of the month."""
        dates = self.values.dropna().dt
        varying: list[tuple[DatePart, pd.Series]] = [
            ("year", dates.year),
            ("month", dates.month),
            ("weekday", dates.weekday),
            ("hour", dates.hour),
        ]
        return [part for part, numbers in varying if numbers.nunique() > 1] or ["days"]


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sorts ``10-19`` after ``2-9``."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts] + [(0, 0, text)]


def profile_column(
    name: str, column: pd.Series, decimal: str = ".", day_first: bool | None = None
) -> ColumnProfile:
    """Say what a column's values are.

    Args:
        decimal: the decimal separator of numbers that are text.
        day_first: whether the day stands before the month in dates; None if nobody said.

    Raises:
        TagshipError: it holds infinity.
    """
    missing = float(column.isna().mean())
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        dates = column if column.dt.tz is None else column.dt.tz_convert(None)
        return ColumnProfile(name, "datetime", dates, int(column.nunique()), missing)
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        return _numbers(name, column.astype("float64"), missing, _written_whole(column))
    texts = as_text(column)
    codes, uniques = pd.factorize(texts)
    distinct = pd.Series(uniques, dtype="str")
    if distinct.empty:
        return ColumnProfile(name, "string", texts, 0, missing, "every value is missing")
    if set(distinct.str.lower()) == {"true", "false"}:
        return ColumnProfile(name, "bool", _values("bool", texts), 2, missing)
    parsed = _values("float", distinct, decimal)
    if parsed.notna().all():
        if distinct.str.match(_LEADING_ZERO).any():
            return _text(name, texts, distinct, missing, "digits with leading zeros: codes")
        numbers = np.append(parsed.to_numpy(dtype=np.float64), np.nan)[codes]
        integer = not distinct.str.contains(decimal, regex=False).any()
        return _numbers(name, pd.Series(numbers, index=column.index), missing, integer)
    if distinct.str.match(_ISO_DATE).all():
        times = _values("datetime", texts)
        if times.notna().equals(texts.notna()):
            return ColumnProfile(name, "datetime", times, len(distinct), missing)
    if written := find_number_format(distinct.tolist(), decimal):
        read = _values("float", texts, written=written)
        integer = not distinct.str.contains(written.decimal, regex=False).any()
        return replace(_numbers(name, read, missing, integer), format=written)
    if dates := find_date_formats(distinct.tolist(), day_first):
        return _dates(name, texts, dates, len(distinct), missing)
    return _text(name, texts, distinct, missing, _odd(distinct, parsed))


def _values(
    dtype: Dtype,
    texts: pd.Series,
    decimal: str = ".",
    written: WrittenNumber | tuple[str, ...] | None = None,
) -> pd.Series:
    format = written if isinstance(written, tuple) else number_format(written)
    return pd.Series(
        read_cells(Field("", dtype, format=format), texts, decimal).values, index=texts.index
    )


def _dates(
    name: str, texts: pd.Series, dates: DateFormats, distinct: int, missing: float
) -> ColumnProfile:
    values = _values("datetime", texts, written=tuple(dates.patterns))
    patterns = " or ".join(dates.patterns)
    return ColumnProfile(
        name, "datetime", values, distinct, missing, f"dates, read as {patterns}",
        format=dates.patterns, unclear=dates.other,
    )  # fmt: skip


def _written_whole(column: pd.Series) -> bool:
    """Integers, or floats that are integers but for missing values."""
    return pd.api.types.is_integer_dtype(column.dtype) or bool(column.isna().any())


def _numbers(name: str, values: pd.Series, missing: float, whole: bool) -> ColumnProfile:
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise TagshipError(
            f"column '{name}' holds infinity in {len(infinite)} rows, first row {infinite[0] + 1}",
            "a model cannot learn from infinity: leave those cells empty, or drop the column",
        )
    sentinels = find_sentinels(values)
    if sentinels:
        values = values.mask(values.isin(list(sentinels)))
        missing = float(values.isna().mean())
    present = values.dropna()
    integer = present.size > 0 and bool((present == present.round()).all())
    integer = integer and (whole or bool(sentinels))
    if integer and tells_time(name) and (moments := _moments(name, present, values, missing)):
        return moments
    remark = _too_exact(present) if integer else ""
    if (present.abs() > FLOAT32_MAX).any():
        remark = "larger than float32 holds"
    dtype: Dtype = "int" if integer else "float"
    distinct = int(present.nunique())
    return ColumnProfile(name, dtype, values, distinct, missing, remark, sentinels=sentinels)


def _too_exact(present: pd.Series) -> str:
    """What is lost of whole numbers that are too large to be told apart."""
    equal = equal_in_float32(present.to_numpy(dtype=np.float64))
    if not equal:
        return ""
    return (
        f"larger than 2²⁴: {equal:,} of {present.nunique():,} different values would be equal in"
        " float32; derive a difference, or declare `dtype: string` if it is an id"
    )


def _moments(
    name: str, present: pd.Series, values: pd.Series, missing: float
) -> ColumnProfile | None:
    """Whole numbers that count seconds since 1970, or are written as 20241231."""
    patterns = [
        pattern
        for pattern, low, high in _EPOCHS
        if present.between(low, high).all() and present.nunique() > 1
    ]
    if not patterns and present.between(18000101, 22000101).all():
        texts = present.astype("int64").astype("str").unique().tolist()
        dates = find_date_formats(texts)
        patterns = dates.patterns if dates else []
    if not patterns:
        return None
    written = values.astype("Int64").astype("str").where(values.notna())
    formats = DateFormats(patterns[:1])
    return _dates(name, written, formats, int(present.nunique()), missing)


def _text(
    name: str, texts: pd.Series, distinct: pd.Series, missing: float, remark: str
) -> ColumnProfile:
    few = len(distinct) <= min(MOST_CATEGORIES, max(2, len(texts) // 2))
    short = distinct.str.len().max() <= _LONGEST_CATEGORY
    dtype: Dtype = "category" if few and short else "string"
    terms = count_of_terms(texts) if dtype == "string" and not remark else 0
    remark = remark or (_alike(texts, distinct) if dtype == "category" else "")
    return ColumnProfile(name, dtype, texts, len(distinct), missing, remark, terms=terms)


def _alike(texts: pd.Series, distinct: pd.Series) -> str:
    """Categories that differ by case or blanks alone."""
    plain = distinct.str.casefold().str.split().str.join(" ")
    again = distinct[plain.duplicated(keep=False)]
    if again.empty:
        return ""
    examples = ", ".join(map(repr, again.loc[plain[again.index].sort_values().index].head(4)))
    rows = int(texts.isin(again).sum())
    return f"{examples} differ by case or blanks alone ({rows:,} rows): are they the same?"


def _odd(distinct: pd.Series, parsed: pd.Series) -> str:
    """What a person may not expect of texts."""
    numeric = float(parsed.notna().mean())
    if numeric >= 0.5:
        unreadable = distinct[parsed.isna()]
        return (
            f"mostly numbers, but also {len(unreadable)} texts such as {unreadable.iloc[0][:20]!r}"
        )
    return ""
