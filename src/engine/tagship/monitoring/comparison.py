"""One column then and now, side by side: every statistic of it."""

from dataclasses import dataclass
from math import erfc, inf, sqrt

import numpy as np

from tagship.config.drift import Method
from tagship.formatting import brief, percent
from tagship.monitoring import drift_statistics
from tagship.monitoring.current_data import Values
from tagship.monitoring.drift_statistics import Distribution, Floats
from tagship.training.profiles import CategoryProfile, NumberProfile


@dataclass(frozen=True)
class NumberPair:
    """A column of numbers; both sides have values."""

    then: Distribution
    now: Floats
    """Ascending."""
    mean: float
    """The reference's."""

    @classmethod
    def of(cls, profile: NumberProfile, values: Values) -> "NumberPair":
        """Infinite and missing values are left out."""
        ordered = np.sort(values.values[np.isfinite(values.values)])
        return cls(Distribution.of(profile), ordered, profile.mean or 0.0)

    def statistic(self, method: Method) -> float:
        """The value of one method."""
        if method == "wasserstein":
            return drift_statistics.wasserstein(self.then, self.now)
        if method == "ks":
            return self._ks()
        formula = drift_statistics.psi if method == "psi" else drift_statistics.jensen_shannon
        return formula(*drift_statistics.binned(self.then, self.now))

    def chance(self) -> float:
        """How likely chance alone makes both sides differ so much.

        By ks, or by the difference of the means (Welch's test, normal for the rows there are),
        which sees few values that are far away; the smaller, twice, as there are two.
        """
        error = np.hypot(self.then.std / self.then.rows**0.5, self.now.std() / len(self.now) ** 0.5)
        difference = abs(float(self.now.mean()) - self.mean)
        far = difference / error if error else inf if difference else 0.0
        return min(1.0, 2 * min(self._ks(), erfc(far / sqrt(2))))

    def _ks(self) -> float:
        gap = drift_statistics.largest_gap(self.then, self.now)
        return drift_statistics.ks_p_value(gap, self.then.rows, len(self.now))

    def __str__(self) -> str:
        return f"mean {brief(self.mean)} → {brief(float(self.now.mean()))}"


@dataclass(frozen=True)
class CategoryPair:
    """A column of categories; both sides have values."""

    names: tuple[str, ...]
    then: Floats
    now: Floats
    """Counts, one for each name."""

    @classmethod
    def of(cls, profile: CategoryProfile, values: Values) -> "CategoryPair":
        """Categories that neither side has are left out."""
        names = [*map(str, profile.values), *values.new]
        then = np.array([*profile.counts, *([0] * len(values.new))], dtype=np.float64)
        codes = values.values[values.values >= 0]
        now = np.bincount(codes, minlength=len(names)).astype(np.float64)
        filled = np.flatnonzero(then + now)
        return cls(tuple(names[at] for at in filled), then[filled], now[filled])

    def statistic(self, method: Method) -> float:
        """The value of one method."""
        if method == "chi_square":
            return self.chance()
        formula = drift_statistics.psi if method == "psi" else drift_statistics.jensen_shannon
        return formula(self.then, self.now)

    def chance(self) -> float:
        """How likely chance alone makes both sides differ so much: chi_square."""
        return drift_statistics.chi_square_p_value(self.then, self.now)

    def __str__(self) -> str:
        then, now = self.then / self.then.sum(), self.now / self.now.sum()
        most = int(np.abs(now - then).argmax())
        return f"{self.names[most]} {percent(float(then[most]))} → {percent(float(now[most]))}"
