"""``reports/<model>-explain.html``: what moves a model's scores, as bars, swarms and scatters."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.explanation.model import Overview
from tagship.reports.html import data_uri, render
from tagship.reports.plot_style import (
    BLUE,
    GRID,
    MUTED,
    ORANGE,
    SERIES,
    label_bars,
    new_axes,
    shorten,
    style,
    to_png,
)

_MOST_BARS = 15
_MOST_SWARMS = 12
_MOST_DEPENDENCE = 4
_MOST_OUTPUTS = 4
_DOT: dict[str, Any] = {"s": 9, "linewidths": 0, "alpha": 0.75}


def explanation_html(name: str, overview: Overview, plots: Mapping[str, tuple[str, bytes]]) -> str:
    """The page of the model ``name``; the plots are those of ``draw_explanation``."""
    return render(
        "explanation.html.j2",
        name=name,
        overview=overview,
        artifact=overview.bundle.lock.artifact.sha256,
        base=list(zip(overview.outputs, overview.attribution.base.tolist(), strict=True)),
        largest=max(size for _, size in overview.ranking) or 1,
        plots=[(alt, data_uri(png)) for alt, png in plots.values()],
    )


def draw_explanation(overview: Overview) -> dict[str, tuple[str, bytes]]:
    """The figures by name: a text for those who cannot see it, and the PNG.

    The same overview gives the same bytes.
    """
    bars = "Bars: the mean absolute SHAP value of each feature"
    swarm = "One dot a row and feature: what the feature adds to the score, coloured by value"
    scatter = "Scatter of a feature's SHAP value against its value"
    with style():
        figures = {"bar": (bars, _bar(overview))}
        for at, output in enumerate(overview.outputs[:_MOST_OUTPUTS]):
            figure = _beeswarm(overview, at, output)
            figures[f"beeswarm_{at + 1}"] = (f"{swarm}: {output}", figure)
        for at, (name, _) in enumerate(overview.ranking[:_MOST_DEPENDENCE]):
            figures[f"dependence_{at + 1}"] = (f"{scatter}: {name}", _dependence(overview, name))
        return {name: (alt, to_png(figure)) for name, (alt, figure) in figures.items()}


def _bar(overview: Overview) -> Any:
    names = [name for name, _ in overview.ranking[:_MOST_BARS]][::-1]
    places = [overview.bundle.boundary.names.index(name) for name in names]
    figure, axes = new_axes("Mean |SHAP|", _note(overview), names)
    start = np.zeros(len(names))
    for at, output in enumerate(overview.outputs):
        sizes = overview.attribution.size[places, at]
        colour = SERIES[at % len(SERIES)]
        bars = axes.barh(range(len(names)), sizes, 0.62, start, color=colour, label=output)
        start = start + sizes
    label_bars(axes, bars, names, start.tolist())
    moved_score = (
        overview.outputs[0] if len(overview.outputs) == 1 else "the probabilities, added up"
    )
    axes.set_xlabel(f"how far a feature moves {moved_score}")
    if len(overview.outputs) > 1:
        axes.legend(loc="lower right")
    return figure


def _beeswarm(overview: Overview, output: int, name: str) -> Any:
    sizes = overview.attribution.size[:, output]
    places = np.argsort(-sizes, kind="stable")[:_MOST_SWARMS][::-1]
    names = [overview.bundle.boundary.names[place] for place in places]
    note = f"{_note(overview)}; blue: low or first, orange: high or last, grey: missing"
    figure, axes = new_axes(f"Moves of {shorten(name)}", note, names)
    for row, place in enumerate(places):
        shap = overview.attribution.values[:, place, output]
        values, missing = _numbers(overview, place)
        height = row + 0.4 * _spread(shap)
        axes.scatter(shap[missing], height[missing], color=MUTED, **_DOT)
        _, ranks = np.unique(values[~missing], return_inverse=True)
        shade = ranks / max(1, ranks.max(initial=0))
        axes.scatter(shap[~missing], height[~missing], c=shade, cmap=_colours(), **_DOT)
    axes.axvline(0, color=GRID, linewidth=1)
    axes.set_yticks(range(len(names)), map(shorten, names))
    axes.grid(False, axis="y")
    axes.set_xlabel(f"SHAP value: what the feature adds to {name}")
    return figure


def _dependence(overview: Overview, name: str) -> Any:
    boundary = overview.bundle.boundary
    place = boundary.names.index(name)
    values, missing = _numbers(overview, place)
    note = f"{_note(overview)}; {int(missing.sum())} missing values left out"
    figure, axes = new_axes(f"SHAP by {shorten(name)}", note)
    category = next((f for f in boundary.categories if f.name == name), None)
    places = values[~missing].astype(np.float64)
    if category is not None:
        axes.set_xticks(range(len(category.values)), [shorten(str(v), 14) for v in category.values])
        places = places + np.random.default_rng(0).uniform(-0.2, 0.2, len(places))
    for at, output in enumerate(overview.outputs):
        shap = overview.attribution.values[~missing, place, at]
        axes.scatter(places, shap, color=SERIES[at % len(SERIES)], label=output, **_DOT)
    axes.axhline(0, color=GRID, linewidth=1)
    axes.set_xlabel(name)
    axes.set_ylabel(f"what it adds to {shorten(overview.outputs[0])}")
    if len(overview.outputs) > 1:
        axes.set_ylabel("what it adds to the probability")
        axes.legend()
    return figure


def _note(overview: Overview) -> str:
    return f"n = {len(overview.matrix):,} holdout rows"


def _numbers(overview: Overview, place: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A feature's values, and where they are missing."""
    values, boundary = overview.matrix[:, place], overview.bundle.boundary
    category = place >= len(boundary.names) - len(boundary.categories)
    return values, values < 0 if category else np.isnan(values)


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights from -1 to 1 that set the dots of a crowded place beside each other."""
    width = float(np.ptp(values)) or 1.0
    bins = np.floor((values - values.min()) / width * 60).astype(np.int64)
    heights = np.zeros(len(values))
    largest = max(1, int(np.bincount(bins).max()))
    for crowded in np.unique(bins):
        rows = np.flatnonzero(bins == crowded)
        order = (np.arange(len(rows)) + 1) // 2 * np.where(np.arange(len(rows)) % 2, 1, -1)
        heights[rows] = 2 * order / largest
    return heights


def _colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("low_high", [BLUE, "#b9c2cc", ORANGE])
