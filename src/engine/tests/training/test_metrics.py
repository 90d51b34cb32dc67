"""The metrics are scikit-learn's, for whole holdouts and for resamples."""

import numpy as np
import pytest
from sklearn import metrics as sk

from tagship.training.bootstrap import (
    intervals,
    paired_drop,
    resample_weights,
    resamples_for,
)
from tagship.training.metrics import evaluate

RNG = np.random.default_rng(7)
ROWS = 400


def binary_case():
    target = RNG.integers(0, 2, ROWS)
    scores = np.clip(np.round(target * 0.3 + RNG.random(ROWS) * 0.7, 2), 0, 1)  # ties on purpose
    return target, scores


def weightings():
    ones = np.ones((1, ROWS))
    return np.concatenate([ones, next(resample_weights(ROWS, 3, seed=1))])


SKLEARN_BINARY = {
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p >= 0.5, sample_weight=w),
    "precision": lambda y, p, w: sk.precision_score(y, p >= 0.5, sample_weight=w),
    "recall": lambda y, p, w: sk.recall_score(y, p >= 0.5, sample_weight=w),
    "f1": lambda y, p, w: sk.f1_score(y, p >= 0.5, sample_weight=w),
    "roc_auc": lambda y, p, w: sk.roc_auc_score(y, p, sample_weight=w),
    "pr_auc": lambda y, p, w: sk.average_precision_score(y, p, sample_weight=w),
    "log_loss": lambda y, p, w: sk.log_loss(y, p, sample_weight=w),
    "brier": lambda y, p, w: sk.brier_score_loss(y, p, sample_weight=w),
}


@pytest.mark.parametrize("metric", SKLEARN_BINARY)
def test_binary_metrics_equal_scikit_learns_on_every_resample(metric):
    target, scores = binary_case()
    weights = weightings()
    found = evaluate("binary", target, scores, weights)[metric]
    expected = [SKLEARN_BINARY[metric](target, scores, row) for row in weights]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def multiclass_case():
    target = RNG.integers(0, 3, ROWS)
    raw = RNG.random((ROWS, 3)) + np.eye(3)[target] * 0.5
    return target, raw / raw.sum(axis=1, keepdims=True)


SKLEARN_MULTICLASS = {
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p.argmax(1), sample_weight=w),
    "f1": lambda y, p, w: sk.f1_score(y, p.argmax(1), sample_weight=w, average="macro"),
    "recall[b]": lambda y, p, w: sk.recall_score(
        y, p.argmax(1), sample_weight=w, average=None, labels=[1]
    )[0],
    "roc_auc": lambda y, p, w: np.mean(
        [sk.roc_auc_score(y == k, p[:, k], sample_weight=w) for k in range(3)]
    ),
    "pr_auc": lambda y, p, w: np.mean(
        [sk.average_precision_score(y == k, p[:, k], sample_weight=w) for k in range(3)]
    ),
    "log_loss": lambda y, p, w: sk.log_loss(y, p, sample_weight=w),
}


@pytest.mark.parametrize("metric", SKLEARN_MULTICLASS)
def test_multiclass_metrics_equal_scikit_learns_on_every_resample(metric):
    target, scores = multiclass_case()
    weights = weightings()
    found = evaluate("multiclass", target, scores, weights, classes=("a", "b", "c"))[metric]
    expected = [SKLEARN_MULTICLASS[metric](target, scores, row) for row in weights]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


SKLEARN_REGRESSION = {
    "rmse": lambda y, p, w: sk.root_mean_squared_error(y, p, sample_weight=w),
    "mae": lambda y, p, w: sk.mean_absolute_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: sk.r2_score(y, p, sample_weight=w),
    "mape": lambda y, p, w: sk.mean_absolute_percentage_error(y, p, sample_weight=w),
}


@pytest.mark.parametrize("metric", SKLEARN_REGRESSION)
def test_regression_metrics_equal_scikit_learns_on_every_resample(metric):
    target = RNG.normal(50, 10, ROWS)
    predicted = target + RNG.normal(0, 5, ROWS)
    weights = weightings()
    found = evaluate("regression", target, predicted, weights)[metric]
    expected = [SKLEARN_REGRESSION[metric](target, predicted, row) for row in weights]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_calibration_error_is_the_weighted_gap_of_ten_bins():
    target = np.array([1, 0, 1, 1])
    scores = np.array([0.95, 0.95, 0.15, 0.15])
    # bin 0.9-1.0: mean score 0.95, observed 0.5; bin 0.1-0.2: mean score 0.15, observed 1.0
    expected = 0.5 * abs(0.95 - 0.5) + 0.5 * abs(0.15 - 1.0)
    assert evaluate("binary", target, scores)["calibration_error"][0] == pytest.approx(expected)


def test_a_metric_without_both_classes_is_left_out_of_the_lock():
    found = intervals("binary", np.zeros(50, dtype=int), RNG.random(50))
    assert "roc_auc" not in found
    assert "accuracy" in found


def test_a_metric_that_most_resamples_cannot_define_is_left_out_of_the_lock():
    """No resample of two rows a class holds all 45 classes, and roc_auc wants each."""
    target = np.repeat(np.arange(45), 2)
    scores = RNG.dirichlet(np.ones(45), len(target))
    assert np.isfinite(evaluate("multiclass", target, scores)["roc_auc"]).all()
    found = intervals("multiclass", target, scores, [str(k) for k in range(45)])
    assert "roc_auc" not in found
    assert {"accuracy", "f1", "f1[7]"} <= found.keys()


@pytest.mark.parametrize("rows", [100, 60_000])
@pytest.mark.parametrize("alpha", [0.001, 0.004, 0.05, 0.5])
def test_there_are_resamples_enough_for_a_p_value_below_alpha(rows, alpha):
    fewest = 0.9 * resamples_for(rows, alpha)
    assert 1 / (1 + fewest) < alpha / 5


def test_intervals_cover_the_truth_about_95_times_in_100():
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        target = rng.integers(0, 2, 150)
        right = rng.random(150) < 0.8
        scores = np.where(right, target, 1 - target).astype(float)
        found = intervals("binary", target, scores, seed=seed)["accuracy"]
        covered += found.low <= 0.8 <= found.high
    assert 178 <= covered <= 199  # 95 % of 200, five standard deviations either way


def test_paired_drop_of_equal_predictions_is_zero_on_every_resample():
    target, scores = binary_case()
    drops = paired_drop("f1", "binary", target, scores, scores, (), (0.5, 0.5))
    assert (drops == 0).all()


def test_resamples_draw_as_many_rows_as_there_are():
    for block in resample_weights(ROWS, 25, seed=3):
        assert (block.sum(axis=1) == ROWS).all()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_metric_that_is_asked_for_alone_is_the_same(task):
    target, scores = binary_case() if task == "binary" else multiclass_case()
    every = evaluate(task, target, scores, weightings(), ("a", "b", "c"))
    for metric, values in every.items():
        alone = evaluate(task, target, scores, weightings(), ("a", "b", "c"), only=metric)
        np.testing.assert_array_equal(alone[metric], values)
