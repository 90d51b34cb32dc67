"""All plots of one model, as PNG."""

from collections.abc import Sequence
from typing import Any

from tagship.numbers import compact
from tagship.reports.figures import BLUE, GRID, MUTED, new_axes, shorten, style, to_png
from tagship.reports.importance import MOST_ROWS, REPEATS, importance
from tagship.training.bundle import Bundle

_MOST_BARS = 15


def draw_plots(
    bundle: Bundle,
    target: str = "target",
    importances: Sequence[tuple[str, float]] | None = None,
) -> dict[str, bytes]:
    """The plots of a model by name, as PNG; the same bundle gives the same bytes.

    Every task has ``importance``. Binary: ``roc``, ``precision_recall``, ``confusion``,
    ``calibration``, ``scores``. Multiclass: ``roc``, ``precision_recall``, ``confusion``,
    ``calibration``. Regression: ``predicted``, ``residuals``, ``residual_histogram``.

    Args:
        target: the target's name, for the axes.
        importances: from ``importance``, where they are at hand.
    """
    from tagship.reports.plots_classification import binary_figures, multiclass_figures
    from tagship.reports.plots_regression import regression_figures

    kinds = {
        "binary": binary_figures,
        "multiclass": multiclass_figures,
        "regression": regression_figures,
    }
    found = importance(bundle) if importances is None else importances
    with style():
        figures = {"importance": _importance_figure(bundle, found)}
        figures |= kinds[bundle.lock.task](bundle, target)
        return {name: to_png(figure) for name, figure in figures.items()}


def _importance_figure(bundle: Bundle, found: Sequence[tuple[str, float]]) -> Any:
    metric = bundle.lock.inputs.model["select"]["metric"]
    shown = list(found[:_MOST_BARS])[::-1]
    names = [shorten(name) for name, _ in shown]
    values = [value for _, value in shown]
    rows = min(MOST_ROWS, len(bundle.evidence.target))
    of = f"top {len(shown)} of {len(found)} inputs, " if len(found) > len(shown) else ""
    figure, axes = new_axes(
        "Permutation importance",
        f"{of}mean of {REPEATS} shuffles of n = {rows:,} holdout rows",
        f"how much worse {metric} gets when the input is shuffled",
        "",
        left=0.05 + 0.0136 * max(map(len, names)),
    )
    places = range(len(shown))
    axes.barh(places, values, height=0.62, color=[BLUE if v > 0 else MUTED for v in values])
    axes.set_yticks(list(places), names)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.grid(False, axis="y")
    axes.axvline(0, color=GRID, linewidth=1)
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    axes.set_xlim(low - (0.16 * span if low < 0 else 0), high + 0.16 * span)
    for place, value in zip(places, values, strict=True):
        shift, side = (4, "left") if value >= 0 else (-4, "right")
        axes.annotate(
            compact(value),
            (value, place),
            xytext=(shift, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=7.5,
            color=MUTED,
        )
    return figure
