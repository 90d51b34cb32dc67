"""How the values of one column are distributed."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from tagship.reports.description import Histogram, Numbers, Top

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
    shown = finite[finite.between(low, high)]
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    bins = np.searchsorted(edges, shown, side="right").clip(1, BINS) - 1
    means: tuple[float | None, ...] = ()
    if outcome is not None:
        by_bin = outcome[shown.index].groupby(bins).mean()
        means = _known(by_bin.reindex(range(BINS)))
    counts = np.bincount(bins, minlength=BINS).tolist()
    return Histogram(low, high, tuple(counts), len(finite) - len(shown), means)


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
