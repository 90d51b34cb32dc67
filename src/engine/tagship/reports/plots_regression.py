"""Plots of a regression: predicted against actual, and what is left over."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.formatting import MINUS, compact
from tagship.reports.plot_style import BLUE, INK, ORANGE, REFERENCE, new_axes, shorten
from tagship.training.bundle import Bundle

_MOST_POINTS = 4000
_BINS = 40

Values = NDArray[np.float64]


def regression_figures(bundle: Bundle, target: str) -> dict[str, Any]:
    """The figures by name."""
    actual = bundle.evidence.target.astype(np.float64)
    predicted = bundle.evidence.scores.astype(np.float64)
    target = shorten(target)
    return {
        "predicted": _prediction_error(bundle, actual, predicted, target),
        "residuals": _residuals(actual, predicted, target),
        "residual_histogram": _residual_histogram(actual - predicted, target),
    }


def _sample(rows: int) -> tuple[NDArray[np.int64], str]:
    """At most ``_MOST_POINTS`` row numbers, and how to say so."""
    if rows <= _MOST_POINTS:
        return np.arange(rows), f"n = {rows:,} holdout rows"
    sample = np.random.default_rng(0).choice(rows, _MOST_POINTS, replace=False)
    return np.sort(sample), f"{_MOST_POINTS:,} of n = {rows:,} holdout rows"


def _draw_points(axes: Any, actual: Values, predicted: Values, kind: str) -> None:
    from matplotlib.ticker import AutoLocator
    from sklearn.metrics import PredictionErrorDisplay

    alpha = float(np.clip(400 / max(len(actual), 1), 0.15, 0.8))
    PredictionErrorDisplay(y_true=actual, y_pred=predicted).plot(
        axes,
        kind=kind,
        scatter_kwargs={"color": BLUE, "alpha": alpha, "s": 10, "linewidths": 0},
        line_kwargs={**REFERENCE, "alpha": 1, "label": "perfect"},
    )
    axes.set_aspect("auto")
    axes.xaxis.set_major_locator(AutoLocator())
    axes.yaxis.set_major_locator(AutoLocator())


def _prediction_error(bundle: Bundle, actual: Values, predicted: Values, target: str) -> Any:
    rows, note = _sample(len(actual))
    r2 = bundle.lock.metrics.get("r2")
    note += f", R² {r2.value:.3f} ({r2.low:.3f} to {r2.high:.3f})" if r2 else ""
    figure, axes = new_axes("Actual against predicted", note)
    _draw_points(axes, actual[rows], predicted[rows], "actual_vs_predicted")
    axes.set(xlabel=f"predicted {target}", ylabel=f"actual {target}")
    axes.legend(loc="upper left")
    return figure


def _residuals(actual: Values, predicted: Values, target: str) -> Any:
    rows, note = _sample(len(actual))
    figure, axes = new_axes("Residuals", f"{note}; line: mean by tenth of the predictions")
    _draw_points(axes, actual[rows], predicted[rows], "residual_vs_predicted")
    tenths = np.array_split(np.argsort(predicted, kind="stable"), min(10, len(predicted)))
    means = [[float(values[tenth].mean()) for tenth in tenths] for values in (predicted, actual)]
    x, y = np.array(means)
    axes.plot(x, y - x, "o-", color=ORANGE, markersize=4.5, linewidth=1.6)
    axes.set(xlabel=f"predicted {target}", ylabel=f"actual {MINUS} predicted")
    return figure


def _residual_histogram(residual: Values, target: str) -> Any:
    low, median, high = (compact(float(q)) for q in np.percentile(residual, [2.5, 50, 97.5]))
    figure, axes = new_axes(
        "Distribution of residuals",
        f"n = {len(residual):,} holdout rows, median {median}, middle 95 % {low} to {high}",
    )
    axes.hist(residual, bins=_BINS, color=BLUE, edgecolor="white", linewidth=0.5)
    axes.axvline(0, color=INK, linewidth=1)
    axes.grid(False, axis="x")
    axes.set(xlabel=f"actual {MINUS} predicted {target}", ylabel="rows")
    return figure
