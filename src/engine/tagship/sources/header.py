"""Where a delimited file's rows begin, and what their columns are called."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tagship.config.sources import TextSource
from tagship.contract.raw_records import UNNAMED
from tagship.errors import TagshipError

Row = Sequence[str]


@dataclass(frozen=True)
class Header:
    """What stands above the first row of data."""

    names: list[str]
    """One for each value of a row."""
    rows: int
    """Above the first row of data, blank ones counted."""
    empty: frozenset[str] = frozenset()
    """Columns without a name and without a value, as a comma at the end of each row makes them."""
    plain: bool = True
    """Whether the file's first row is this header, name for name."""


def find_header(rows: Sequence[Row], source: TextSource) -> Header:
    """Tell the header from the first rows of a file, blank ones as ``[]``.

    Raises:
        TagshipError: ``skip`` leaves nothing, or ``names`` are not as many as the values.
    """
    top = next((at for at in range(source.skip, len(rows)) if rows[at]), None)
    if top is None:
        raise TagshipError(
            f"source.skip: {source.path}: no row is left after {source.skip}",
            "lower it" if source.skip else "export it again",
        )
    start = top + 1 if source.header else top
    below = [row for row in rows[start:] if row]
    first_row = list(rows[top]) if source.header else []
    width = usual_width(below) or len(first_row)
    names = source.names or first_row or [f"column_{at + 1}" for at in range(width)]
    if source.names is not None and len(names) != width:
        raise TagshipError(
            f"source.names: {len(names)} names for {width} columns", "name each column in order"
        )
    blank = [len(row) == width and not row[-1].strip() for row in below]
    if len(names) == width + 1 and width and not names[-1].strip():
        names = names[:-1]  # a comma that only the header ends in
    elif len(names) == width - 1:
        names = [*names, ""] if blank and all(blank) else ["", *names]
    names = [name.strip() and name for name in names]
    empty: set[str] = set()
    if len(names) == width > 1 and not names[-1] and blank and all(blank):
        names[-1] = f"column_{width}"
        empty.add(names[-1])
    if names and not names[0] and UNNAMED not in names:
        names[0] = UNNAMED
    plain = names == first_row and start == top + 1 and source.skip == 0
    return Header(names, start, frozenset(empty), plain)


def usual_width(rows: Sequence[Row]) -> int:
    """How many values most rows have; 0 without rows."""
    return Counter(len(row) for row in rows if row).most_common(1)[0][0] if any(rows) else 0


def rows_above(rows: Sequence[Row]) -> int:
    """How many rows of a file, with blank ones, stand above its header, as far as one can tell.

    They are shorter than the table's rows, have a value in half of its columns at most, as a
    title in a sheet does, or are comments.
    """
    width, comment = usual_width(rows), False
    for at, row in enumerate(rows):
        if row:  # "#id,x" may be a header; below a comment, what begins so is one, too
            comment = row[0].lstrip().startswith("#") and (comment or len(row) != width)
        filled = [number for number, value in enumerate(row, 1) if value.strip()]
        gaps = width - len(filled)
        several = filled[-1:] > [1] and (len(filled) > gaps or gaps == 1)
        if row and not comment and (several or width == 1) and len(row) >= width - 1:
            return at if any(rows[:at]) else 0
    return 0
