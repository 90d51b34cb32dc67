"""The range of a column as a person would write it: what is possible, and what is usual."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tagship.config.contract import FLOAT32_MAX
from tagship.data.text_normalization import word_set, words
from tagship.new_model.rounding import range_with_slack

_POSSIBLE: tuple[tuple[str, float, float], ...] = (
    ("hour hours hr hrs hod", 0, 23),
    ("minute minutes second seconds", 0, 59),
    ("month months mnth mon", 1, 12),
    ("weekday dow dayofweek", 0, 7),
    ("yday dayofyear doy", 1, 366),
    ("lat latitude", -90, 90),
    ("lon lng long longitude", -180, 180),
    ("age ages", 0, 120),
    ("percent percentage pct humidity", 0, 100),
    ("probability prob fraction share", 0, 1),
)
"""By words of a name, the smallest and the largest value that there can be."""
_COUNTS = word_set(
    "count counts n num number qty quantity price prices cost fare salary income area sqft size"
    " length width height weight distance duration population rooms bedrooms bathrooms floors"
    " visits clicks views tenure mileage horsepower hp calories"
)
"""Words of names whose values are never negative."""
_SENTINELS = tuple(sign * float("9" * digits) for digits in range(2, 8) for sign in (-1, 1))
_CERTAIN = 999
"""A sentinel of this size is believed from one row on, a smaller one from two."""
_MOST_SENTINELS = 0.5


@dataclass(frozen=True)
class Range:
    """What data.yaml says of a column's numbers."""

    min: float | None = None
    max: float | None = None
    usual: list[float] | None = None


def find_range(name: str, values: pd.Series, integer: bool) -> Range:
    """The range of numbers, given as float64 without the sentinels; at least one is present."""
    present = values.dropna().to_numpy(dtype=np.float64)
    low, high = float(present.min()), float(present.max())
    if max(abs(low), abs(high)) > FLOAT32_MAX:
        return Range()
    if set(np.unique(present).tolist()) <= {0.0, 1.0} and low < high:
        return Range(0, 1)
    possible = _possible(name, low, high)
    usual = range_with_slack(*_without_tails(present), integer)
    if usual is not None:
        least = -np.inf if possible[0] is None else possible[0]
        most = np.inf if possible[1] is None else possible[1]
        usual = [max(usual[0], least), min(usual[1], most)]
        if usual == [least, most]:
            usual = None  # it says nothing more
    return Range(*possible, usual)


def _possible(name: str, low: float, high: float) -> tuple[float | None, float | None]:
    name_words = set(words(name.replace("%", "percent")))
    for range_words, least, most in _POSSIBLE:
        if name_words & set(range_words.split()) and least <= low and high <= most:
            return least, most
    return (0 if low >= 0 and name_words & _COUNTS else None), None


def _without_tails(present: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest of the values that are no outliers."""
    low, high = float(present.min()), float(present.max())
    inner = np.quantile(present, [0.005, 0.995])
    width = float(inner[1] - inner[0])
    if width > 0:
        low, high = max(low, inner[0] - width), min(high, inner[1] + width)
    return float(low), float(high)


def find_sentinels(values: pd.Series) -> dict[int, int]:
    """Numbers such as -999 that stand for a missing value, and how many rows have each.

    They lie farther from all other values than these lie from each other.
    """
    counts = values.value_counts()
    suspects = [number for number in _SENTINELS if number in counts.index]
    usual = counts[~counts.index.isin(suspects)].index.to_numpy(dtype=np.float64)
    if not suspects or len(usual) < 2 or counts[suspects].sum() > _MOST_SENTINELS * counts.sum():
        return {}
    low, high = float(usual.min()), float(usual.max())
    width = high - low
    sentinels = {}
    for number in suspects:
        gap = max(low - number, number - high)
        far = gap > width or (number < 0 <= low and gap > 0.3 * width)
        enough = counts[number] >= (1 if abs(number) >= _CERTAIN else 2)
        if far and enough:
            sentinels[int(number)] = int(counts[number])
    return sentinels
