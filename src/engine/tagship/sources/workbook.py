"""A sheet of a workbook as delimited text: what a person sees in its cells, row for row."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagship.config.sources import ExcelSource
from tagship.contract.values import cell_text
from tagship.errors import TagshipError

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_Range = tuple[tuple[int, int], tuple[int, int]]
"""The row and column of the first cell, and those of the last, from 0."""


def sheet_text(path: Path, source: ExcelSource) -> bytes:
    """The sheet as csv in UTF-8: dates in ISO 8601, whole numbers without a point.

    A formula gives the value that was stored with it; an error such as #N/A is empty. Empty rows
    are empty lines; columns without any value are left out. Cells that are merged downwards all
    have the value.

    Raises:
        TagshipError: it is no Excel workbook, or its sheet is not told.
    """
    return _read(path, source)[0]


def refuse_merged_rows(path: Path, source: ExcelSource, above: int) -> None:
    """Refuse cells that are merged across columns below the first ``above`` rows.

    Raises:
        TagshipError: names them.
    """
    for (top, left), (bottom, right) in _read(path, source)[1]:
        if left != right and bottom >= above:
            raise TagshipError(
                f"source.path: {source.path}: row {top + 1} has one cell that is merged from column"
                f" {left + 1} to {right + 1}",
                "split it and fill each cell; rows above the header are left out by `skip`",
            )


def _read(path: Path, source: ExcelSource) -> tuple[bytes, list[_Range]]:
    file = path.stat()
    return _text_and_merged(path, source.path, source.sheet, file.st_mtime_ns, file.st_size)


@lru_cache(maxsize=1)
def _text_and_merged(
    path: Path, shown: str, name: str | None, *version: int
) -> tuple[bytes, list[_Range]]:
    """A sheet is read once, although its first rows are asked for before."""
    sheet = _choose(_open(path, shown), shown, name)
    rows = [[_cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    merged = sheet.merged_cell_ranges
    if merged is None:
        raise TagshipError(
            f"source.path: {shown}: a workbook of this kind does not tell which cells are merged",
            "save it as .xlsx",
        )
    for (top, left), (bottom, right) in merged:
        for row in rows[top + 1 : bottom + 1] if left == right else []:
            row[left] = rows[top][left]
    columns = [at for at in range(len(rows[0])) if any(row[at] for row in rows)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([row[at] for at in columns] if any(row) else [])
    return text.getvalue().encode(), merged


def _open(path: Path, shown: str) -> "CalamineWorkbook":
    try:
        import python_calamine
    except ImportError as error:
        raise TagshipError(
            f"source.path: {shown}: workbooks need the library python-calamine: {error}",
            'uv add "tagship[files]"',
        ) from None
    try:
        return python_calamine.CalamineWorkbook.from_path(path)
    except (python_calamine.CalamineError, OSError) as error:
        raise TagshipError(
            f"source.path: {shown}: not a workbook: {error}",
            "is it complete, and without a password? Save it again",
        ) from None


def _choose(workbook: "CalamineWorkbook", shown: str, name: str | None) -> "CalamineSheet":
    sheets = {title: workbook.get_sheet_by_name(title) for title in workbook.sheet_names}
    filled = [title for title, sheet in sheets.items() if sheet.height]
    if not filled:
        raise TagshipError(f"source.path: {shown}: no sheet has cells", "export it again")
    if name is None and len(filled) == 1:
        return sheets[filled[0]]
    if name not in filled:
        problem = "which sheet?" if name is None else f"no sheet with cells is called {name!r}"
        raise TagshipError(
            f"source.sheet: {shown}: {problem} There are {_listed(filled)}",
            f"declare it, such as `sheet: {filled[0]!r}`",
        )
    return sheets[name]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _cell(value: Any) -> str:
    """A cell's text; a time at midnight is a time."""
    return str(value) if isinstance(value, datetime) else cell_text(value)
