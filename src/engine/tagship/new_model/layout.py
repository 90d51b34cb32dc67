"""What stands above and among the rows of a text or sheet, and is no row of the table."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tagship.config.sources import TextSource
from tagship.contract.raw_records import UNNAMED
from tagship.contract.values import NUMBER
from tagship.errors import TagshipError
from tagship.new_model.column_words import NULL_WORDS
from tagship.sources.csv_dialect import is_comment, open_lines
from tagship.sources.delimited import CsvFile
from tagship.sources.header import Header, Row, find_header, rows_above, usual_width

_NUMBER = re.compile(NUMBER)
_YEARS = range(1800, 2200)
_COMMENT = "#"
_SAMPLE_ROWS = 100
_FOOTER = re.compile(
    r"(?i)((sub|grand )?totals?|sums?|averages?|means?|counts?|end of .*|\d+ (rows|records)\b.*)\W*"
)


@dataclass(frozen=True)
class Layout:
    """How a file's rows begin."""

    settings: dict[str, Any]
    """What the source must declare of it, by key."""
    remarks: list[str]
    """What a person should know of it."""


def find_comment(path: Path, source: TextSource, encoding: str, delimiter: str) -> int:
    """How many lines among the rows begin with ``#`` and are comments.

    They are fewer than the rows, and not as wide, or the rows begin with numbers: ``#12`` may be a
    value as well.
    """
    rows, marked = 0, list[str]()
    sample = list[Row]()
    with open_lines(path, source, encoding) as lines:
        for line in lines:
            if is_comment(line, _COMMENT):
                marked += [line] if rows else []  # those above the header are `skip`
            elif line.strip():
                rows += 1
                sample += csv.reader([line], delimiter=delimiter) if rows < _SAMPLE_ROWS else []
    width = usual_width(sample)
    filled = (line.rstrip(f"\r\n{delimiter}").count(delimiter) + 1 for line in marked)
    clear = any(at != width for at in filled) or _numeric(sample[1:], 0)
    return len(marked) if clear and len(marked) < rows else 0


def find_layout(
    rows: Sequence[Row], source: TextSource, header: bool | None, comments: int = 0
) -> Layout:
    """Tell titles, units and names of columns from data.

    Args:
        rows: the first of the file, blank ones as ``[]``.
        header: whether the first row names the columns; None where nobody said it.
        comments: how many lines among the rows are comments.

    Raises:
        TagshipError: the first row may be data, and nobody said whether it is.
    """
    settings: dict[str, Any] = {}
    remarks: list[str] = []
    path = source.path
    above = rows_above(rows)
    if above:
        settings["skip"] = above
        lines = "line is" if above == 1 else "lines are"
        remarks.append(f"skip {above}: the first {above} {lines} no row of the table")
    if comments:
        settings["comment"] = _COMMENT
        lines = "1 line begins" if comments == 1 else f"{comments:,} lines begin"
        remarks.append(f"comment {_COMMENT}: {lines} so among the rows, and is left out")
        rows = [[] if row and is_comment(row[0], _COMMENT) else row for row in rows]
    if header is False:
        return Layout(settings | {"header": False}, [*remarks, "the columns have no names"])
    head = find_header(rows, source.model_copy(update=settings))
    below = [row for row in rows[head.rows :] if row]
    if header is None and (numbers := _numbers_as_names(head, below)):
        examples = ", ".join(map(repr, numbers[:3]))
        raise TagshipError(
            f"{path}: its first row may be data: {examples} above numbers",
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


def refuse_other_rows(frame: pd.DataFrame, file: CsvFile) -> None:
    """Refuse a table in which its header stands again, or that ends in a footer.

    Args:
        frame: the file's rows, all text.

    Raises:
        TagshipError: names the line.
    """
    again = pd.Series(True, index=frame.index)
    for name in frame.columns:
        again &= frame[name].astype("str") == name
    if again.any():
        row = int(again.to_numpy().argmax()) + 1
        raise TagshipError(
            f"{file.source.path}: line {file.line_of(row):,} is the header again",
            "take such lines out: several files were joined with their headers",
        )
    if len(frame) > 2 and _is_footer(frame):
        last = ", ".join(frame.iloc[-1].astype("str"))
        raise TagshipError(
            f"{file.source.path}: line {file.line_of(len(frame)):,} is no row but a footer: {last}",
            "take it out, or begin it with # to make it a comment",
        )


def _is_footer(frame: pd.DataFrame) -> bool:
    """Whether the last row begins with the word of a sum that no other row has there.

    Where the row has gaps, any text in a column of numbers is such a word.
    """
    last = [text.strip() for text in frame.iloc[-1].astype("str")]
    at = next((at for at, text in enumerate(last) if text), None)
    if at is None or last[at].lower() in NULL_WORDS or _NUMBER.match(last[at]):
        return False
    above = frame.iloc[:-1, at].astype("str").str.strip()
    if _FOOTER.fullmatch(last[at]):
        return not above.eq(last[at]).any()
    filled = pd.Series(above[above != ""].unique(), dtype="str")
    return not all(last) and len(filled) > 0 and bool(filled.str.match(_NUMBER).all())


def _values(rows: Sequence[Row], at: int) -> list[str]:
    """What a column says, without what means a missing value, with a point in its numbers."""
    texts = (row[at].strip().replace(",", ".") for row in rows if at < len(row))
    return [text for text in texts if text and text.lower() not in NULL_WORDS]


def _numeric(rows: Sequence[Row], at: int) -> bool:
    values = _values(rows, at)
    return bool(values) and all(_NUMBER.match(value) for value in values)


def _numbers_as_names(head: Header, below: Sequence[Row]) -> list[str]:
    """The names of the columns of numbers, if each is a number itself; years may be names."""
    columns = [at for at in range(len(head.names)) if _numeric(below, at)]
    names = [head.names[at].strip() for at in columns if head.names[at] != UNNAMED]
    if not all(_NUMBER.match(name) for name in names):
        return []
    years = [int(name) for name in names if name.isdecimal() and int(name) in _YEARS]
    return [] if len(years) == len(names) > 1 and sorted(set(years)) == years else names


def _is_second_header(head: Header, below: Sequence[Row]) -> bool:
    """Whether the first row below is text in each column that else holds numbers."""
    columns = [at for at in range(len(head.names)) if _numeric(below[1:], at)]
    texts = [text for at in columns for text in _values(below[:1], at)]
    return bool(texts) and len(below) > 2 and not any(_NUMBER.match(text) for text in texts)
