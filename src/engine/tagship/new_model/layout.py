"""What stands above the rows of a delimited file, as far as its first rows tell."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tagship.config.contract import CsvSource
from tagship.contract.values import NUMBER
from tagship.errors import TagshipError
from tagship.new_model.column_words import NULL_WORDS
from tagship.sources.header import UNNAMED, Header, Row, find_header, rows_above

_NUMBER = re.compile(NUMBER)
_YEARS = range(1800, 2200)


@dataclass(frozen=True)
class Layout:
    """How a file's rows begin."""

    settings: dict[str, Any]
    """What the source must declare of it, by key."""
    remarks: list[str]
    """What a person should know of it."""


def find_layout(rows: Sequence[Row], path: str, header: bool | None) -> Layout:
    """Tell titles, units and names of columns from data.

    Args:
        rows: the first of the file, blank ones as ``[]``.
        header: whether the first row names the columns; None where nobody said it.

    Raises:
        TagshipError: the first row may be data, and nobody said whether it is.
    """
    settings: dict[str, Any] = {}
    remarks: list[str] = []
    above = rows_above(rows)
    if above:
        settings["skip"] = above
        said = "line is" if above == 1 else "lines are"
        remarks.append(f"skip {above}: the first {above} {said} no row of the table")
    if header is False:
        return Layout(settings | {"header": False}, [*remarks, "the columns have no names"])
    source = CsvSource(kind="csv", path=path, **settings)
    head = find_header(rows, source)
    below = [row for row in rows[head.rows :] if row]
    if header is None and _looks_like_data(head, below):
        shown = ", ".join(map(repr, head.names[:3]))
        raise TagshipError(
            f"{path}: its first row may be data: {shown}",
            "--no-header calls the columns column_1, column_2 and so on; --header says that these"
            " are their names",
        )
    if _is_second_header(head, below):
        settings |= {"skip": head.rows + 1, "header": False, "names": head.names}
        remarks.append(f"line {head.rows + 1} is left out: a second header, {', '.join(below[0])}")
    if head.names[0] == UNNAMED and UNNAMED not in rows[head.rows - 1]:
        remarks.append(f"{UNNAMED}: the first column has no name, as a written index has none")
    if head.empty:
        remarks.append("each row ends in a comma: the empty last column is left out")
    return Layout(settings, remarks)


def refuse_repeated_header(frame: pd.DataFrame, path: str) -> None:
    """Refuse a table in which its header stands again.

    Raises:
        TagshipError: names the row.
    """
    again = pd.Series(True, index=frame.index)
    for name in frame.columns:
        again &= frame[name].astype("str") == name
    if again.any():
        row = int(again.to_numpy().argmax()) + 1
        raise TagshipError(
            f"{path}: row {row:,} of the data is the header again",
            "take such lines out: several files were joined with their headers",
        )


def _values(rows: Sequence[Row], at: int) -> list[str]:
    """What a column says, without what means a missing value, with a point in its numbers."""
    texts = (row[at].strip().replace(",", ".") for row in rows if at < len(row))
    return [text for text in texts if text and text.lower() not in NULL_WORDS]


def _numeric(rows: Sequence[Row], at: int) -> bool:
    values = _values(rows, at)
    return bool(values) and all(_NUMBER.match(value) for value in values)


def _looks_like_data(head: Header, below: Sequence[Row]) -> bool:
    """Whether each column of numbers has a number for a name; years may be names."""
    columns = [at for at in range(len(head.names)) if _numeric(below, at)]
    names = [head.names[at].strip() for at in columns if head.names[at] != UNNAMED]
    if not names or not all(_NUMBER.match(name) for name in names):
        return False
    years = [int(name) for name in names if name.isdecimal() and int(name) in _YEARS]
    return not (len(years) == len(names) > 1 and sorted(set(years)) == years)


def _is_second_header(head: Header, below: Sequence[Row]) -> bool:
    """Whether the first row below is text in each column that else holds numbers."""
    columns = [at for at in range(len(head.names)) if _numeric(below[1:], at)]
    said = [text for at in columns for text in _values(below[:1], at)]
    return bool(said) and len(below) > 2 and not any(_NUMBER.match(text) for text in said)
