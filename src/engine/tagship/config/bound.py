"""Where a value fails and warns: the form that all limits of ``thresholds.yaml`` share."""

from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from tagship.config.base_model import Frozen


class Bound(Frozen):
    """Where a value fails and, where wanted, where it warns."""

    fail_below: float | None = None
    warn_below: float | None = None
    fail_above: float | None = None
    warn_above: float | None = None

    @model_validator(mode="after")
    def _possible(self) -> "Bound":
        below = self.fail_below is not None or self.warn_below is not None
        above = self.fail_above is not None or self.warn_above is not None
        if below == above:
            raise ValueError("give fail_below/warn_below or fail_above/warn_above, one pair")
        if self.fail_below is None and self.fail_above is None:
            raise ValueError("a gate that can only warn is none: give fail_below or fail_above")
        if None not in (self.fail_below, self.warn_below) and self.warn_below < self.fail_below:  # type: ignore[operator]
            raise ValueError("warn_below must not be under fail_below")
        if None not in (self.fail_above, self.warn_above) and self.warn_above > self.fail_above:  # type: ignore[operator]
            raise ValueError("warn_above must not be over fail_above")
        return self

    @property
    def below(self) -> bool:
        """Whether low values are the bad ones."""
        return self.fail_below is not None

    @property
    def limit(self) -> str:
        """Where it fails, in words: ``≥ 0.8``."""
        return f"≥ {self.fail_below:g}" if self.below else f"≤ {self.fail_above:g}"

    @property
    def limits(self) -> str:
        """Where it fails and warns, in words: ``≥ 0.8 (warn < 0.82)``."""
        warn, sign = (self.warn_below, "<") if self.below else (self.warn_above, ">")
        return self.limit if warn is None else f"{self.limit} (warn {sign} {warn:g})"

    def outcome(self, value: float) -> Literal["pass", "warn", "fail"]:
        """Compare a finite value; one on the bound itself passes."""
        if self.below:
            assert self.fail_below is not None
            if value < self.fail_below:
                return "fail"
            return "warn" if self.warn_below is not None and value < self.warn_below else "pass"
        assert self.fail_above is not None
        if value > self.fail_above:
            return "fail"
        return "warn" if self.warn_above is not None and value > self.warn_above else "pass"


def refuse_below(bound: Bound) -> Bound:
    """Refuse a bound from below where a value is bad if it is high.

    Raises:
        ValueError: says which keys fit.
    """
    if bound.below:
        raise ValueError("high values are the bad ones here: use fail_above and warn_above")
    return bound


UpperBound = Annotated[Bound, AfterValidator(refuse_below)]
