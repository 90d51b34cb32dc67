"""Statistics of columns: how their values are distributed, and how two columns are related."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from tagship.reports.description import Association, Correlation, Histogram, Numbers, Top

TOP = 8
BINS = 24


def describe_numbers(values: pd.Series, outcome: pd.Series | None = None) -> Numbers | None:
    """The distribution of the finite values; None when there are none."""
    finite = values[np.isfinite(values)]
    if finite.empty:
        return None
    first, q25, median, q75, last = np.percentile(finite, [0.5, 25, 50, 75, 99.5]).tolist()
    fences = (q25 - 1.5 * (q75 - q25), q75 + 1.5 * (q75 - q25))
    low, high = float(finite.min()), float(finite.max())
    if high - low > 4 * (last - first) > 0:
        low, high = first, last
    return Numbers(
        mean=float(finite.mean()),
        std=float(finite.std()) if len(finite) > 1 else None,
        min=float(finite.min()),
        q25=q25,
        median=median,
        q75=q75,
        max=float(finite.max()),
        zeros=int((finite == 0).sum()),
        infinite=int(np.isinf(values).sum()),
        outliers=int((~finite.between(*fences)).sum()),
        fences=fences,
        histogram=_histogram(finite, low, high, outcome),
    )


def _histogram(finite: pd.Series, low: float, high: float, outcome: pd.Series | None) -> Histogram:
    inside = finite[finite.between(low, high)]
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    bins = np.searchsorted(edges, inside, side="right").clip(1, BINS) - 1
    means: tuple[float | None, ...] = ()
    if outcome is not None:
        by_bin = outcome[inside.index].groupby(bins).mean()
        means = _known(by_bin.reindex(range(BINS)))
    counts = np.bincount(bins, minlength=BINS).tolist()
    return Histogram(low, high, tuple(counts), len(finite) - len(inside), means)


def most_frequent(values: pd.Series, outcome: pd.Series | None) -> tuple[Top, ...]:
    """The ``TOP`` most frequent values, ties in alphabetical order."""
    counts = values.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    counts = counts[counts > 0].head(TOP)
    means: Iterable[float | None] = [None] * len(counts)
    if outcome is not None:
        means = _known(outcome.groupby(values, observed=True).mean().reindex(counts.index))
    return tuple(
        Top(str(value), int(count), mean)
        for (value, count), mean in zip(counts.items(), means, strict=True)
    )


def _known(means: pd.Series) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(mean) else float(mean) for mean in means)


def associate(column: pd.Series, target: pd.Series) -> Association | None:
    """The association of a column with the target, by the measure that suits both.

    Numbers with numbers: Pearson's r. Numbers with groups, either way: the correlation ratio η.
    Groups with groups: Cramér's V. None where it is undefined (a constant, no complete rows).

    Args:
        column, target: float64 for numbers, else groups.
    """
    match column.dtype == np.float64, target.dtype == np.float64:
        case True, True:
            association = Association("Pearson r", pearson(column, target))
        case True, False:
            association = Association("correlation ratio", correlation_ratio(target, column))
        case False, True:
            association = Association("correlation ratio", correlation_ratio(column, target))
        case _:
            association = Association("Cramér's V", cramers_v(column, target))
    return association if math.isfinite(association.value) else None


def pearson(x: pd.Series, y: pd.Series) -> float:
    """Pearson's r over the rows where both are finite; NaN for a constant."""
    complete = np.isfinite(x) & np.isfinite(y)
    if x[complete].nunique() < 2 or y[complete].nunique() < 2:
        return math.nan
    return float(x[complete].corr(y[complete]))


def correlation_ratio(groups: pd.Series, values: pd.Series) -> float:
    """η: the root of the share of the values' variance that lies between groups."""
    complete = groups.notna() & np.isfinite(values)
    centred = values[complete] - values[complete].mean()
    total = (centred**2).sum()
    of_group = centred.groupby(groups[complete], observed=True)
    between = (of_group.sum() ** 2 / of_group.count()).sum()
    return math.sqrt(min(between / total, 1.0)) if total > 0 else math.nan


def cramers_v(left: pd.Series, right: pd.Series) -> float:
    """Cramér's V of two groupings, without bias correction; NaN when one is constant.

    Cramér (1946), Mathematical Methods of Statistics, §21.9. scipy has it, too, and takes most of a
    second to import.
    """
    counts = pd.crosstab(left, right).to_numpy()
    if min(counts.shape) < 2:
        return math.nan
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    chi_square = ((counts - expected) ** 2 / expected).sum()
    return math.sqrt(chi_square / counts.sum() / (min(counts.shape) - 1))


def correlate(numbers: dict[str, pd.Series]) -> tuple[Correlation, ...]:
    """Pearson's r of every pair of columns, strongest first; undefined pairs are left out."""
    if len(numbers) < 2:
        return ()
    values = pd.DataFrame(numbers).replace([np.inf, -np.inf], np.nan).corr().to_numpy()
    names = list(numbers)
    pairs = [
        Correlation(names[i], names[j], float(values[i, j]))
        for i, j in zip(*np.triu_indices(len(names), k=1), strict=True)
        if math.isfinite(values[i, j])
    ]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair.value)))
