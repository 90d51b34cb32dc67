"""Plots of a classifier: ranking, decisions and calibration."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.reports.plot_style import BLUE, INK, ORANGE, REFERENCE, SERIES, new_axes, shorten
from tagship.training.bundle import Bundle

_BINS, _SCORE_BINS = 10, 40
_MOST_CLASSES_WITH_COUNTS, _MOST_CLASSES_WITH_SHARES, _MOST_CLASS_NAMES = 14, 7, 25

Truth = NDArray[np.bool_]
Scores = NDArray[np.float64]
Curve = tuple[str, Truth, Scores]
"""A class's name, which rows are of it, and the rows' scores for it."""


def binary_figures(bundle: Bundle, target: str) -> dict[str, Any]:
    """The figures by name."""
    truth, scores = bundle.evidence.target.astype(bool), bundle.evidence.scores.astype(np.float64)
    threshold = bundle.boundary.threshold
    decided = scores >= threshold
    positive = f"{shorten(target)} = {shorten(bundle.boundary.classes[1])}"
    rule = f"positive from a score of {threshold:g}"
    axis_names = (f"mean score for {positive}", f"share that is {positive}")
    return {
        "roc": _roc(bundle, [(positive, truth, scores)], decided),
        "precision_recall": _precision_recall(bundle, [(positive, truth, scores)], decided),
        "confusion": _confusion(bundle, target, decided.astype(np.int64), rule),
        "calibration": _calibration(bundle, truth, scores, *axis_names),
        "scores": _score_histogram(bundle, truth, scores, threshold, positive),
    }


def multiclass_figures(bundle: Bundle, target: str) -> dict[str, Any]:
    """The figures by name; the curves are those of the most frequent classes."""
    labels = bundle.evidence.target.astype(np.int64)
    scores = bundle.evidence.scores.astype(np.float64)
    frequent = np.argsort(-np.bincount(labels, minlength=scores.shape[1]), kind="stable")
    curves = [
        (shorten(bundle.boundary.classes[k]), labels == k, scores[:, k])
        for k in sorted(frequent[: len(SERIES)].tolist())
    ]
    decided = scores.argmax(axis=1)
    axis_names = ("mean highest score of a row", "share correct")
    return {
        "roc": _roc(bundle, curves),
        "precision_recall": _precision_recall(bundle, curves),
        "confusion": _confusion(bundle, target, decided, "decided for the highest score"),
        "calibration": _calibration(bundle, decided == labels, scores.max(axis=1), *axis_names),
    }


def _note(bundle: Bundle, metric: str, name: str) -> str:
    text = f"n = {len(bundle.evidence.target):,} holdout rows"
    interval = bundle.lock.metrics.get(metric)
    if interval is None:
        return text
    macro = "macro " if bundle.lock.task == "multiclass" and metric != "calibration_error" else ""
    value = f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
    return f"{text}, {macro}{name} {value}"


def _roc(bundle: Bundle, curves: Sequence[Curve], decided: Truth | None = None) -> Any:
    from sklearn.metrics import RocCurveDisplay

    figure, axes = new_axes("ROC curve", _note(bundle, "roc_auc", "AUC"))
    axes.plot([0, 1], [0, 1], **REFERENCE, label="chance")
    _draw_curves(RocCurveDisplay, axes, curves)
    if decided is not None:
        truth = curves[0][1]
        negatives, positives = max((~truth).sum(), 1), max(truth.sum(), 1)
        _mark(axes, (decided & ~truth).sum() / negatives, (decided & truth).sum() / positives)
    _finish_unit_axes(axes, "false positive rate", "true positive rate (recall)", "lower right")
    return figure


def _precision_recall(bundle: Bundle, curves: Sequence[Curve], decided: Truth | None = None) -> Any:
    from sklearn.metrics import PrecisionRecallDisplay

    note = _note(bundle, "pr_auc", "average precision")
    figure, axes = new_axes("Precision and recall", note)
    _draw_curves(PrecisionRecallDisplay, axes, curves)
    if decided is not None:
        truth = curves[0][1]
        axes.axhline(truth.mean(), **REFERENCE, label=f"chance {truth.mean():.3g}")
        if decided.any():
            hits = (decided & truth).sum()
            _mark(axes, hits / max(truth.sum(), 1), hits / decided.sum())
    _finish_unit_axes(axes, "recall", "precision", "best")
    return figure


def _draw_curves(display: Any, axes: Any, curves: Sequence[Curve]) -> None:
    for colour, (name, truth, scores) in zip(SERIES, curves, strict=False):
        line = {"color": colour}
        display.from_predictions(truth, scores, ax=axes, name=name, curve_kwargs=line)


def _mark(axes: Any, x: float, y: float) -> None:
    point = {"markersize": 8, "markeredgecolor": "white", "markeredgewidth": 1.5}
    axes.plot([x], [y], "o", color=ORANGE, label="at the threshold", zorder=4, **point)


def _finish_unit_axes(axes: Any, x: str, y: str, legend: str) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), xlabel=x, ylabel=y, aspect="auto")
    axes.legend(loc=legend)


def _confusion(bundle: Bundle, target: str, decided: NDArray[np.int64], rule: str) -> Any:
    from matplotlib.colors import LinearSegmentedColormap
    from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

    labels = bundle.evidence.target.astype(np.int64)
    names = [shorten(name, 14) for name in bundle.boundary.classes]
    size, longest = len(names), max(map(len, names))
    counts = confusion_matrix(labels, decided, labels=range(size))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    note = f"n = {len(labels):,} holdout rows, {rule}; colour and % by row"
    figure, axes = new_axes("Confusion matrix", note, left=0.095 + 0.0135 * longest)
    with_text = size <= _MOST_CLASSES_WITH_COUNTS
    turned = not with_text or size * longest > 60
    display = ConfusionMatrixDisplay(shares, display_labels=names).plot(
        ax=axes,
        cmap=LinearSegmentedColormap.from_list("tagship", ["#f5f8fc", BLUE]),
        include_values=with_text,
        xticks_rotation=90 if turned else 0,
        colorbar=False,
        im_kw={"vmin": 0, "vmax": 1, "aspect": "auto"},
        text_kw={"fontsize": 12 if size <= 3 else 8 if size <= _MOST_CLASSES_WITH_SHARES else 6.5},
    )
    for row, column in np.ndindex(size, size) if with_text else ():
        share = f"\n{100 * shares[row, column]:.1f} %" if size <= _MOST_CLASSES_WITH_SHARES else ""
        colour = "white" if shares[row, column] > 0.55 else INK
        display.text_[row, column].set(text=f"{counts[row, column]:,}{share}", color=colour)
    places = range(0, size, max(1, size // _MOST_CLASS_NAMES))
    axes.set_xticks(places, [names[k] for k in places])
    axes.set_yticks(places, [names[k] for k in places])
    axes.set(xlabel=f"predicted {shorten(target)}", ylabel=f"actual {shorten(target)}")
    axes.grid(False)
    axes.spines[["left", "bottom"]].set_visible(False)
    if turned:
        box, bottom = axes.get_position(), min(0.4, 0.09 + 0.0185 * longest)
        axes.set_position((box.x0, bottom, box.width, 0.84 - bottom))
    return figure


def _calibration(bundle: Bundle, truth: Truth, scores: Scores, x: str, y: str) -> Any:
    from scipy.stats import binomtest
    from sklearn.calibration import CalibrationDisplay

    scores = scores.clip(0, 1)
    note = _note(bundle, "calibration_error", "calibration error")
    figure, axes = new_axes("Calibration", note)
    axes.plot([0, 1], [0, 1], **REFERENCE, label="perfect")
    display = CalibrationDisplay.from_predictions(
        truth,
        scores,
        n_bins=_BINS,
        pos_label=True,
        name="a tenth of the scale; larger: more rows",
        ax=axes,
        ref_line=False,
        color=BLUE,
        marker="o",
        markersize=4,
    )
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, _BINS + 1)[1:-1], scores))
    counts = counts[counts > 0]
    for expected, share, count in zip(display.prob_pred, display.prob_true, counts, strict=True):
        interval = binomtest(round(share * count), int(count)).proportion_ci(method="wilson")
        axes.vlines(expected, interval.low, interval.high, color=BLUE, linewidth=1.2)
    sizes = 18 + 130 * counts / counts.max()
    points = {"color": BLUE, "edgecolors": "white", "zorder": 3}
    axes.scatter(display.prob_pred, display.prob_true, s=sizes, **points)
    _finish_unit_axes(axes, x, y, "upper left")
    return figure


def _score_histogram(
    bundle: Bundle, truth: Truth, scores: Scores, threshold: float, positive: str
) -> Any:
    note = f"n = {len(truth):,} holdout rows, {truth.sum():,} of them {positive}"
    figure, axes = new_axes("Scores by class", f"{note}; each class sums to 100 %")
    edges = np.linspace(0, 1, _SCORE_BINS + 1)
    groups = zip(bundle.boundary.classes, (~truth, truth), (BLUE, ORANGE), strict=True)
    for name, rows, colour in groups:
        counts = np.histogram(scores[rows], edges)[0]
        shares = 100 * counts / max(int(counts.sum()), 1)
        label = f"actually {shorten(name)}"
        axes.stairs(shares, edges, fill=True, color=colour, alpha=0.28)
        axes.stairs(shares, edges, color=colour, linewidth=1.6, label=label)
    axes.axvline(threshold, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), label="threshold")
    axes.set(xlim=(0, 1), xlabel=f"score for {positive}", ylabel="% of the class")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper center")
    return figure
