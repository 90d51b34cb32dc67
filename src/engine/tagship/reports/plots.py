"""All plots of one model, as PNG."""

from collections.abc import Sequence
from typing import Any

from tagship.reports.importance import MOST_ROWS, REPEATS, importance
from tagship.reports.plot_style import BLUE, GRID, MUTED, label_bars, new_axes, style, to_png
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
    if importances is None:
        importances = importance(bundle)
    with style():
        figures = {"importance": _importance_figure(bundle, importances)}
        figures |= kinds[bundle.lock.task](bundle, target)
        return {name: to_png(figure) for name, figure in figures.items()}


def _importance_figure(bundle: Bundle, importances: Sequence[tuple[str, float]]) -> Any:
    metric = bundle.lock.inputs.model["select"]["metric"]
    largest = list(importances[:_MOST_BARS])[::-1]
    names = [name for name, _ in largest]
    values = [value for _, value in largest]
    rows = min(MOST_ROWS, len(bundle.evidence.target))
    total = len(importances)
    selection = f"top {len(largest)} of {total} inputs, " if total > len(largest) else ""
    figure, axes = new_axes(
        "Permutation importance",
        f"{selection}mean of {REPEATS} shuffles of n = {rows:,} holdout rows",
        names,
    )
    colours = [BLUE if value > 0 else MUTED for value in values]
    bars = axes.barh(range(len(largest)), values, height=0.62, color=colours)
    label_bars(axes, bars, names, values)
    axes.axvline(0, color=GRID, linewidth=1)
    axes.set_xlabel(f"how much worse {metric} gets when the input is shuffled")
    return figure
