"""``model.yaml: tune``: what `tagship tune` searches. It decides no training: no lock has it."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from tagship.config.base_model import Frozen

Scalar = bool | int | float | str | None
_Floats = Annotated[list[float], Field(min_length=2, max_length=2)]
_Ints = Annotated[list[int], Field(min_length=2, max_length=2)]


class Dimension(Frozen):
    """The values that one parameter may take: one of ``float``, ``int`` and ``choice``."""

    float: _Floats | None = None
    """The lowest and the highest number, both included."""
    int: _Ints | None = None
    """The lowest and the highest whole number, both included."""
    choice: Annotated[list[Scalar], Field(min_length=2)] | None = None
    """The values to choose from."""
    log: bool = False
    """Search by orders of magnitude: for rates and penalties. The lowest must be over 0."""

    @model_validator(mode="after")
    def _of_one_kind(self) -> "Dimension":
        kinds = [kind for kind in (self.float, self.int, self.choice) if kind is not None]
        if len(kinds) != 1:
            raise ValueError("give one of float: [low, high], int: [low, high] and choice: [...]")
        if self.choice is not None:
            if self.log:
                raise ValueError("a choice has no log")
            if len({repr(value) for value in self.choice}) < len(self.choice):
                raise ValueError("a choice names a value twice")
            return self
        low, high = self.bounds
        if not low < high:
            raise ValueError(f"[{low:g}, {high:g}]: the first must be less than the second")
        if self.log and low <= 0:
            raise ValueError(f"[{low:g}, {high:g}]: with log, the lowest must be over 0")
        return self

    @property
    def bounds(self) -> Any:
        """The lowest and the highest number; None for a choice."""
        return self.float if self.float is not None else self.int

    @property
    def corners(self) -> list[Any]:
        """The values that show whether an estimator takes the dimension."""
        return list(self.choice if self.choice is not None else self.bounds)

    def holds(self, value: Any) -> bool:
        """Whether a value is in the dimension."""
        if self.choice is not None:
            return repr(value) in map(repr, self.choice)
        low, high = self.bounds
        number = isinstance(value, int if self.int is not None else int | float)
        return number and not isinstance(value, bool) and low <= value <= high


class Tune(Frozen):
    """The search for a candidate's best parameters."""

    candidate: str | None = None
    """The candidate to tune; by default the winner of the lock."""
    trials: Annotated[int, Field(ge=1, le=100_000)] = 100
    folds: Annotated[int, Field(ge=2, le=50)] = 3
    """Each trial is judged on so many folds of the training rows, one after another: a poor trial
    is stopped after the first."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """No trial begins after so long. A search that a clock ends is not repeatable."""
    trial_seconds: Annotated[float, Field(gt=0)] = 600
    """A trial that takes longer has failed."""
    space: Annotated[dict[str, Dimension], Field(min_length=1)] | None = None
    """Which of the candidate's parameters are searched, and where; by default the space that is
    proposed for its estimator."""
