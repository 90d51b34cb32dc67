"""How different two distributions are: one known by its profile, one by its values.

Each formula is that of scipy and Evidently of the same name; tests hold them together. scipy is
imported where it is needed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagship.training.profiles import NumberProfile

Floats = NDArray[np.float64]
BINS = 10
_BY_VALUE = 20
"""Numbers with at most so many different values are compared value by value."""
_LEAST_SHARE = 1e-4


@dataclass(frozen=True)
class Distribution:
    """A reference's distribution function: jumps at its points, straight lines between them."""

    points: Floats
    under: Floats
    """Shares of the values below each point, shape (points,)."""
    upto: Floats
    """Shares of the values at or below each point."""
    rows: int
    std: float

    @classmethod
    def of(cls, profile: NumberProfile) -> "Distribution":
        """Read a profile that has at least one value."""
        rows = profile.rows - profile.missing
        under, upto = np.array(profile.under) / rows, np.array(profile.upto) / rows
        return cls(np.array(profile.points), under, upto, rows, profile.std or 0.0)

    @property
    def exact(self) -> bool:
        """Whether every value is a point."""
        return bool((self.under[1:] == self.upto[:-1]).all())

    def at(self, values: Floats) -> tuple[Floats, Floats]:
        """The shares of values below, and at or below, each of ``values``, which ascend."""
        first = np.searchsorted(values, self.points, "left")
        behind = np.searchsorted(values, self.points, "right")
        lengths = np.diff(first, prepend=0, append=len(values))
        steps = np.diff(self.points)
        slopes = np.divide(self.under[1:] - self.upto[:-1], steps)
        starts = np.concatenate([self.points[:1], self.points])
        upto = (values - np.repeat(starts, lengths)) * np.repeat([0.0, *slopes, 0.0], lengths)
        upto += np.repeat(np.concatenate([[0.0], self.upto]), lengths)
        under = upto.copy()
        for start, end, share in zip(first.tolist(), behind.tolist(), self.under, strict=True):
            under[start:end] = share
        return under, upto


def largest_gap(reference: Distribution, ordered: Floats) -> float:
    """The Kolmogorov-Smirnov statistic: the largest difference of the distribution functions."""
    under, upto = reference.at(ordered)
    ranks = np.arange(len(ordered) + 1) / len(ordered)
    return float(max((ranks[1:] - upto).max(), (under - ranks[:-1]).max()))


def ks_p_value(gap: float, rows: int, other_rows: int) -> float:
    """The p-value of a Kolmogorov-Smirnov statistic of two samples.

    Simard and L'Ecuyer (2011), "Computing the Two-Sided Kolmogorov-Smirnov Distribution", for the
    effective size of two samples: scipy's ``ks_2samp(method="asymp")``.
    """
    from scipy.stats import kstwo

    size = rows * other_rows / (rows + other_rows)
    return float(np.clip(kstwo.sf(gap, max(1, np.round(size))), 0, 1))


def wasserstein(reference: Distribution, ordered: Floats) -> float:
    """The first Wasserstein distance, in standard deviations of the reference.

    The area between the two distribution functions (Ramdas et al., 2017, "On Wasserstein
    Two-Sample Testing"), each piece of it a trapezium or two triangles.
    """
    places = np.searchsorted(ordered, reference.points)
    points = np.insert(ordered, places, reference.points)
    ours = np.insert(np.arange(1.0, len(ordered) + 1), places, places)[:-1] / len(ordered)
    width = np.diff(points)
    under, upto = reference.at(points)
    start, end = upto[:-1] - ours, under[1:] - ours
    ends_sum = np.abs(start) + np.abs(end)
    crossed = start * end < 0
    squares = np.divide(start**2 + end**2, ends_sum, out=np.zeros_like(ends_sum), where=crossed)
    area = float((width * np.where(crossed, squares, ends_sum)).sum() / 2)
    return area / (reference.std or 1e-3)


def binned(reference: Distribution, ordered: Floats) -> tuple[Floats, Floats]:
    """How many of each side fall into each bin, both of shape (bins,).

    Bins end at the reference's deciles, and a value that a tenth or more of it has is a bin of its
    own. With at most twenty different values each is a bin, and each new value another.
    """
    if reference.exact and len(reference.points) <= _BY_VALUE:
        values = np.union1d(reference.points, ordered)
        under, upto = reference.at(values)
        counts = np.diff(np.searchsorted(ordered, values, "left"), append=len(ordered))
        return (upto - under) * reference.rows, counts.astype(np.float64)
    ends = np.unique(np.searchsorted(reference.upto, np.arange(1, BINS) / BINS - 1e-12))
    under, upto, points = (
        part[ends] for part in (reference.under, reference.upto, reference.points)
    )
    alone = upto - under > 1 / BINS - 1e-12
    then = np.sort(np.concatenate([under[alone], upto]))
    first, behind = (np.searchsorted(ordered, points, side) for side in ("left", "right"))
    now = np.sort(np.concatenate([first[alone], behind]))
    theirs = np.diff(then, prepend=0, append=1) * reference.rows
    ours = np.diff(now, prepend=0, append=len(ordered))
    filled = theirs + ours > 0
    return theirs[filled], ours[filled].astype(np.float64)


def psi(theirs: Floats, ours: Floats) -> float:
    """The population stability index of two lists of counts (natural logarithm).

    An empty bin counts as a share of 0.0001, or as a millionth of the smallest that is no larger.
    """
    a, b = _filled(theirs / theirs.sum()), _filled(ours / ours.sum())
    return float(((a - b) * np.log(a / b)).sum())


def jensen_shannon(theirs: Floats, ours: Floats) -> float:
    """The Jensen-Shannon distance of two lists of counts (natural logarithm)."""
    a, b = theirs / theirs.sum(), ours / ours.sum()
    middle = (a + b) / 2

    def divergence(p: Floats) -> float:
        filled = p > 0
        return float((p[filled] * np.log(p[filled] / middle[filled])).sum())

    return float(np.sqrt(max(0.0, (divergence(a) + divergence(b)) / 2)))


def chi_square_p_value(theirs: Floats, ours: Floats) -> float:
    """The p-value of Pearson's test that two lists of counts come from one distribution.

    It knows that the reference is a sample too: scipy's ``chi2_contingency(correction=False)``.
    """
    from scipy.special import chdtrc

    table = np.array([theirs, ours])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = ((table - expected) ** 2 / expected).sum()
    return float(chdtrc(table.shape[1] - 1, statistic))


def adjusted(p_values: Floats, correction: str) -> Floats:
    """p-values that may each be compared with the one limit, though they are many.

    Bonferroni multiplies by their number; Benjamini and Hochberg (1995) bound the share of false
    discoveries.
    """
    if correction == "none" or not len(p_values):
        return p_values
    if correction == "bonferroni":
        return np.minimum(1.0, p_values * len(p_values))
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p_values))


def _filled(shares: Floats) -> Floats:
    least = shares[shares > 0].min()
    return np.where(shares > 0, shares, least / 1e6 if least <= _LEAST_SHARE else _LEAST_SHARE)
