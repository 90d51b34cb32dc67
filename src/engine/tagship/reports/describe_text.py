"""A description as plain text of at most ``WIDTH`` columns, for the terminal."""

import math
import unicodedata
from collections.abc import Iterable, Iterator

from tagship.numbers import NONE, coefficient, compact, percent
from tagship.reports.description import ColumnDescription, Description

WIDTH = 100
_NAME = 19
_BLOCKS = "▁▂▃▄▅▆▇█"
_SHADES = "█▓▒░"
_SPARK = 12
_STRONG = 0.3
_MOST = 10


def description_text(found: Description) -> str:
    """The exploration as text; control characters of the data never reach the terminal."""
    parts = [
        _head(found),
        _failures(found),
        _target(found),
        _numbers(found),
        _categories(found),
        _others(found),
        _associations(found),
        _correlations(found),
        _notes(found),
    ]
    lines = [line for part in parts for line in part]
    return "\n".join(fit(line, WIDTH).rstrip() for line in lines) + "\n"


def clean(text: str) -> str:
    """Text without control characters, so that data cannot steer a terminal."""
    return "".join(c if unicodedata.category(c)[0] != "C" else "�" for c in text)


def fit(text: str, width: int) -> str:
    """``text`` cut or padded to ``width`` terminal columns."""
    text = clean(text)
    if _columns(text) > width:
        while _columns(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - _columns(text))


def _columns(text: str) -> int:
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


def _missing(found: Description, column: ColumnDescription) -> str:
    return percent(column.missing / found.rows) if column.missing else NONE


def _head(found: Description) -> Iterator[str]:
    yield f"{found.model}: {found.rows:,} rows of {len(found.columns)} columns, {found.source}"
    duplicates = f"{found.duplicate_rows:,} duplicate rows" if found.duplicate_rows else ""
    personal = f"left out as personal: {', '.join(found.personal)}" if found.personal else ""
    facts = [f"{found.memory_mb:,.1f} MB in memory", duplicates, personal]
    yield ", ".join(fact for fact in facts if fact)


def _failures(found: Description) -> Iterator[str]:
    yield ""
    if not found.failures:
        yield "CONTRACT  kept"
        return
    yield f"CONTRACT  broken in {len(found.failures)} places"
    yield f"  {'column':<{_NAME}}  {'rule':<24} {'count':>8}  {'examples':<26}  first rows"
    for failure in found.failures:
        examples, rows = ", ".join(failure.examples), ", ".join(map(str, failure.rows))
        yield (
            f"  {fit(failure.column, _NAME)}  {fit(failure.rule, 24)} {failure.count:>8,}"
            f"  {fit(examples, 26)}  {rows}"
        )


def _target(found: Description) -> Iterator[str]:
    target = found.of_target
    yield ""
    if target is None:
        yield f"TARGET  {found.target}: the table has no such column"
        return
    gone = f", {target.missing:,} missing" if target.missing else ""
    yield f"TARGET  {found.target} ({found.task}{gone})"
    if target.numbers is not None:
        n = target.numbers
        spread = f" ± {compact(n.std)}" if n.std is not None else ""
        yield (
            f"  mean {compact(n.mean)}{spread}, median {compact(n.median)},"
            f" {compact(n.min)} to {compact(n.max)}  {sparkline(n.histogram.counts, 24)}"
        )
    for top in target.top:
        share = top.count / max(found.rows - target.missing, 1)
        mark = "  positive" if top.value == found.positive else ""
        yield (
            f"  {fit(top.value, _NAME)} {top.count:>10,} {percent(share):>8}"
            f"  {fit(_bar(share, 40), 40)}{mark}"
        )


