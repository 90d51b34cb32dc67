"""What the values of one column are: their type, their range, what is odd about them."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tagship.config.contract import FLOAT32_MAX, Column
from tagship.contract.boundary import Field
from tagship.contract.table_columns import as_text, read_cells
from tagship.errors import TagshipError
from tagship.new_model.rounding import range_with_slack, share_with_slack

MOST_CATEGORIES = 50
THOUSANDS = "numbers with thousands separators, read as text: take the separators out"
"""The remark about a column that would be numbers without them."""
Dtype = Literal["float", "int", "bool", "category", "string", "datetime"]
_LONGEST_CATEGORY = 60
_ISO_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]|$)")
_OTHER_DATE = re.compile(r"^\d{1,2}([./-])\d{1,2}\1(\d{2}|\d{4})\b")
_LEADING_ZERO = re.compile(r"^[+-]?0\d")
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}([,.' ]\d{3})+([,.]\d+)?$")


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
            present = self.values.dropna()
            low, high = range_with_slack(
                float(present.min()), float(present.max()), self.dtype == "int"
            )
            if set(present.unique()) == {0.0, 1.0}:
                low, high = 0, 1
            if max(abs(low or 0), abs(high or 0)) > FLOAT32_MAX:
                low = high = None
            return Column(dtype=self.dtype, min=low, max=high, missing=missing, feature=feature)
        values = None
        if self.dtype == "category":
            values = sorted(self.values.dropna().unique().tolist(), key=_natural)
        return Column(dtype=self.dtype, values=values, missing=missing, feature=feature)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sorts ``10-19`` after ``2-9``."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts] + [(0, 0, text)]


def profile_column(name: str, stored: pd.Series, decimal: str = ".") -> ColumnProfile:
    """Say what a column's values are.

    Raises:
        TagshipError: it holds infinity.
    """
    missing = float(stored.isna().mean())
    if pd.api.types.is_datetime64_any_dtype(stored.dtype):
        return ColumnProfile(name, "datetime", stored, int(stored.nunique()), missing)
    if pd.api.types.is_numeric_dtype(stored.dtype) and not pd.api.types.is_bool_dtype(stored.dtype):
        return _numbers(name, stored.astype("float64"), missing, _written_whole(stored))
    texts = as_text(stored)
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
        whole = not distinct.str.contains(decimal, regex=False).any()
        return _numbers(name, pd.Series(numbers, index=stored.index), missing, whole)
    if distinct.str.match(_ISO_DATE).all():
        times = _values("datetime", texts)
        if times.notna().equals(texts.notna()):
            return ColumnProfile(name, "datetime", times, len(distinct), missing)
    return _text(name, texts, distinct, missing, _odd(distinct, parsed))


def _values(dtype: Dtype, texts: pd.Series, decimal: str = ".") -> pd.Series:
    return pd.Series(read_cells(Field("", dtype), texts, decimal).values, index=texts.index)


def _written_whole(stored: pd.Series) -> bool:
    """Integers, or floats that are integers but for missing values."""
    return pd.api.types.is_integer_dtype(stored.dtype) or bool(stored.isna().any())


def _numbers(name: str, values: pd.Series, missing: float, whole: bool) -> ColumnProfile:
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise TagshipError(
            f"column '{name}' holds infinity in {len(infinite)} rows, first row {infinite[0] + 1}",
            "a model cannot learn from infinity: leave those cells empty, or drop the column",
        )
    present = values.dropna()
    integer = whole and present.size > 0 and bool((present == present.round()).all())
    too_large = bool((present.abs() > FLOAT32_MAX).any())
    remark = "larger than float32 holds" if too_large else ""
    return ColumnProfile(
        name, "int" if integer else "float", values, int(present.nunique()), missing, remark
    )


def _text(
    name: str, texts: pd.Series, distinct: pd.Series, missing: float, remark: str
) -> ColumnProfile:
    few = len(distinct) <= min(MOST_CATEGORIES, max(2, len(texts) // 2))
    short = distinct.str.len().max() <= _LONGEST_CATEGORY
    dtype: Dtype = "category" if few and short else "string"
    return ColumnProfile(name, dtype, texts, len(distinct), missing, remark)


def _odd(distinct: pd.Series, parsed: pd.Series) -> str:
    """What a person may not expect of texts."""
    if distinct.str.match(_OTHER_DATE).all():
        return "dates, but not ISO 8601 (2024-12-31)"
    if (
        distinct.str.match(_THOUSANDS).any()
        and (distinct.str.match(_THOUSANDS) | parsed.notna()).all()
    ):
        return THOUSANDS
    numeric = float(parsed.notna().mean())
    if numeric >= 0.5:
        others = distinct[parsed.isna()]
        return f"mostly numbers, but also {len(others)} texts such as {others.iloc[0][:20]!r}"
    return ""
