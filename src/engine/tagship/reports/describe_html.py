"""A description as one self-contained HTML page, its plots drawn as inline SVG."""

from dataclasses import dataclass

from tagship.formatting import brief, percent
from tagship.reports.description import OF_SAMPLE, ColumnDescription, Description, Histogram
from tagship.reports.html import render

_MOST_CORRELATED = 24
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


def description_html(description: Description) -> str:
    """The exploration as one HTML document."""
    missing = sum(column.missing for column in description.columns)
    names, correlations = correlation_matrix(description)
    return render(
        "description.html.j2",
        data=description,
        groups=_groups(description),
        ranked=description.by_association,
        missing=percent(missing / max(description.rows * len(description.columns), 1)),
        with_missing=sum(column.missing > 0 for column in description.columns),
        noted=[column for column in description.columns if column.notes],
        names=names,
        correlations=correlations,
        outcome_name=_outcome_name(description),
        of_sample=OF_SAMPLE,
    )


def _groups(
    description: Description,
) -> list[tuple[str, list[tuple[ColumnDescription, Chart | None]]]]:
    """The columns under the headings they are shown under, in the table's order."""
    groups = {
        "Target": [column for column in description.columns if column.role == "target"],
        "Numbers": description.columns_of("number"),
        "Categories": description.columns_of("category"),
        "Text and time": description.columns_of("text", "time"),
    }
    return [
        (title, [(column, _chart(column, description)) for column in columns])
        for title, columns in groups.items()
        if columns
    ]


def _outcome_name(description: Description) -> str:
    if description.task == "binary":
        return f"share that is {description.positive}"
    return f"mean {description.target}" if description.task == "regression" else ""


def _chart(column: ColumnDescription, description: Description) -> Chart | None:
    if column.numbers is None:
        return None
    histogram = column.numbers.histogram
    most = max(histogram.counts) or 1
    line, outcome = _line(histogram, description)
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


def _line(histogram: Histogram, description: Description) -> tuple[tuple[str, ...], str]:
    line_values = [
        value if value is not None and count >= _LEAST_IN_BIN else None
        for value, count in zip(histogram.outcome, histogram.counts, strict=False)
    ]
    values = [value for value in line_values if value is not None]
    if len(values) < 2:
        return (), ""
    start = 0.0 if description.task == "binary" else min(values)
    end = max(values)
    span = (end - start) or 1.0
    step = 100 / len(histogram.counts)
    runs: list[list[str]] = [[]]
    for at, value in enumerate(line_values):
        if value is None:
            runs.append([])
        else:
            height = 95 - 90 * (value - start) / span
            runs[-1].append(f"{(at + 0.5) * step:.2f},{height:.2f}")
    text = percent if description.task == "binary" else brief
    return (
        tuple(" ".join(run) for run in runs if len(run) > 1),
        f"{text(min(values))} to {text(end)}",
    )


def correlation_matrix(description: Description) -> tuple[list[str], list[list[float | None]]]:
    """The columns and the rows under the diagonal; of many columns the most correlated ones."""
    strengths = dict.fromkeys(description.correlated, 0.0)
    for pair in description.correlations:
        for name in (pair.left, pair.right):
            strengths[name] = max(strengths[name], abs(pair.value))
    strongest = sorted(strengths, key=lambda name: -strengths[name])[:_MOST_CORRELATED]
    names = [name for name in description.correlated if name in strongest]
    values = {(pair.left, pair.right): pair.value for pair in description.correlations}
    rows = [[values.get((left, name)) for left in names[:at]] for at, name in enumerate(names)]
    return names, rows
