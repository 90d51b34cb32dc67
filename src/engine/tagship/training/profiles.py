"""Profiles of columns: counts, and of numbers a distribution function, but never a row.

The same values give the same profile on every machine.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from tagship.config.base_model import Frozen
from tagship.contract.boundary import Field as Request

DISTINCT = 256
POINTS = 128
_SCORE_DIGITS = 4
_POWERS = np.array([float(f"1e{power}") for power in range(23)])

Count = Annotated[int, Field(ge=0)]


class NumberProfile(Frozen):
    """A distribution function: exact at its points, linear between them.

    With at most 256 different values each is a point. Otherwise 128 order statistics are, at
    evenly spaced ranks and closer together towards both ends.
    """

    dtype: Literal["float", "int"]
    rows: Count
    missing: Count
    min: float | None = None
    """The contract's limits, not the smallest and largest value."""
    max: float | None = None
    usual: list[float] | None = None
    """From and to, as the contract has it."""
    mean: float | None = None
    std: float | None = None
    """Over all values (ddof 0); None when all are missing."""
    points: list[float]
    """Ascending; the first is the smallest value, the last the largest."""
    under: list[Count]
    """For each point, how many values are smaller."""
    upto: list[Count]
    """For each point, how many values are not larger."""

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """What a number is expected to lie between: usual values, or else possible ones."""
        return (self.min, self.max) if self.usual is None else (self.usual[0], self.usual[1])


class CategoryProfile(Frozen):
    """How often each of the values that the contract allows occurs."""

    dtype: Literal["category", "bool"]
    rows: Count
    missing: Count
    values: list[str | int]
    counts: list[Count]
    """One for each of ``values``, 0 for one that never occurs."""


class TextProfile(Frozen):
    """Only how much is missing: texts and times have no distribution to compare."""

    dtype: Literal["string", "datetime"]
    rows: Count
    missing: Count


Profile = Annotated[NumberProfile | CategoryProfile | TextProfile, Field(discriminator="dtype")]


def describe(f: Request, values: NDArray[Any]) -> NumberProfile | CategoryProfile | TextProfile:
    """The profile of one column, given as the boundary takes it, shape (rows,)."""
    if f.dtype == "category":
        return _categories(values, f.values)
    if f.dtype == "bool":
        codes = np.where(np.isnan(values), -1, values).astype(np.int64)
        return _categories(codes, ("false", "true"), "bool")
    if f.dtype in ("float", "int"):
        usual = None if f.usual is None else list(f.usual)
        return _numbers(values, {"dtype": f.dtype, "min": f.min, "max": f.max, "usual": usual})
    missing = int(np.asarray(pd.isna(values)).sum())
    return TextProfile.model_validate({"dtype": f.dtype, "rows": len(values), "missing": missing})


def describe_outcome(
    values: NDArray[Any], classes: tuple[str, ...]
) -> NumberProfile | CategoryProfile:
    """The profile of targets or predictions: class numbers, or values where there is no class."""
    if classes:
        return _categories(values, classes)
    return _numbers(values.astype(np.float64), {"dtype": "float"})


def round_scores(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scores with four digits: the last bits of a float32 differ by machine and by batch.

    So the many equal scores of a tree stay equal to those of the reference.
    """
    values = scores.astype(np.float64)
    size = np.where(values == 0, 1, np.abs(values))
    places = np.clip(_SCORE_DIGITS - 1 - np.floor(np.log10(size)), -22, 22).astype(np.int64)
    scale = _POWERS[np.abs(places)]
    fine, coarse = np.rint(values * scale) / scale, np.rint(values / scale) * scale
    return np.asarray(np.where(places >= 0, fine, coarse) + 0.0)


def _categories(
    codes: NDArray[Any],
    values: Sequence[str | int],
    dtype: Literal["category", "bool"] = "category",
) -> CategoryProfile:
    counts = np.bincount(codes.astype(np.int64) + 1, minlength=len(values) + 1).tolist()
    return CategoryProfile(
        dtype=dtype, rows=len(codes), missing=counts[0], values=list(values), counts=counts[1:]
    )


def _numbers(values: NDArray[np.float64], declaration: Mapping[str, Any]) -> NumberProfile:
    ordered = np.sort(values[~np.isnan(values)]) + 0.0
    points = _points(ordered)
    moments: dict[str, float] = {}
    if len(ordered):
        mean = _sum(ordered) / len(ordered)
        spread = np.sqrt(_sum((ordered - mean) ** 2) / len(ordered))
        moments = {"mean": float(f"{mean:.12g}"), "std": float(f"{spread:.12g}")}
    measured = {
        "rows": len(values),
        "missing": len(values) - len(ordered),
        "points": points.tolist(),
        "under": np.searchsorted(ordered, points, "left").tolist(),
        "upto": np.searchsorted(ordered, points, "right").tolist(),
    }
    return NumberProfile.model_validate({**declaration, **moments, **measured})


def _sum(values: NDArray[np.float64]) -> float:
    """From left to right: the order of ``np.sum`` depends on the processor."""
    return float(np.cumsum(values)[-1])


def _points(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    changes = np.flatnonzero(np.diff(ordered)) + 1
    if len(changes) < DISTINCT:
        return np.asarray(np.concatenate([ordered[:1], ordered[changes]]))
    last = len(ordered) - 1
    ends = 2 ** np.arange(int(np.log2(last / POINTS)) + 1)  # half, a quarter, … of a step
    even = np.linspace(0, last, POINTS - 2 * len(ends)).round().astype(np.int64)
    ranks = np.concatenate([even, ends, last - ends])
    return np.asarray(np.unique(ordered[ranks]))
