"""Predictions for the holdout: the model's own, measured in one way, and the champion's."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tagship.config.model import ModelConfig
from tagship.contract.boundary import Boundary
from tagship.errors import TagshipError
from tagship.training import metrics
from tagship.training.bundle import Evidence


class HoldoutPredictions:
    """One model's predictions for the rows that no training saw."""

    def __init__(self, model: ModelConfig, boundary: Boundary, evidence: Evidence) -> None:
        self.model, self.boundary, self.evidence = model, boundary, evidence

    def measure(
        self,
        metric: str,
        scores: NDArray[np.floating] | None = None,
        rows: NDArray[np.bool_] | None = None,
    ) -> float:
        """A metric of the artifact's scores, or of others, over all or some holdout rows."""
        values = self.evidence.scores if scores is None else scores
        target, weights = self.evidence.target, self.evidence.weights
        if rows is not None:
            values, target = values[rows], target[rows]
            weights = None if weights is None else weights[rows]
        model, classes = self.model, self.boundary.classes
        threshold = self.boundary.threshold
        return metrics.value(metric, model.task, target, values, classes, threshold, weights)


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
            outcome = self.score()
            if not np.isfinite(outcome.scores).all():
                raise TagshipError("it gives rows no finite score")
        except (TagshipError, ValueError, KeyError) as error:
            reason = error.args[0] if isinstance(error, TagshipError) else error
            return " ".join(str(reason).split())
        return outcome
