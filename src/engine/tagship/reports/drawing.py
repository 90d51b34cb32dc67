"""Bars and plots as places in percent, which ``drawing.html.j2`` draws at any width."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tagship.formatting import compact

_LEFT, _RIGHT, _TOP, _BOTTOM = 16.0, 94.0, 9.0, 80.0
_GAP = 9.0
"""The least vertical distance of two labels, in % of the height."""
_PAD = 0.04
"""The share of a scale that is left free at each end."""


@dataclass(frozen=True)
class Bar:
    """Places on a scale, in % of its width; ``marks`` are limits with their meaning."""

    low: float
    value: float
    high: float
    marks: tuple[tuple[float, str], ...]


def bounded_bar(
    low: float, value: float, high: float, marks: Sequence[tuple[float, str]] = ()
) -> Bar:
    """A value with its interval and its limits.

    The scale begins at 0, or below for what is negative. It ends at 1 for shares that come near
    that, else with a margin.
    """
    ends = [low, value, high, *(at for at, _ in marks)]
    highest = max(ends)
    end = 1.0 if 0.5 < highest <= 1 else highest + 0.25 * abs(highest)
    return place_bar(low, value, high, min(0.0, *ends), end, marks)


def padded_bar(
    low: float,
    value: float,
    high: float,
    ends: Sequence[float],
    marks: Sequence[tuple[float, str]] = (),
) -> Bar:
    """A value with its interval, on a scale that is cut to where ``ends`` lie."""
    pad = _PAD * (max(ends) - min(ends))
    return place_bar(low, value, high, min(ends) - pad, max(ends) + pad, marks)


def spread_bars(spreads: Mapping[str, tuple[float, float]]) -> dict[str, Bar]:
    """Means with their standard deviations, on the scale of them all."""
    ends = [end for mean, std in spreads.values() for end in (mean - std, mean + std)]
    return {
        name: padded_bar(mean - std, mean, mean + std, ends)
        for name, (mean, std) in spreads.items()
    }


def place_bar(
    low: float,
    value: float,
    high: float,
    start: float,
    end: float,
    marks: Sequence[tuple[float, str]] = (),
) -> Bar:
    """A value with its interval on the scale from ``start`` to ``end``."""
    span = (end - start) or 1.0

    def place(at: float) -> float:
        return round(min(max(100 * (at - start) / span, 0.0), 100.0), 2)

    placed = tuple((place(at), kind) for at, kind in marks)
    return Bar(place(low), place(value), place(high), placed)


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
