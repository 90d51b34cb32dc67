"""A description as one self-contained HTML page, its plots drawn as inline SVG."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tagship.config.project_files import ModelFiles
from tagship.files import write_atomically
from tagship.numbers import brief, coefficient, percent
from tagship.reports.description import ColumnDescription, Description, Histogram
from tagship.reports.html import render

_MOST_CORRELATED = 24
_WITH_NUMBERS = 14
_LEAST_IN_BIN = 5
"""Bins with fewer rows have no point on the outcome line: it would be noise."""


@dataclass(frozen=True)
class Chart:
    """A histogram of 24 bins: bar heights and the outcome line, in % of the chart's height."""

    bars: tuple[float, ...]
    line: tuple[str, ...]
    """Runs of ``x,y`` points, broken where bins are nearly empty."""
    low: str
    high: str
    outcome: str
    """The range of the outcome line in words, or empty."""
    beyond: int


@dataclass(frozen=True)
class Cell:
    """One pair in the correlation map."""

    row: int
    column: int
    value: float
    text: str
    title: str


def description_html(found: Description) -> str:
    """The exploration as one HTML document."""
    names, cells = correlation_map(found)
    ranked = [column for column in found.columns if column.association is not None]
    ranked.sort(key=lambda c: -abs(c.association.value) if c.association else 0.0)
    missing = sum(column.missing for column in found.columns)
    values = max(found.rows * len(found.columns), 1)
    return render(
        "description.html.j2",
        found=found,
        groups=_groups(found),
        ranked=ranked,
        missing=percent(missing / values),
        with_missing=sum(column.missing > 0 for column in found.columns),
        noted=[column for column in found.columns if column.notes],
        names=names,
        cells=cells,
        numbers_in_cells=len(names) <= _WITH_NUMBERS,
        all_correlated=len(found.correlated),
        outcome_name=_outcome_name(found),
    )


def write_description(files: ModelFiles, found: Description) -> Path:
    """Write ``reports/<model>-data.html`` whole or not at all, and say where it is."""
    path = files.root / "reports" / f"{files.name}-data.html"
    write_atomically(path, description_html(found))
    return path


def _groups(found: Description) -> list[tuple[str, list[tuple[ColumnDescription, Chart | None]]]]:
    """The columns under the headings they are shown under, in the table's order."""
    groups = {
        "Target": [c for c in found.columns if c.role == "target"],
        "Numbers": [c for c in found.columns if c.kind == "number" and c.role != "target"],
        "Categories": [c for c in found.columns if c.kind == "category" and c.role != "target"],
        "Text and time": [
            c for c in found.columns if c.kind in ("text", "time") and c.role != "target"
        ],
    }
    return [
        (title, [(column, _chart(column, found)) for column in columns])
        for title, columns in groups.items()
        if columns
    ]


def _outcome_name(found: Description) -> str:
    if found.task == "binary":
        return f"share that is {found.positive}"
    return f"mean {found.target}" if found.task == "regression" else ""


def _chart(column: ColumnDescription, found: Description) -> Chart | None:
    if column.numbers is None:
        return None
    histogram = column.numbers.histogram
    most = max(histogram.counts) or 1
    line, outcome = _line(histogram, found)
    return Chart(
        bars=tuple(
            max(round(100 * count / most, 2), 1.5 if count else 0) for count in histogram.counts
        ),
        line=line,
        low=brief(histogram.low),
        high=brief(histogram.high),
        outcome=outcome,
        beyond=histogram.beyond,
    )


def _line(histogram: Histogram, found: Description) -> tuple[tuple[str, ...], str]:
    known = [
        value if value is not None and count >= _LEAST_IN_BIN else None
        for value, count in zip(histogram.outcome, histogram.counts, strict=False)
    ]
    values = [value for value in known if value is not None]
    if len(values) < 2:
        return (), ""
    start = 0.0 if found.task == "binary" else min(values)
    end = max(values)
    span = (end - start) or 1.0
    step = 100 / len(histogram.counts)
    runs: list[list[str]] = [[]]
    for at, value in enumerate(known):
        if value is None:
            runs.append([])
        else:
            height = 95 - 90 * (value - start) / span
            runs[-1].append(f"{(at + 0.5) * step:.2f},{height:.2f}")
    shown = percent if found.task == "binary" else brief
    return (
        tuple(" ".join(run) for run in runs if len(run) > 1),
        f"{shown(min(values))} to {shown(end)}",
    )


def correlation_map(found: Description) -> tuple[list[str], list[Cell]]:
    """The columns of the map and its cells; the most correlated ones where there are many."""
    strength = dict.fromkeys(found.correlated, 0.0)
    for pair in found.correlations:
        for name in (pair.left, pair.right):
            strength[name] = max(strength[name], abs(pair.value))
    kept = set(sorted(strength, key=lambda name: -strength[name])[:_MOST_CORRELATED])
    names = [name for name in found.correlated if name in kept]
    place = {name: at for at, name in enumerate(names)}
    cells = []
    for pair in found.correlations:
        if pair.left not in kept or pair.right not in kept:
            continue
        text = coefficient(pair.value)
        short = text.replace("0.", ".") if abs(pair.value) < 1 else text
        title = f"{pair.left} with {pair.right}: {text}"
        ends = sorted((place[pair.left], place[pair.right]))
        value = float(np.round(pair.value, 3))
        cells.append(Cell(ends[1], ends[0], value, short, title))
    return names, cells
