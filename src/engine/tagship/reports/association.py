"""How columns go with each other and with the target."""

import math

import numpy as np
import pandas as pd

from tagship.reports.description import Association, Correlation


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
    both = np.isfinite(x) & np.isfinite(y)
    if x[both].nunique() < 2 or y[both].nunique() < 2:
        return math.nan
    return float(x[both].corr(y[both]))


def correlation_ratio(groups: pd.Series, values: pd.Series) -> float:
    """η: the root of the share of the values' variance that lies between groups."""
    both = groups.notna() & np.isfinite(values)
    centred = values[both] - values[both].mean()
    total = (centred**2).sum()
    of_group = centred.groupby(groups[both], observed=True)
    between = (of_group.sum() ** 2 / of_group.count()).sum()
    return math.sqrt(min(between / total, 1.0)) if total > 0 else math.nan


def cramers_v(left: pd.Series, right: pd.Series) -> float:
    """Cramér's V of two groupings, without bias correction; NaN when one is constant."""
    groups = [side.astype("category").cat for side in (left, right)]
    size = [len(side.categories) for side in groups]
    rows, columns = (side.codes.to_numpy(dtype=np.int64) for side in groups)
    both = (rows >= 0) & (columns >= 0)
    counts = np.bincount(rows[both] * size[1] + columns[both], minlength=size[0] * size[1])
    counts = counts.reshape(size).astype(np.float64)
    counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    if min(counts.shape) < 2:
        return math.nan
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    chi2 = ((counts - expected) ** 2 / expected).sum()
    return math.sqrt(chi2 / (counts.sum() * (min(counts.shape) - 1)))


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
