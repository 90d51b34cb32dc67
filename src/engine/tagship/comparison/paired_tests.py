"""Whether two candidates differ, on the same rows and folds; Holm's correction for many."""

from collections.abc import Mapping, Sequence

import numpy as np

from tagship.comparison.document import Lead
from tagship.config.model import Task, higher_is_better
from tagship.training import metrics
from tagship.training.bootstrap import defined_draws, resample_weights, resamples_for
from tagship.training.bundle import OutOfFold
from tagship.training.metrics import Floats

ALPHA = 0.05
"""From this corrected p-value on, two candidates cannot be told apart."""


def corrected_t_test(differences: Sequence[float], test_to_train: float) -> Lead:
    """The t test of the mean difference over folds whose training rows overlap.

    The variance of the mean of k differences is taken as (1/k + n_test/n_train) s²: Nadeau and
    Bengio (2003), "Inference for the Generalization Error", Machine Learning 52, 239-281.

    Args:
        differences: of each fold, shape (k,), k at least 2.
        test_to_train: rows that judge to rows that train, n_test/n_train.
    """
    from scipy.special import stdtr, stdtrit

    mean, count = float(np.mean(differences)), len(differences)
    error = float(np.sqrt((1 / count + test_to_train) * np.var(differences, ddof=1)))
    if error < 1e-12:
        return _lead(mean, mean, mean, 1.0 if abs(mean) < 1e-12 else 0.0)
    reach = float(stdtrit(count - 1, 0.975)) * error
    p_value = 2 * float(stdtr(count - 1, -abs(mean) / error))
    return _lead(mean, mean - reach, mean + reach, p_value)


def bootstrap_tests(
    task: Task,
    out_of_fold: OutOfFold,
    better: str,
    classes: Sequence[str],
    metric: str,
    threshold: float,
    seed: int,
) -> dict[str, Lead]:
    """One candidate against each other: percentile bootstraps over the same out-of-fold rows.

    They say what other rows would change, not what another training would. A row is drawn once for
    all folds that judge it, and counts by its weight. Candidates whose metric is undefined are left
    out. There are enough resamples for p-values that Holm's correction for
    all of them does not lift above ``ALPHA``.
    """
    target, scores, row_weights = out_of_fold.target, out_of_fold.scores, out_of_fold.weights
    sign = 1 if higher_is_better(metric) else -1
    draws: dict[str, list[Floats]] = {name: [] for name in scores}
    points = {
        name: metrics.value(metric, task, target, candidate_scores, classes, threshold, row_weights)
        for name, candidate_scores in scores.items()
    }
    rows, place = np.unique(out_of_fold.rows, return_inverse=True)
    resamples = resamples_for(len(rows), ALPHA / max(1, len(scores) - 1))
    for counts in resample_weights(len(rows), resamples, seed):
        weights = counts[:, place] if row_weights is None else counts[:, place] * row_weights
        for name, candidate_scores in scores.items():
            measured = metrics.evaluate(
                task, target, candidate_scores, weights, classes, threshold, only=metric
            )
            draws[name].append(measured[metric])
    values = {name: np.concatenate(parts) for name, parts in draws.items()}
    tests = {}
    for name in scores:
        leads = defined_draws(sign * (values[better] - values[name]))
        lead = sign * (points[better] - points[name])
        if name != better and leads is not None and np.isfinite(lead):
            low, high = np.percentile(leads, [2.5, 97.5])
            tail = min(int((leads <= 0).sum()), int((leads >= 0).sum()))
            p_value = min(1.0, 2 * (1 + tail) / (1 + len(leads)))
            tests[name] = _lead(lead, float(low), float(high), p_value)
    return tests


def _lead(difference: float, low: float, high: float, p_value: float) -> Lead:
    return Lead(
        difference=difference, low=low, high=high, p_value=p_value, corrected_p_value=p_value
    )


def correct(tests: Mapping[str, Lead]) -> dict[str, Lead]:
    """The tests of one kind, with p-values corrected for their number."""
    corrected = holm([test.p_value for test in tests.values()])
    return {
        name: test.model_copy(update={"corrected_p_value": p_value})
        for (name, test), p_value in zip(tests.items(), corrected, strict=True)
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values that may each be compared with one limit: Holm (1979), step-down, in their order."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = largest
    return corrected
