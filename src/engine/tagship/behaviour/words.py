"""The difference of behaviour in words: a sentence, a few facts, and a pull request's Markdown."""

from collections.abc import Callable, Iterator

from tagship.behaviour.difference import Behaviour, BehaviourChange, Group, Importance
from tagship.formatting import NONE, brief, percent, signed

TITLE = "Who is treated differently now?"
_MOST_FEATURES = 3
_MOST_SLICES = 8
_MOST_DIRECTIONS = 3

Quote = Callable[[str], str]
"""How a name of the project is set off from the words around it."""


def code(name: str) -> str:
    """A name as code in Markdown, in which nothing else of Markdown or HTML has a meaning."""
    return "`" + " ".join(name.replace("`", "'").split()).replace("|", "\\|") + "`"


def directions(group: Group, quote: Quote = str) -> str:
    """From what to what decisions changed, the most frequent first."""
    ways = [
        f"{flip.rows:,} "
        + (flip.after if flip.before is None else f"{quote(flip.before)} → {quote(flip.after)}")
        for flip in group.flips
    ]
    other_rows = sum(flip.rows for flip in group.flips[_MOST_DIRECTIONS:])
    return ", ".join(ways[:_MOST_DIRECTIONS]) + (f", {other_rows:,} other" if other_rows else "")


def summary(behaviour: Behaviour, quote: Quote = str) -> str:
    """One or two sentences: how many decisions differ, and where most do."""
    difference = behaviour.difference
    if difference is None:
        return f"Not computed: {quote(behaviour.problem)}"
    rows, tolerance = difference.overall, difference.tolerance
    noun, verb = "decisions", "differ from the champion's"
    mended, broken = "right now and were wrong", "wrong now and were right"
    if tolerance is not None:
        noun, mended, broken = "predictions", "nearer to the actual value", "further from it"
        verb = f"move by more than a tenth of the target's standard deviation ({brief(tolerance)})"
    if not rows.flipped:
        return f"None of {rows.rows:,} {noun} {verb}."
    text = (
        f"{rows.flipped:,} of {rows.rows:,} {noun} ({percent(rows.share)}) {verb}:"
        f" {directions(rows, quote)}; {rows.mended:,} are {mended}, {rows.broken:,} are {broken}."
    )
    most = next(iter(difference.slices), rows)
    if most.share > rows.share:
        share = f"{most.flipped:,} of {most.rows:,} ({percent(most.share)})"
        text += f" The most where {where(most, quote)}: {share}."
    return text


def where(group: Group, quote: Quote = str) -> str:
    """The rows of a group."""
    return quote(f"{group.column} = {group.value}") if group.column else "all"


def facts(difference: BehaviourChange, quote: Quote = str) -> Iterator[tuple[str, str]]:
    """What else differs: a heading and a sentence each."""
    moves, before, after = difference.moves, difference.before, difference.after
    of = quote(moves.label) if moves.label else "the actual class"
    yield "Score", (
        f"the {'prediction' if moves.of == 'number' else f'probability of {of}'} moves by"
        f" {signed(moves.mean)} on average, by {brief(moves.mean_size)} in size; 90 % of rows by"
        f" {signed(moves.quantiles['0.05'])} to {signed(moves.quantiles['0.95'])}"
    )
    actual = [brief(actual) for actual in dict.fromkeys([before.actual, after.actual])]
    text = f"expected {brief(before.expected)} → {brief(after.expected)}"
    text += f", actual {' → '.join(actual)}"
    if before.error is not None and after.error is not None:
        text += f"; calibration error {brief(before.error)} → {brief(after.error)}"
    yield "Calibration", text
    if difference.value is not None:
        value, change = difference.value, difference.value.change
        yield "Value", (
            f"{brief(value.before)} → {brief(value.after)} for each decision:"
            f" {signed(change.value)} (95 % interval {signed(change.low)} to {signed(change.high)})"
        )
    if difference.importance is None:
        yield "Importance", f"not computed: {difference.metric} is undefined on the sample"
    else:
        changes = [i for i in difference.importance if i.before != i.after][:_MOST_FEATURES]
        parts = ", ".join(f"{quote(i.feature)} {importance_text(i)}" for i in changes)
        loss = f"loss of {difference.metric} when shuffled; the largest changes"
        yield "Importance", f"{parts} ({loss})" if parts else "as before, for each feature"
    for word, names in (("New", difference.new_features), ("Lost", difference.lost_features)):
        if names:
            yield f"{word} features", ", ".join(map(quote, names))
    for column, small in difference.small.items():
        groups = f"{len(small)} group{'s' if len(small) > 1 else ''} of {quote(column)}"
        yield "Left out", f"{groups} under {difference.min_rows} rows: {sum(small):,} rows in all"


def importance_text(change: Importance) -> str:
    """Both importances; a feature that one model does not have has none there."""
    return " → ".join(NONE if v is None else brief(v) for v in (change.before, change.after))


def markdown(behaviour: Behaviour | None) -> str:
    """The section of a pull request's comment; nothing without a champion."""
    if behaviour is None:
        return ""
    lines = [f"#### {TITLE}", "", summary(behaviour, code), ""]
    difference = behaviour.difference
    if difference is None:
        return "\n".join(lines)
    groups = [difference.overall, *(group for group in difference.slices if group.flipped)]
    if difference.overall.flipped:
        good, bad = ("right", "wrong") if difference.tolerance is None else ("nearer", "further")
        lines += [
            f"| rows | | changed | how | now {good} | now {bad} |",
            "|---|--:|--:|---|--:|--:|",
        ]
        for group in groups[: 1 + _MOST_SLICES]:
            share = f"{group.flipped:,} ({percent(group.share)})"
            lines.append(
                f"| {where(group, code)} | {group.rows:,} | {share} | {directions(group, code)}"
                f" | {group.mended:,} | {group.broken:,} |"
            )
        lines.append("")
        if len(groups) > 1 + _MOST_SLICES:
            lines += [f"{len(groups) - 1 - _MOST_SLICES} more groups change: see the report.", ""]
        unchanged = [where(group, code) for group in difference.slices if not group.flipped]
        if unchanged:
            more = len(unchanged) - _MOST_SLICES
            tail = f" and {more} more" if more > 0 else ""
            lines += [f"None changes where {', '.join(unchanged[:_MOST_SLICES])}{tail}.", ""]
    lines += [f"- {title}: {text}." for title, text in facts(difference, code)]
    return "\n".join(lines) + "\n"
