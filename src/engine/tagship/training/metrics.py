"""Every metric, over many weightings of the rows at once.

A weighting is one row of ``weights``, shape (resamples, rows): ones give the plain value, the
counts of a bootstrap resample give one draw of its distribution. So a metric and its interval are
the same formula. Definitions follow scikit-learn's of the same name, with ``zero_division=0``;
``calibration_error`` is the expected calibration error over ten equal bins (Naeini et al., 2015,
"Obtaining Well Calibrated Probabilities Using Bayesian Binning").
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tagship.config.model import Task
from tagship.config.project_files import ModelFiles
from tagship.config.thresholds import Value
from tagship.errors import TagshipError, suggest

Floats = NDArray[np.float64]
MetricValues = dict[str, Floats]

_RANKING = ("roc_auc", "pr_auc")
DECISIONS = ("accuracy", "precision", "recall", "f1")
"""The metrics of a binary task that depend on the threshold."""
_BINS = 10
_EPS = float(np.finfo(np.float64).eps)


def evaluate(
    task: Task,
    target: NDArray[np.float64] | NDArray[np.int64],
    scores: NDArray[np.floating],
    weights: Floats | None = None,
    classes: Sequence[str] = (),
    threshold: float = 0.5,
    only: str | None = None,
) -> MetricValues:
    """The metrics of ``task``, each with shape (resamples,); NaN where undefined.

    Args:
        target: class numbers or values, shape (rows,).
        scores: probabilities of the positive class, shape (rows,); of each class, shape
            (rows, classes); or predicted values, shape (rows,).
        weights: shape (resamples, rows); None is one weighting of ones.
        classes: names for the per-class metrics of a multiclass task.
        threshold: the score from which a binary prediction is positive.
        only: compute what this one metric needs, where that saves time.
    """
    predictions = scores.astype(np.float64)
    weighted = np.ones((1, len(target))) if weights is None else weights
    with np.errstate(divide="ignore", invalid="ignore"):  # no row may count, which is undefined
        if task == "regression":
            return _regression(target.astype(np.float64), predictions, weighted)
        if task == "binary":
            return _binary(target.astype(bool), predictions, weighted, threshold, only)
        return _multiclass(target.astype(np.int64), predictions, weighted, classes, only)


def value(
    metric: str,
    task: Task,
    target: NDArray[np.float64] | NDArray[np.int64],
    scores: NDArray[np.floating],
    classes: Sequence[str] = (),
    threshold: float = 0.5,
    weights: Floats | None = None,
) -> float:
    """One metric of one set of predictions; ``weights``, shape (rows,), are the rows' own."""
    rows = None if weights is None else weights[None]
    values = evaluate(task, target, scores, rows, classes, threshold, only=metric)
    return float(values[metric][0])


def decide(scores: NDArray[np.floating], threshold: float) -> NDArray[np.int64]:
    """The class numbers that probabilities decide, in float64 as the service does."""
    if scores.ndim > 1:
        return np.asarray(scores.argmax(axis=1))
    return (scores.astype(np.float64) >= threshold).astype(np.int64)


def outcome_values(prices: Value, target: NDArray[np.int64], decided: NDArray[np.int64]) -> Floats:
    """What each binary decision is worth by the price of its outcome; all of shape (rows,)."""
    table = np.array(
        [
            [prices.true_negative, prices.false_positive],
            [prices.false_negative, prices.true_positive],
        ]
    )
    return np.asarray(table[target, decided])


def check_labels(files: ModelFiles, classes: Sequence[str]) -> None:
    """Refuse a metric of one class, such as ``f1[setosa]``, whose class the data does not have.

    Raises:
        TagshipError: names the file and the key.
    """
    gates = files.thresholds
    uses = [("model.yaml: select.metric", files.model.select.metric)]
    uses += [("thresholds.yaml: metrics", name) for name in gates.metrics]
    uses += [
        (f"thresholds.yaml: {key}.metric", section.metric)
        for key in ("baseline", "champion", "slices")
        if (section := getattr(gates, key)) is not None
    ]
    if gates.performance is not None:
        uses += [("thresholds.yaml: performance.max_drop", n) for n in gates.performance.max_drop]
    for where, metric in uses:
        base, bracket, _ = metric.partition("[")
        names = [f"{base}[{label}]" for label in classes]
        if bracket and metric not in names:
            raise TagshipError(
                f"{files.folder}/{where}: '{metric}' is of no class of"
                f" '{files.data.target.column}'",
                suggest(metric, names),
            )


