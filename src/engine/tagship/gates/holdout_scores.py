"""What a champion says of the holdout rows, or why it says nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tagship.errors import TagshipError


@dataclass(frozen=True)
class HoldoutScores:
    """What a champion says of the holdout rows."""

    scores: NDArray[np.floating]
    threshold: float
    """The champion's own threshold: from this score on it predicts the positive class."""
    names: tuple[str, ...] = ()
    """Its features."""
    shuffled: NDArray[np.floating] | None = None
    """The scores of ``shuffled_sample``: as they are, then with each feature shuffled."""


@dataclass(frozen=True)
class ChampionScores:
    """What production runs, and how to score the holdout rows with it."""

    release: str
    score: Callable[[], HoldoutScores]
    """It may raise a TagshipError."""

    @cached_property
    def outcome(self) -> HoldoutScores | str:
        """Its scores, or why there are none; tried once."""
        try:
            holdout = self.score()
            if not np.isfinite(holdout.scores).all():
                raise TagshipError("it gives rows no finite score")
        except (TagshipError, ValueError, KeyError) as error:
            reason = error.args[0] if isinstance(error, TagshipError) else error
            return " ".join(str(reason).split())
        return holdout
