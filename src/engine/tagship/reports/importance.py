"""Permutation importance (Breiman, 2001): how much the model leans on each of its inputs."""

import numpy as np
from numpy.typing import NDArray

from tagship.config.model import higher_is_better
from tagship.contract.boundary import Boundary
from tagship.training import metrics
from tagship.training.bundle import Bundle
from tagship.training.export import Score, artifact_scorer

MOST_ROWS = 2000
REPEATS = 3
_LEAST_PER_CLASS = 100


def importance(bundle: Bundle) -> list[tuple[str, float]]:
    """Each input of the model and what shuffling it costs, largest first.

    The cost is how much worse the selection metric gets on the holdout, in the metric's own unit,
    as the mean of ``REPEATS`` shuffles of at most ``MOST_ROWS`` rows. It is measured on the
    artifact; inputs with the same information share its importance.
    """
    task, model = bundle.lock.inputs.model["task"], bundle.lock.inputs.model
    metric, threshold = model["select"]["metric"], bundle.boundary.threshold
    generator = np.random.default_rng(model["select"]["seed"])
    rows = sample_rows(bundle, generator)
    matrix, target = bundle.evidence.matrix[rows], bundle.evidence.target[rows]
    weights = None if bundle.evidence.weights is None else bundle.evidence.weights[rows]
    classes = bundle.boundary.classes
    score = artifact_scorer(bundle.artifact, task)

    def measure(scores: NDArray[np.floating]) -> float:
        return metrics.value(metric, task, target, scores, classes, threshold, weights)

    unshuffled = measure(score(matrix))
    sign = 1 if higher_is_better(metric) else -1
    orders = [generator.permutation(len(matrix)) for _ in range(REPEATS)]
    importances: list[tuple[str, float]] = []
    for name, at in bundle.boundary.inputs:
        shuffled = np.tile(matrix, (REPEATS, 1))
        shuffled[:, at] = np.concatenate([matrix[order, at] for order in orders])
        worse = [unshuffled - measure(scores) for scores in np.split(score(shuffled), REPEATS)]
        importances.append((name, sign * float(np.mean(worse)) + 0.0))
    return sorted(importances, key=lambda item: -item[1])


def shuffled_scores(
    score: Score, boundary: Boundary, matrix: NDArray[np.float32], order: NDArray[np.int64]
) -> list[NDArray[np.floating]]:
    """The scores of rows as they are, then with each input in turn taken in another ``order``."""
    scores = [score(matrix)]
    for _, at in boundary.inputs:
        shuffled = matrix.copy()
        shuffled[:, at] = matrix[order, at]
        scores.append(score(shuffled))
    return scores


def sample_rows(
    bundle: Bundle, generator: np.random.Generator, most: int = MOST_ROWS
) -> NDArray[np.int64]:
    """The holdout rows to shuffle: a sample that keeps the rows of rare classes."""
    target = bundle.evidence.target
    order = generator.permutation(len(target))
    if len(order) <= most:
        return np.sort(order)
    sample = order[:most]
    if bundle.boundary.classes:
        rows_by_class = [
            order[target[order] == label][:_LEAST_PER_CLASS]
            for label in range(len(bundle.boundary.classes))
        ]
        rare = np.concatenate(rows_by_class)[:most]
        common = order[~np.isin(order, rare)][: most - len(rare)]
        if any(
            len(rows) > (target[sample] == label).sum() for label, rows in enumerate(rows_by_class)
        ):
            sample = np.concatenate([rare, common])
    return np.sort(sample)