def _binary(
    y: NDArray[np.bool_], p: Floats, w: Floats, threshold: float, only: str | None
) -> MetricValues:
    if only in _RANKING:
        return _ranking(y, p, w)
    total = w.sum(axis=1)
    values = {"accuracy": w @ (y == (p >= threshold)) / total, **_decisions(y, p >= threshold, w)}
    if only in values:
        return values
    if only is None:
        values |= _ranking(y, p, w)
    clipped = np.clip(p, _EPS, 1 - _EPS)
    values["log_loss"] = w @ -np.log(np.where(y, clipped, 1 - clipped)) / total
    values["brier"] = w @ (p - y) ** 2 / total
    values["calibration_error"] = _calibration_error(y, p, w)
    return values


def _multiclass(
    y: NDArray[np.int64], p: Floats, w: Floats, classes: Sequence[str], only: str | None
) -> MetricValues:
    truth = y[:, None] == np.arange(p.shape[1])
    ranked: MetricValues = {}
    if only is None or only in _RANKING:
        rankings = [_ranking(truth[:, k], p[:, k], w) for k in range(p.shape[1])]
        ranked = {name: np.mean([part[name] for part in rankings], axis=0) for name in _RANKING}
    if only in ranked:
        return ranked
    total = w.sum(axis=1)
    likeliest = p.argmax(axis=1)
    correct = likeliest == y
    values: MetricValues = {"accuracy": w @ correct / total}
    per_class = [_decisions(truth[:, k], likeliest == k, w) for k in range(p.shape[1])]
    for metric in ("precision", "recall", "f1"):
        values[metric] = np.mean([of_class[metric] for of_class in per_class], axis=0)
        for name, of_class in zip(classes, per_class, strict=False):
            values[f"{metric}[{name}]"] = of_class[metric]
    if only in values:
        return values
    values |= ranked
    clipped = np.clip(p[np.arange(len(y)), y], _EPS, 1 - _EPS)
    values["log_loss"] = w @ -np.log(clipped) / total
    values["brier"] = w @ ((p - truth) ** 2).sum(axis=1) / total
    values["calibration_error"] = _calibration_error(correct, p.max(axis=1), w)
    return values


def _regression(y: Floats, predicted: Floats, w: Floats) -> MetricValues:
    total = w.sum(axis=1)
    squared = w @ (y - predicted) ** 2 / total
    mean = w @ y / total
    variance = w @ y**2 / total - mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(variance > 0, 1 - squared / variance, np.nan)
    relative = np.abs(y - predicted) / np.maximum(np.abs(y), _EPS)
    return {
        "rmse": np.sqrt(squared),
        "mae": w @ np.abs(y - predicted) / total,
        "r2": r2,
        "mape": w @ relative / total,
    }


def _decisions(y: NDArray[np.bool_], predicted: NDArray[np.bool_], w: Floats) -> MetricValues:
    hits = w @ (y & predicted)
    called, actual = w @ predicted, w @ y
    return {
        "precision": _ratio(hits, called),
        "recall": _ratio(hits, actual),
        "f1": _ratio(2 * hits, called + actual),
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _ranking(y: NDArray[np.bool_], p: Floats, w: Floats) -> MetricValues:
    """ROC AUC and average precision, ties sharing one threshold; NaN where a class is absent."""
    order = np.argsort(-p, kind="stable")
    starts = np.flatnonzero(np.diff(p[order], prepend=np.inf))
    sorted_weights = w[:, order]
    positive = np.add.reduceat(sorted_weights * y[order], starts, axis=1)
    everything = np.add.reduceat(sorted_weights, starts, axis=1)
    negative = everything - positive
    true_positives = positive.cumsum(axis=1)
    positives, negatives = true_positives[:, -1], negative.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        area = (negative * (true_positives - positive / 2)).sum(axis=1) / (positives * negatives)
        precision = true_positives / everything.cumsum(axis=1)
        average = np.nansum(positive * precision, axis=1) / positives
    undefined = (positives == 0) | (negatives == 0)
    return {
        "roc_auc": np.where(undefined, np.nan, area),
        "pr_auc": np.where(positives == 0, np.nan, average),
    }


def _calibration_error(y: NDArray[np.bool_], p: Floats, w: Floats) -> Floats:
    bins = np.clip((p * _BINS).astype(np.int64), 0, _BINS - 1)
    gaps = [np.abs(w @ ((p - y) * (bins == b))) for b in np.unique(bins)]
    return np.asarray(np.sum(gaps, axis=0) / w.sum(axis=1))
