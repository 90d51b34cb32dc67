"""The section of ``thresholds.yaml`` about data that no longer looks like the training's."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from tagship.config.base_model import Frozen, Share
from tagship.config.bound import Bound, refuse_below

Method = Literal["psi", "jensen_shannon", "wasserstein", "ks", "chi_square"]
Kind = Literal["numbers", "categories"]

P_VALUES: frozenset[Method] = frozenset({"ks", "chi_square"})
METHODS: dict[Kind, tuple[Method, ...]] = {
    "numbers": ("psi", "jensen_shannon", "wasserstein", "ks"),
    "categories": ("psi", "jensen_shannon", "chi_square"),
}


class DriftTest(Bound):
    """A statistic of two distributions, and where it fails."""

    method: Method
    """psi, jensen_shannon and wasserstein (in standard deviations) are distances, which drift
    raises. ks and chi_square are p-values, which drift lowers."""

    @model_validator(mode="after")
    def _direction(self) -> "DriftTest":
        if self.method in P_VALUES and not self.below:
            raise ValueError(
                f"{self.method} gives a p-value, which drift lowers: use fail_below and warn_below"
            )
        if self.method not in P_VALUES and self.below:
            raise ValueError(
                f"{self.method} gives a distance, which drift raises: use fail_above and warn_above"
            )
        return self


class Override(Frozen):
    """Another method, or other limits, for one column."""

    method: Method | None = None
    """Another method needs limits of its own."""
    fail_below: float | None = None
    warn_below: float | None = None
    fail_above: float | None = None
    warn_above: float | None = None


class Rise(Bound):
    """A share of values that must not become too large."""

    _direction = model_validator(mode="after")(refuse_below)


class Quality(Frozen):
    """Values that say nothing, or nothing that the contract knows; shares of rows."""

    missing: Rise = Rise(warn_above=0.02, fail_above=0.05)
    """By how much the share of missing values is above the training's, beyond chance."""
    unknown: Rise = Rise(warn_above=0.0, fail_above=0.01)
    """Categories that the contract does not have, and values that are not of the column's type."""
    out_of_range: Rise = Rise(warn_above=0.0, fail_above=0.01)
    """Numbers beyond the contract's min and max."""


class Windows(Frozen):
    """Only a drift that lasts fails: in this many of the last windows, the latest among them."""

    fail: Annotated[int, Field(ge=1)]
    of: Annotated[int, Field(ge=1, le=100)]
    """The log is cut by time into this many parts with equal numbers of rows."""

    @model_validator(mode="after")
    def _possible(self) -> "Windows":
        if self.fail > self.of:
            raise ValueError(f"{self.fail} of {self.of} windows can never fail")
        return self


class Drift(DriftTest):
    """When what a model sees, and says, differs too much from its training."""

    categories: DriftTest | None = None
    """The test of categories, where it is not that of numbers."""
    columns: dict[str, Override] = {}
    prediction: Override | None = None
    """Of the scores or values predicted; of the classes, where there are more than two."""
    target: Override | None = None
    """Judged when the data has the target."""
    share_fail_above: Share = 0.0
    """It fails when more than this share of the columns fails; until then it only warns. A
    prediction, target or quality that fails, fails alone."""
    min_rows: Annotated[int, Field(ge=1)] = 200
    """With fewer rows than this nothing is judged: the answer is `no data`."""
    chance: Annotated[float, Field(gt=0, lt=1)] = 0.001
    """A distance over its limit is drift only if it is also significant: data like the training's
    would give one as large less often than this (by ks and the mean, or chi_square)."""
    correction: Literal["benjamini_hochberg", "bonferroni", "none"] = "benjamini_hochberg"
    """How the columns' p-values are corrected: among many, some are low by chance alone."""
    quality: Quality = Quality()
    window: Windows | None = None

    def test(self, kind: Kind, override: Override | None) -> DriftTest:
        """The test of one column.

        Raises:
            ValueError: its method is not for this kind of values, or its limits do not fit.
        """
        base = self.categories if kind == "categories" and self.categories else self
        overrides = override.model_dump(exclude_none=True) if override else {}
        content: dict[str, Any] = (
            {}
            if overrides.get("method", base.method) != base.method
            else {key: getattr(base, key) for key in DriftTest.model_fields}
        )
        try:
            test = DriftTest.model_validate(content | overrides)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        if test.method not in METHODS[kind]:
            raise ValueError(
                f"{test.method} is not for {kind}: one of {', '.join(METHODS[kind])} is"
                + (", as `categories: {method: …}`" if kind == "categories" else "")
            )
        return test
