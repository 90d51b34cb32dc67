"""Plots of a classifier: ranking, decisions and calibration."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.reports.figures import BLUE, INK, MUTED, ORANGE, SERIES, new_axes, shorten
from tagship.training.bundle import Bundle

_CALIBRATION_BINS = 10
_HISTOGRAM_BINS = 40
_MOST_CELLS_WITH_TEXT = 14
_Z = 1.96

Truth = NDArray[np.bool_]
Scores = NDArray[np.float64]


def binary_figures(bundle: Bundle, target: str) -> dict[str, Any]:
    """The figures by name."""
    truth, scores = bundle.evidence.target.astype(bool), bundle.evidence.scores.astype(np.float64)
    threshold = float(bundle.lock.inputs.model.get("threshold", 0.5))
    positive = f"{shorten(target)} = {shorten(bundle.boundary.classes[1])}"
    curves = [(positive, truth, scores)]
    return {
        "roc": _roc(bundle, curves, (truth, scores >= threshold)),
        "precision_recall": _precision_recall(bundle, curves, (truth, scores >= threshold)),
        "confusion": _confusion(
            bundle,
            target,
            (scores >= threshold).astype(int),
            f", positive from a score of {threshold:g}",
        ),
        "calibration": _calibration(
            bundle, truth, scores, f"score for {positive}", f"share that is {positive}"
        ),
        "scores": _histogram(bundle, truth, scores, threshold, positive),
    }


def multiclass_figures(bundle: Bundle, target: str) -> dict[str, Any]:
    """The figures by name."""
    labels = bundle.evidence.target.astype(np.int64)
    scores = bundle.evidence.scores.astype(np.float64)
    common = np.argsort(-np.bincount(labels, minlength=scores.shape[1]), kind="stable")
    shown = sorted(common[: len(SERIES)].tolist())
    names = [shorten(name) for name in bundle.boundary.classes]
    curves = [(names[k], labels == k, scores[:, k]) for k in shown]
    chosen = scores.argmax(axis=1)
    return {
        "roc": _roc(bundle, curves),
        "precision_recall": _precision_recall(bundle, curves),
        "confusion": _confusion(bundle, target, chosen, ", decided for the highest score"),
        "calibration": _calibration(
            bundle, chosen == labels, scores.max(axis=1), "highest score of a row", "share correct"
        ),
    }


def _note(bundle: Bundle, metric: str, name: str) -> str:
    found = bundle.lock.metrics.get(metric)
    text = f"n = {len(bundle.evidence.target):,} holdout rows"
    if found is None:
        return text
    macro = "macro " if bundle.lock.task == "multiclass" else ""
    return f"{text}, {macro}{name} {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _cumulated(truth: Truth, scores: Scores) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True and all positive calls at each distinct score, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    return truth[order].cumsum()[last], last + 1


def _unit(axes: Any) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)


def _roc(
    bundle: Bundle,
    curves: list[tuple[str, Truth, Scores]],
    decided: tuple[Truth, Truth] | None = None,
) -> Any:
    figure, axes = new_axes(
        "ROC curve",
        _note(bundle, "roc_auc", "AUC"),
        "false positive rate",
        "true positive rate (recall)",
    )
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="chance")
    for colour, (name, truth, scores) in zip(SERIES, curves, strict=False):
        hits, called = _cumulated(truth, scores)
        positives, negatives = max(int(truth.sum()), 1), max(int((~truth).sum()), 1)
        x, y = np.append(0, (called - hits) / negatives), np.append(0, hits / positives)
        axes.plot(x, y, color=colour, label=name)
    if decided is not None:
        truth, called_positive = decided
        x = (called_positive & ~truth).sum() / max(int((~truth).sum()), 1)
        y = (called_positive & truth).sum() / max(int(truth.sum()), 1)
        _mark(axes, x, y)
    _unit(axes)
    axes.legend(loc="lower right")
    return figure


def _precision_recall(
    bundle: Bundle,
    curves: list[tuple[str, Truth, Scores]],
    decided: tuple[Truth, Truth] | None = None,
) -> Any:
    figure, axes = new_axes(
        "Precision and recall",
        _note(bundle, "pr_auc", "average precision"),
        "recall",
        "precision",
    )
    for colour, (name, truth, scores) in zip(SERIES, curves, strict=False):
        hits, called = _cumulated(truth, scores)
        recall, precision = hits / max(int(truth.sum()), 1), hits / called
        axes.step(recall, precision, where="pre", color=colour, label=name)
    if decided is not None:
        truth, called_positive = decided
        share = float(truth.mean())
        axes.axhline(
            share, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label=f"chance {share:.3g}"
        )
        hits_here = int((called_positive & truth).sum())
        if called_positive.any():
            _mark(axes, hits_here / max(int(truth.sum()), 1), hits_here / called_positive.sum())
    _unit(axes)
    axes.legend(loc="best")
    return figure


def _mark(axes: Any, x: float, y: float) -> None:
    axes.plot(
        [x],
        [y],
        "o",
        markersize=8,
        color=ORANGE,
        markeredgecolor="white",
        markeredgewidth=1.5,
        label="at the threshold",
        zorder=4,
    )


def _confusion(bundle: Bundle, target: str, chosen: NDArray[np.int64], how: str) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    labels = bundle.evidence.target.astype(np.int64)
    names = [shorten(name, 14) for name in bundle.boundary.classes]
    size = len(names)
    counts = np.bincount(labels * size + chosen, minlength=size**2).reshape(size, size)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    longest = max(map(len, names))
    figure, axes = new_axes(
        "Confusion matrix",
        f"n = {len(labels):,} holdout rows{how}; colour and % by row",
        f"predicted {shorten(target)}",
        f"actual {shorten(target)}",
        left=0.095 + 0.0135 * longest,
    )
    blues = LinearSegmentedColormap.from_list("tagship", ["#f5f8fc", BLUE])
    axes.imshow(shares, cmap=blues, vmin=0, vmax=1, aspect="auto")
    axes.grid(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    crowded = size > _MOST_CELLS_WITH_TEXT
    step = max(1, size // 25)
    places = list(range(0, size, step))
    turned = 90 if crowded or size * longest > 60 else 0
    axes.set_xticks(places, [names[k] for k in places], rotation=turned)
    axes.set_yticks(places, [names[k] for k in places])
    if turned:
        box = axes.get_position()
        bottom = min(0.4, 0.09 + 0.0185 * longest)
        axes.set_position((box.x0, bottom, box.width, 0.84 - bottom))
    for row, column in [] if crowded else np.ndindex(size, size):
        share = shares[row, column]
        colour = "white" if share > 0.55 else INK
        big = 13 if size <= 3 else 9 if size <= 7 else 6.5
        axes.text(
            column,
            row - (0.06 if size <= 7 else 0),
            f"{counts[row, column]:,}",
            ha="center",
            va="bottom" if size <= 7 else "center",
            fontsize=big,
            fontweight="bold",
            color=colour,
        )
        if size <= 7:
            text = f"{share:.1%}".replace("%", " %")
            axes.text(
                column, row + 0.04, text, ha="center", va="top", fontsize=big * 0.68, color=colour
            )
    return figure


def _calibration(bundle: Bundle, truth: Truth, scores: Scores, x: str, y: str) -> Any:
    figure, axes = new_axes(
        "Calibration",
        _note(bundle, "calibration_error", "calibration error").replace("macro ", ""),
        f"mean {x}",
        y,
    )
    bins = np.clip((scores * _CALIBRATION_BINS).astype(int), 0, _CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=_CALIBRATION_BINS)
    filled = counts > 0
    n = counts[filled]
    given = np.bincount(bins, scores, _CALIBRATION_BINS)[filled] / n
    seen = np.bincount(bins, truth.astype(float), _CALIBRATION_BINS)[filled] / n
    centre = (seen + _Z**2 / (2 * n)) / (1 + _Z**2 / n)  # Wilson's interval
    half = _Z * np.sqrt(seen * (1 - seen) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    below, above = np.maximum(seen - (centre - half), 0), np.maximum(centre + half - seen, 0)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
    axes.errorbar(
        given, seen, yerr=[below, above], color=BLUE, linewidth=1.6, elinewidth=1.2, capsize=2.5
    )
    axes.scatter(
        given,
        seen,
        s=18 + 130 * n / n.max(),
        color=BLUE,
        edgecolors="white",
        linewidths=1,
        zorder=3,
        label="a tenth of the scale; larger: more rows",
    )
    _unit(axes)
    axes.legend(loc="upper left")
    return figure


def _histogram(
    bundle: Bundle, truth: Truth, scores: Scores, threshold: float, positive: str
) -> Any:
    figure, axes = new_axes(
        "Scores by class",
        f"n = {len(truth):,} holdout rows, {int(truth.sum()):,} of them {positive};"
        " each class sums to 100 %",
        f"score for {positive}",
        "% of the class",
    )
    edges = np.linspace(0, 1, _HISTOGRAM_BINS + 1)
    names = (shorten(bundle.boundary.classes[0]), shorten(bundle.boundary.classes[1]))
    for name, rows, colour in ((names[0], ~truth, BLUE), (names[1], truth, ORANGE)):
        counts = np.histogram(scores[rows], edges)[0]
        shares = 100 * counts / max(int(counts.sum()), 1)
        axes.stairs(shares, edges, fill=True, color=colour, alpha=0.28)
        axes.stairs(shares, edges, color=colour, linewidth=1.6, label=f"actually {name}")
    axes.axvline(threshold, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), label="threshold")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper center")
    return figure
