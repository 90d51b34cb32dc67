"""Small line and dot plots as places in percent, which the page draws as SVG of any width."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tagship.formatting import compact

_LEFT, _RIGHT, _TOP, _BOTTOM = 16.0, 94.0, 9.0, 80.0
_GAP = 9.0
"""The least vertical distance of two labels, in % of the height."""


@dataclass(frozen=True)
class PlotValue:
    """A value to plot, with its interval and its label where it has them."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    label: str = ""
    title: str = ""
    """Shown while a pointer rests on it."""
    marked: bool = False


@dataclass(frozen=True)
class Dot:
    """The places of a value in % of the plot's width and height."""

    value: PlotValue
    x: float
    y: float
    low: float
    high: float
    label_y: float


@dataclass(frozen=True)
class Plot:
    """All that the template draws of one plot."""

    title: str
    note: str
    alt: str
    dots: Sequence[Dot]
    lines: Sequence[tuple[float, float, float, float]]
    y_ticks: Sequence[tuple[float, str]]
    x_ticks: tuple[str, str]


def make_plot(
    title: str,
    note: str,
    alt: str,
    values: Sequence[PlotValue],
    line: Sequence[tuple[float, float]] = (),
    x_ticks: tuple[str, str] | None = None,
    unit: str = "",
    log: bool = False,
) -> Plot:
    """Place values, and a line through pairs of x and y, on common scales.

    Args:
        x_ticks: the texts at both ends of the x axis; by default its ends, in this unit.
        log: whether the x axis is logarithmic.
    """
    xs = [value.x for value in values]
    ys = [y for v in values for y in (v.y, v.low, v.high) if y is not None]
    place_x, place_y = _scale(xs, _LEFT, _RIGHT, log), _scale(ys, _BOTTOM, _TOP)
    dots: list[Dot] = []
    for value in sorted(values, key=lambda value: -value.y):
        x, y = place_x(value.x), place_y(value.y)
        low, high = (y if v is None else place_y(v) for v in (value.low, value.high))
        above = [dot.label_y for dot in dots if dot.value.label and value.label]
        label_y = max([y - 3, *(place + _GAP for place in above if abs(place - y + 3) < _GAP)])
        dots.append(Dot(value, x, y, low, high, label_y))
    return Plot(
        title=title,
        note=note,
        alt=alt,
        dots=dots,
        lines=[(*a, *b) for a, b in pairwise((place_x(x), place_y(y)) for x, y in line)],
        y_ticks=[(place_y(y), compact(y)) for y in sorted({min(ys), max(ys)})],
        x_ticks=x_ticks or (compact(min(xs)) + unit, compact(max(xs)) + unit),
    )


def _scale(
    values: Sequence[float], start: float, end: float, log: bool = False
) -> Callable[[float], float]:
    def position(value: float) -> float:
        return math.log10(max(value, 1e-9)) if log else value

    low, high = position(min(values)), position(max(values))

    def place(value: float) -> float:
        share = (position(value) - low) / (high - low) if high > low else 0.5
        return round(start + share * (end - start), 2)

    return place
