"""How the values of one column are distributed."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.reports.association import outcome_by
from tagship.reports.description import Histogram, Numbers, Top

TOP = 8
BINS = 24


def describe_numbers(
    values: NDArray[np.float64], outcome: NDArray[np.float64] | None = None
) -> Numbers | None:
    """The distribution of the finite values; None when there are none."""
    finite = np.isfinite(values)
    x = values[finite]
    if not len(x):
        return None
    q25, median, q75, first, last = np.percentile(x, [25, 50, 75, 0.5, 99.5])
    fences = (float(q25 - 1.5 * (q75 - q25)), float(q75 + 1.5 * (q75 - q25)))
    low, high = float(x.min()), float(x.max())
    if high - low > 4 * (last - first) > 0:
        low, high = float(first), float(last)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    inside = (x >= low) & (x <= high)
    counts = np.histogram(x[inside], edges)[0]
    by_bin: tuple[float | None, ...] = ()
    if outcome is not None:
        bins = np.clip(np.searchsorted(edges, x[inside], side="right") - 1, 0, BINS - 1)
        by_bin = outcome_by(bins, outcome[finite][inside], BINS)
    return Numbers(
        mean=float(x.mean()),
        std=float(x.std(ddof=1)) if len(x) > 1 else None,
        min=float(x.min()),
        q25=float(q25),
        median=float(median),
        q75=float(q75),
        max=float(x.max()),
        zeros=int((x == 0).sum()),
        infinite=int(np.isinf(values).sum()),
        outliers=int(((x < fences[0]) | (x > fences[1])).sum()),
        fences=fences,
        histogram=Histogram(low, high, tuple(map(int, counts)), int((~inside).sum()), by_bin),
    )


def most_frequent(values: pd.Series, outcome: NDArray[np.float64] | None) -> tuple[Top, ...]:
    """The ``TOP`` most frequent values, ties in alphabetical order."""
    codes, labels = pd.factorize(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    order = sorted(range(len(labels)), key=lambda k: (-counts[k], str(labels[k])))[:TOP]
    means: tuple[float | None, ...] = ()
    if outcome is not None:
        means = outcome_by(codes, outcome, len(labels))
    return tuple(Top(str(labels[k]), int(counts[k]), means[k] if means else None) for k in order)
