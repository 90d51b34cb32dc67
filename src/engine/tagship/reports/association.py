"""How columns go with each other and with the target."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.reports.description import Association, Correlation

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


def associate(
    column: pd.Series | Codes | None, target: Floats | Codes | None, grouped: bool
) -> Association | None:
    """The association of a column with the target, by the measure that suits both.

    Numbers with numbers: Pearson's r. Numbers with groups, either way: the correlation ratio η.
    Groups with groups: Cramér's V. None where it is undefined (a constant, no complete rows).

    Args:
        column: numbers as a float series, groups as codes (-1 is missing).
        target: codes where ``grouped``, else numbers.
    """
    if column is None or target is None:
        return None
    if isinstance(column, pd.Series):
        x = column.to_numpy(dtype=np.float64)
        if not grouped:
            return _named("Pearson r", pearson(x, target.astype(np.float64)))
        return _named("correlation ratio", correlation_ratio(target.astype(np.int64), x))
    if grouped:
        return _named("Cramér's V", cramers_v(column, target.astype(np.int64)))
    return _named("correlation ratio", correlation_ratio(column, target.astype(np.float64)))


def _named(measure: str, value: float) -> Association | None:
    return Association(measure, value) if np.isfinite(value) else None  # type: ignore[arg-type]


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's r over the rows where both are finite; NaN for a constant."""
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 2:
        return float("nan")
    left, right = x[both] - x[both].mean(), y[both] - y[both].mean()
    norm = np.sqrt((left**2).sum() * (right**2).sum())
    return float(np.clip((left * right).sum() / norm, -1, 1)) if norm > 0 else float("nan")


def correlation_ratio(groups: Codes, values: Floats) -> float:
    """η: the root of the share of the values' variance that lies between groups."""
    both = (groups >= 0) & np.isfinite(values)
    g, v = groups[both], values[both]
    if not len(v):
        return float("nan")
    v = v - v.mean()
    total = float((v**2).sum())
    counts, sums = np.bincount(g), np.bincount(g, v)
    between = float((sums**2 / np.maximum(counts, 1)).sum())
    return float(np.sqrt(min(between / total, 1.0))) if total > 0 else float("nan")


def cramers_v(left: Codes, right: Codes) -> float:
    """Cramér's V of two groupings, without bias correction; NaN when one is constant."""
    both = (left >= 0) & (right >= 0)
    if not both.any():
        return float("nan")
    rows, columns = int(left[both].max()) + 1, int(right[both].max()) + 1
    table = np.bincount(left[both] * columns + right[both], minlength=rows * columns)
    table = table.reshape(rows, columns).astype(np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    least = min(table.shape) - 1
    if least < 1:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    chi2 = float(((table - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi2 / (table.sum() * least)))


def outcome_by(groups: Codes, outcome: Floats, size: int) -> tuple[float | None, ...]:
    """The mean outcome of each group; None for a group without one."""
    known = (groups >= 0) & np.isfinite(outcome)
    counts = np.bincount(groups[known], minlength=size)
    sums = np.bincount(groups[known], outcome[known], minlength=size)
    means = sums / np.maximum(counts, 1)
    return tuple(float(mean) if count else None for mean, count in zip(means, counts, strict=True))


def correlate(numeric: dict[str, pd.Series]) -> tuple[Correlation, ...]:
    """Pearson's r of every pair of columns, strongest first; undefined pairs are left out."""
    if len(numeric) < 2:
        return ()
    table = pd.DataFrame(numeric).replace([np.inf, -np.inf], np.nan).corr()
    values, names = table.to_numpy(), list(numeric)
    pairs = [
        Correlation(names[i], names[j], float(values[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if np.isfinite(values[i, j])
    ]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair.value)))
