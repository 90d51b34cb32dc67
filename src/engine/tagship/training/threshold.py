"""Where a binary decision begins, chosen on training rows that the winner was not fitted to.

One of some 130 thresholds: hundredths, and finer towards 0 and 1, where rare classes have theirs.
So coarse a choice hardly follows chance, and another processor's last bits do not move it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tagship.config.model import ChosenThreshold
from tagship.config.project_files import ModelFiles
from tagship.training import metrics
from tagship.training.cross_validation import FoldScores
from tagship.training.prepared_table import PreparedTable

_LOW = [step / 10**digits for digits in (4, 3) for step in range(1, 10)]
_MIDDLE = [step / 100 for step in range(1, 100)]
_HIGH = [1 - step for step in reversed(_LOW)]
THRESHOLDS = tuple(round(step, 4) for step in (*_LOW, *_MIDDLE, *_HIGH))
_DIGITS = 9
"""Goodness that differs by less is equal."""


def choose_threshold(
    files: ModelFiles, prepared: PreparedTable, folds: Sequence[FoldScores]
) -> float:
    """The threshold that is best on the judged rows of some folds; of equal ones the middle one."""
    rows = np.concatenate([fold.rows for fold in folds])
    scores = np.concatenate([fold.scores for fold in folds])
    target = prepared.target[rows]
    weights = prepared.weights_of(rows)
    goodness = np.array([_goodness(files, target, scores, step, weights) for step in THRESHOLDS])
    best = np.flatnonzero(goodness >= goodness.max() - 10**-_DIGITS)
    return THRESHOLDS[int(best[len(best) // 2])]


def judge_by_chosen(
    files: ModelFiles, prepared: PreparedTable, folds: Sequence[FoldScores]
) -> list[FoldScores]:
    """The folds, where the threshold is chosen each judged by the choice of the others.

    So no row helps to choose the threshold that judges it, and candidates compare without bias.
    """
    metric = files.model.select.metric
    by_choice = isinstance(files.model.threshold, ChosenThreshold)
    if not by_choice or metric not in metrics.DECISIONS or len(folds) < 2:
        return list(folds)
    scored_folds = []
    for number, fold in enumerate(folds):
        repeat = number // files.model.select.folds  # in another repeat the same rows are judged
        other_folds = [
            other
            for at, other in enumerate(folds)
            if at != number and at // files.model.select.folds == repeat
        ]
        threshold = choose_threshold(files, prepared, other_folds)
        target = prepared.target[fold.rows]
        weights = prepared.weights_of(fold.rows)
        value = metrics.value(metric, "binary", target, fold.scores, (), threshold, weights)
        scored_folds.append(replace(fold, value=value))
    return scored_folds


def _goodness(
    files: ModelFiles,
    target: NDArray[np.int64],
    scores: NDArray[np.floating],
    threshold: float,
    weights: NDArray[np.float64] | None,
) -> float:
    declared, prices = files.model.threshold, files.thresholds.value
    assert isinstance(declared, ChosenThreshold)
    if declared.maximise != "value":
        metric = declared.maximise
        return metrics.value(metric, "binary", target, scores, (), threshold, weights)
    assert prices is not None
    called = scores.astype(np.float64) >= threshold
    worth = metrics.outcome_values(prices, target, called.astype(np.int64))
    return float(np.average(worth, weights=weights))
