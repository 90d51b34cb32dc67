"""The sections of ``thresholds.yaml`` about a model that runs, judged once labels arrive."""

from typing import Annotated

from pydantic import Field, model_validator

from tagship.config.base_model import Frozen
from tagship.config.duration import Duration

Drop = Annotated[float, Field(ge=0)]


class Performance(Frozen):
    """How far the metrics of what runs may fall behind the lock's."""

    max_drop: Annotated[dict[str, Drop], Field(min_length=1)]
    """For each metric judged, the drop that is allowed, in the metric's own unit. It fails when
    the whole 95 % interval is beyond it, and warns when only the value is."""
    min_labels: Annotated[int, Field(ge=1)] = 200
    """A window with fewer labelled predictions is not judged."""
    window: Duration | Annotated[int, Field(ge=1)] = "7d"
    """The predictions judged together: a length of time (`24h`, `7d`), or a number of them."""

    @model_validator(mode="after")
    def _possible(self) -> "Performance":
        if isinstance(self.window, int) and self.window < self.min_labels:
            raise ValueError(f"a window of {self.window} never has {self.min_labels} labels")
        return self


class Value(Frozen):
    """What each outcome of a binary prediction is worth, in a currency of yours."""

    true_positive: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0
    true_negative: float = 0.0

    @property
    def indifferent(self) -> bool:
        """Whether no decision is worth more than its opposite."""
        same = self.true_negative == self.false_positive
        return same and self.true_positive == self.false_negative
