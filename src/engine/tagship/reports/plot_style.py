"""The style of every figure, and its way to bytes."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tagship.formatting import compact

INK, MUTED, GRID = "#1f2933", "#5f6b7a", "#e4e8ed"
BLUE, ORANGE = "#2262a6", "#c2571a"
SERIES = (BLUE, ORANGE, "#1b8a6b", "#8a4fa3", "#b58a00", "#b83a5c", "#3b8fb5", "#5f6b7a")
"""Distinguishable with every common kind of colour vision."""
REFERENCE: dict[str, Any] = {"color": MUTED, "linewidth": 1, "linestyle": (0, (4, 3))}
"""How a line is drawn that stands for chance or perfection."""
_SIZE, _DPI = (5.6, 4.2), 128
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a class may be named "$x"
    "axes.edgecolor": "#b8c0ca",
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": True,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "legend.fontsize": 8,
    "lines.linewidth": 2,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in this project's style, whatever the person's matplotlibrc says."""
    from matplotlib import style as styles
    from sklearn.exceptions import UndefinedMetricWarning

    with styles.context(["default", _STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="No positive class found")
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # the legend says nan
        yield


def new_axes(
    title: str, note: str, names: Sequence[str] = (), left: float = 0.125
) -> tuple[Any, Any]:
    """A figure and its axes, with a title and a quieter line under it.

    ``names``, cut by ``shorten``, find their place left of the axes.
    """
    from matplotlib.figure import Figure

    if names:
        left = 0.05 + 0.0136 * max(len(shorten(name)) for name in names)
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white")
    axes = figure.add_axes((left, 0.125, 0.965 - left, 0.715))
    figure.text(0.03, 0.945, title, fontsize=12, fontweight="bold", va="center")
    figure.text(0.03, 0.888, note, fontsize=8.5, color=MUTED, va="center")
    axes.xaxis.set_major_formatter(lambda value, _: compact(value))
    axes.yaxis.set_major_formatter(lambda value, _: compact(value))
    return figure, axes


def label_bars(axes: Any, bars: Any, names: Sequence[str], values: Sequence[float]) -> None:
    """Name horizontal bars at the left, and write their values at their ends."""
    axes.bar_label(bars, map(compact, values), padding=4, fontsize=7.5, color=MUTED)
    axes.set_yticks(range(len(names)), map(shorten, names))
    axes.margins(x=0.16)
    axes.grid(False, axis="y")


def to_png(figure: Any) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def shorten(text: str, most: int = 24) -> str:
    """Text that fits a label."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
