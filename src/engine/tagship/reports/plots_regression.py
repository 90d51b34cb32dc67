"""Plots of a regression: predicted against actual, and what is left over."""

from typing import Any

import numpy as np

from tagship.numbers import MINUS, compact
from tagship.reports.figures import BLUE, INK, MUTED, ORANGE, new_axes, shorten
from tagship.training.bundle import Bundle

_MOST_POINTS = 4000
_BINS = 40


def regression_figures(bundle: Bundle, target: str) -> dict[str, Any]:
    """The figures by name."""
    actual = bundle.evidence.target.astype(np.float64)
    predicted = bundle.evidence.scores.astype(np.float64)
    return {
        "predicted": _predicted(bundle, actual, predicted, shorten(target)),
        "residuals": _residuals(actual, predicted, shorten(target)),
        "residual_histogram": _histogram(actual - predicted, shorten(target)),
    }


def _sample(rows: int) -> tuple[Any, str]:
    """At most ``_MOST_POINTS`` row numbers, and how to say so."""
    if rows <= _MOST_POINTS:
        return np.arange(rows), f"n = {rows:,} holdout rows"
    chosen = np.random.default_rng(0).choice(rows, _MOST_POINTS, replace=False)
    return np.sort(chosen), f"{_MOST_POINTS:,} of n = {rows:,} holdout rows"


def _points(axes: Any, x: Any, y: Any) -> None:
    alpha = float(np.clip(400 / max(len(x), 1), 0.15, 0.8))
    axes.plot(x, y, "o", markersize=3.2, alpha=alpha, color=BLUE, markeredgewidth=0)


def _predicted(bundle: Bundle, actual: Any, predicted: Any, target: str) -> Any:
    rows, note = _sample(len(actual))
    r2 = bundle.lock.metrics.get("r2")
    note += f", R² {r2.value:.3f} ({r2.low:.3f} to {r2.high:.3f})" if r2 else ""
    figure, axes = new_axes(
        "Predicted against actual", note, f"actual {target}", f"predicted {target}"
    )
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    _points(axes, actual[rows], predicted[rows])
    axes.plot(ends, ends, color=ORANGE, linewidth=1.4, linestyle=(0, (4, 3)), label="perfect")
    axes.legend(loc="upper left")
    return figure


def _residuals(actual: Any, predicted: Any, target: str) -> Any:
    rows, note = _sample(len(actual))
    residual = actual - predicted
    figure, axes = new_axes(
        "Residuals",
        f"{note}; line: mean by tenth of the predictions",
        f"predicted {target}",
        f"actual {MINUS} predicted",
    )
    _points(axes, predicted[rows], residual[rows])
    axes.axhline(0, color=MUTED, linewidth=1)
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(10, len(predicted)))
    x, y = ([float(values[part].mean()) for part in parts] for values in (predicted, residual))
    axes.plot(x, y, "o-", color=ORANGE, markersize=4.5, linewidth=1.6)
    return figure


def _histogram(residual: Any, target: str) -> Any:
    low, high = np.percentile(residual, [2.5, 97.5])
    figure, axes = new_axes(
        "Distribution of residuals",
        f"n = {len(residual):,} holdout rows, median {compact(float(np.median(residual)))},"
        f" middle 95 % {compact(float(low))} to {compact(float(high))}",
        f"actual {MINUS} predicted {target}",
        "rows",
    )
    axes.hist(residual, bins=_BINS, color=BLUE, edgecolor="white", linewidth=0.5)
    axes.axvline(0, color=INK, linewidth=1)
    axes.grid(False, axis="x")
    return figure
