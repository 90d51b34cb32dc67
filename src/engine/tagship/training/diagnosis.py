"""Scores that choose nothing: of every candidate on the holdout, of the winner on its own rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.config.model import ChosenThreshold
from tagship.config.project_files import ModelFiles
from tagship.training import metrics
from tagship.training.bundle import Diagnosis
from tagship.training.cross_validation import FoldScores
from tagship.training.prepared_table import PreparedTable
from tagship.training.threshold import choose_threshold


def diagnose(
    files: ModelFiles,
    prepared: PreparedTable,
    by_candidate: Mapping[str, Sequence[FoldScores]],
    score: Callable[[NDArray[np.float32]], NDArray[np.floating]],
    threshold: float,
) -> Diagnosis:
    """The selection metric where it was not asked.

    Args:
        by_candidate: the folds, with their scores of the holdout.
        score: the winner's artifact.
        threshold: the winner's, for a metric that depends on it.
    """
    metric, task = files.model.select.metric, files.model.task
    declared = files.model.declared_threshold
    by_choice = isinstance(files.model.threshold, ChosenThreshold) and metric in metrics.DECISIONS

    def measure(rows: NDArray[np.int64], scores: NDArray[Any], threshold: float) -> float:
        target, weights = prepared.target[rows], prepared.weights_of(rows)
        classes = prepared.boundary.classes
        return metrics.value(metric, task, target, scores, classes, threshold, weights)

    holdout = {}
    for name, folds in by_candidate.items():
        limit = choose_threshold(files, prepared, folds) if by_choice else declared
        scored = [fold.holdout for fold in folds if fold.holdout is not None]
        values = [measure(prepared.holdout.test, scores, limit) for scores in scored]
        holdout[name] = [value for value in values if np.isfinite(value)]
    train = prepared.holdout.train
    training_score = measure(train, score(prepared.matrix[train]), threshold)
    return Diagnosis(training_score if np.isfinite(training_score) else None, holdout)