def _numbers(found: Description) -> Iterator[str]:
    columns = [c for c in found.columns if c.kind == "number" and c.role != "target"]
    if not columns:
        return
    yield ""
    names = ("missing", "min", "25 %", "median", "75 %", "max")
    head = "".join(f"{name:>8}" for name in names) + f"{'outliers':>9}"
    yield f"{fit(f'NUMBERS ({len(columns)})', _NAME + 2)}{head}  {'distribution':<{_SPARK}}  target"
    for column in columns:
        n = column.numbers
        quantiles = (n.min, n.q25, n.median, n.q75, n.max) if n else (math.nan,) * 5
        outliers = f"{n.outliers:,}" if n and n.outliers else NONE
        spark = sparkline(n.histogram.counts) if n else ""
        yield (
            f"  {fit(column.name, _NAME)}{_missing(found, column):>8}"
            f"{''.join(f'{compact(value):>8}' for value in quantiles)}{outliers:>9}"
            f"  {spark:<{_SPARK}}  {_strength(column):>6}"
        )


def _strength(column: ColumnDescription) -> str:
    if column.association is None:
        return NONE
    return coefficient(column.association.value, column.association.measure == "Pearson r")


def _categories(found: Description) -> Iterator[str]:
    columns = [c for c in found.columns if c.kind == "category" and c.role != "target"]
    if not columns:
        return
    yield ""
    head = f"{'missing':>8}{'values':>8}  target  {'shares':<{_SPARK}}  most frequent"
    yield f"{fit(f'CATEGORIES ({len(columns)})', _NAME + 2)}{head}"
    for column in columns:
        total = max(found.rows - column.missing - column.unreadable, 1)
        shown = ", ".join(f"{top.value} {percent(top.count / total, 0)}" for top in column.top[:5])
        yield (
            f"  {fit(column.name, _NAME)}{_missing(found, column):>8}{column.distinct:>8,}"
            f"  {_strength(column):>6}  {fit(_stacked(column, total), _SPARK)}  {shown}"
        )


def _stacked(column: ColumnDescription, total: int) -> str:
    shares = [top.count / total for top in column.top[: len(_SHADES) - 1]]
    ends = [round(sum(shares[: at + 1]) * _SPARK) for at in range(len(shares))]
    drawn = ""
    for shade, end in zip(_SHADES, [*ends, _SPARK], strict=False):
        drawn += shade * (end - len(drawn))
    return drawn


def _others(found: Description) -> Iterator[str]:
    columns = [c for c in found.columns if c.kind in ("text", "time") and c.role != "target"]
    if not columns:
        return
    yield ""
    yield f"{fit(f'TEXT AND TIME ({len(columns)})', _NAME + 2)}{'missing':>8}{'values':>8}"
    for column in columns:
        what: str = column.role if column.role != "feature" else column.kind
        if column.period:
            what = f"{column.period[0]} to {column.period[1]}"
        elif column.top:
            what = f"{what}: " + ", ".join(top.value for top in column.top[:3])
        yield (
            f"  {fit(column.name, _NAME)}{_missing(found, column):>8}{column.distinct:>8,}  {what}"
        )


def _associations(found: Description) -> Iterator[str]:
    ranked = [c for c in found.columns if c.association is not None]
    ranked.sort(key=lambda c: -abs(c.association.value) if c.association else 0.0)
    if not ranked:
        return
    yield ""
    yield f"GOES WITH {found.target}"
    for column in ranked[:_MOST]:
        assert column.association is not None
        strength = abs(column.association.value)
        yield (
            f"  {fit(column.name, 30)} {_strength(column):>6}  {fit(_bar(strength, 40), 40)}"
            f"  {column.association.measure}"
        )
    if len(ranked) > _MOST:
        yield f"  and {len(ranked) - _MOST} weaker"


def _correlations(found: Description) -> Iterator[str]:
    strong = [pair for pair in found.correlations if abs(pair.value) >= _STRONG]
    if not strong:
        return
    yield ""
    yield f"CORRELATED (|r| ≥ {_STRONG:g}, {len(strong)} of {len(found.correlations)} pairs)"
    for pair in strong[:_MOST]:
        value, bar = coefficient(pair.value, signed=True), _bar(abs(pair.value), 20)
        yield f"  {fit(pair.left, 30)} {fit(pair.right, 30)} {value:>6}  {bar}"


def _notes(found: Description) -> Iterator[str]:
    noted = [column for column in found.columns if column.notes]
    if not noted:
        return
    yield ""
    yield "LOOK AT"
    for column in noted:
        for at, note in enumerate(column.notes):
            yield f"  {fit('' if at else column.name, _NAME)}  {note}"
