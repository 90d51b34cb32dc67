"""A description as plain text of at most ``WIDTH`` columns, for the terminal."""

import math
import unicodedata
from collections.abc import Iterable, Iterator

from tagship.formatting import NONE, coefficient, compact, percent
from tagship.reports.description import OF_SAMPLE, ColumnDescription, Description

WIDTH = 100
_NAME = 19
_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARK = 12
_STRONG = 0.3
_STRONGEST, _MOST_PAIRS = 5, 10


def description_text(description: Description) -> str:
    """The exploration as text; control characters of the data never reach the terminal."""
    sections = [
        _overview(description),
        _failures(description),
        _target(description),
        _numbers(description),
        _categories(description),
        _texts_and_times(description),
        _correlations(description),
        _notes(description),
    ]
    lines = [line for section in sections for line in section]
    return "\n".join(fit(line, WIDTH).rstrip() for line in lines) + "\n"


def clean(text: str) -> str:
    """Text without control characters, so that data cannot steer a terminal."""
    return "".join(c if unicodedata.category(c)[0] != "C" else "�" for c in text)


def fit(text: str, width: int) -> str:
    """``text`` cut or padded to ``width`` terminal columns."""
    text = clean(text)
    if terminal_columns(text) > width:
        while terminal_columns(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - terminal_columns(text))


def terminal_columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def sparkline(counts: Iterable[int], width: int = _SPARK) -> str:
    """Counts as a row of blocks, neighbours added up to fit ``width``."""
    values = list(counts)
    step = max(1, -(-len(values) // width))
    sums = [sum(values[at : at + step]) for at in range(0, len(values), step)]
    most = max(sums, default=0)
    return "".join(" " if not n else _BLOCKS[-(-n * 8 // most) - 1] for n in sums)


def _bar(share: float, width: int) -> str:
    return "█" * max(round(share * width), 1 if share > 0 else 0)


def _overview(description: Description) -> Iterator[str]:
    yield (
        f"{description.model}: {description.rows:,} rows of {len(description.columns)} columns,"
        f" {description.source}"
    )
    facts = [f"{description.memory_mb:,.1f} MB in memory"]
    if description.duplicate_rows:
        facts.append(f"{description.duplicate_rows:,} duplicate rows")
    if description.personal:
        facts.append(f"left out as personal: {', '.join(description.personal)}")
    yield ", ".join(facts)
    if description.drawn is not None:
        yield f"of {description.drawn:,} rows, drawn evenly: {OF_SAMPLE}"


def _failures(description: Description) -> Iterator[str]:
    yield ""
    if not description.failures:
        yield "CONTRACT  kept"
        return
    yield f"CONTRACT  broken in {len(description.failures)} places"
    yield f"  {'column':<{_NAME}}  {'rule':<24} {'count':>8}  {'examples':<26}  first rows"
    for failure in description.failures:
        examples, rows = ", ".join(failure.examples), ", ".join(map(str, failure.rows))
        yield (
            f"  {fit(failure.column, _NAME)}  {fit(failure.rule, 24)} {failure.count:>8,}"
            f"  {fit(examples, 26)}  {rows}"
        )


def _target(description: Description) -> Iterator[str]:
    target = description.target_column
    yield ""
    if target is None:
        yield f"TARGET  {description.target}: the table has no such column"
        return
    gaps = f", {target.missing:,} missing" if target.missing else ""
    yield f"TARGET  {description.target} ({description.task}{gaps})"
    if target.numbers is not None:
        n = target.numbers
        spread = f" ± {compact(n.std)}" if n.std is not None else ""
        yield (
            f"  mean {compact(n.mean)}{spread}, median {compact(n.median)},"
            f" {compact(n.min)} to {compact(n.max)}  {sparkline(n.histogram.counts, 24)}"
        )
    for top in target.top:
        share = top.count / max(description.rows - target.missing, 1)
        mark = "  positive" if top.value == description.positive else ""
        yield (
            f"  {fit(top.value, _NAME)} {top.count:>10,} {percent(share):>8}"
            f"  {fit(_bar(share, 40), 40)}{mark}"
        )
    strongest = [f"{c.name} {_strength(c)}" for c in description.by_association[:_STRONGEST]]
    if strongest:
        yield f"  goes with {', '.join(strongest)}"


def _section(columns: list[ColumnDescription], title: str, head: str) -> Iterator[str]:
    """The heading of some columns, where there are any."""
    if columns:
        yield ""
        yield f"{fit(f'{title} ({len(columns)})', _NAME + 2)}{'missing':>8}{head}"


def _start(description: Description, column: ColumnDescription) -> str:
    missing = percent(column.missing / description.rows) if column.missing else NONE
    return f"  {fit(column.name, _NAME)}{missing:>8}"


def _strength(column: ColumnDescription) -> str:
    if column.association is None:
        return NONE
    return coefficient(column.association.value, column.association.measure == "Pearson r")


def _numbers(description: Description) -> Iterator[str]:
    names = "".join(f"{name:>8}" for name in ("min", "25 %", "median", "75 %", "max"))
    head = f"{names}{'outliers':>9}  {'distribution':<{_SPARK}}  target"
    columns = description.columns_of("number")
    yield from _section(columns, "NUMBERS", head)
    for column in columns:
        n = column.numbers
        quantiles = (n.min, n.q25, n.median, n.q75, n.max) if n else (math.nan,) * 5
        outliers = f"{n.outliers:,}" if n and n.outliers else NONE
        spark = sparkline(n.histogram.counts) if n else ""
        yield (
            f"{_start(description, column)}{''.join(f'{compact(q):>8}' for q in quantiles)}"
            f"{outliers:>9}  {spark:<{_SPARK}}  {_strength(column):>6}"
        )


def _categories(description: Description) -> Iterator[str]:
    head = f"{'values':>8}  target  most frequent"
    columns = description.columns_of("category")
    yield from _section(columns, "CATEGORIES", head)
    for column in columns:
        total = max(description.rows - column.missing - column.unreadable, 1)
        shares = ", ".join(f"{top.value} {percent(top.count / total, 0)}" for top in column.top)
        yield (
            f"{_start(description, column)}{column.distinct:>8,}  {_strength(column):>6}  {shares}"
        )


def _texts_and_times(description: Description) -> Iterator[str]:
    columns = description.columns_of("text", "time")
    yield from _section(columns, "TEXT AND TIME", f"{'values':>8}")
    for column in columns:
        content: str = column.role if column.role != "feature" else column.kind
        if column.period:
            content = f"{column.period[0]} to {column.period[1]}"
        elif column.top:
            content += ": " + ", ".join(top.value for top in column.top[:3])
        yield f"{_start(description, column)}{column.distinct:>8,}  {content}"


def _correlations(description: Description) -> Iterator[str]:
    pairs = description.correlations
    strong = [pair for pair in pairs if abs(pair.value) >= _STRONG]
    if strong:
        yield ""
        yield f"CORRELATED (|r| ≥ {_STRONG:g}, {len(strong)} of {len(pairs)} pairs)"
    for pair in strong[:_MOST_PAIRS]:
        value, bar = coefficient(pair.value, signed=True), _bar(abs(pair.value), 20)
        yield f"  {fit(pair.left, 30)} {fit(pair.right, 30)} {value:>6}  {bar}"


def _notes(description: Description) -> Iterator[str]:
    noted = [column for column in description.columns if column.notes]
    if noted:
        yield ""
        yield "NOTES"
    for column in noted:
        for at, note in enumerate(column.notes):
            yield f"  {fit('' if at else column.name, _NAME)}  {note}"
