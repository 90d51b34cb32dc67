"""Reading a person's table before anything is declared about it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from tagship.config.sources import CsvSource, ExcelSource, FileSource, TextSource
from tagship.errors import TagshipError
from tagship.new_model.layout import find_comment, find_layout, refuse_other_rows
from tagship.sources.csv_dialect import first_rows, sniff
from tagship.sources.delimited import CsvFile
from tagship.sources.fetching import local_file
from tagship.sources.formats import ENDINGS_HINT, file_source
from tagship.sources.read import read_source

_TEXT_HINTS = {
    "source.encoding": "say what it is, such as --encoding cp1252, or save the file as UTF-8",
    "source.delimiter": "a target needs a column to predict it from; columns part at , ; tab or |",
    "source.sheet": "say which: --sheet NAME",
}
"""What a person can do who has no data.yaml yet."""


@dataclass(frozen=True)
class Reading:
    """A table as it is in its file, and the source that data.yaml will declare."""

    frame: pd.DataFrame
    source: FileSource
    remarks: Sequence[str] = ()
    """What was noticed about the file itself."""

    @property
    def decimal(self) -> str:
        """The decimal separator of its numbers."""
        return self.source.decimal if isinstance(self.source, CsvSource) else "."

    @property
    def text(self) -> bool:
        """Whether every value is text, nulls included."""
        return isinstance(self.source, CsvSource | ExcelSource)


def read_table(
    location: str,
    root: Path,
    folder: Path,
    encoding: str | None = None,
    header: bool | None = None,
    sheet: str | None = None,
) -> Reading:
    """Read a file or URL, its kind told by its ending.

    Args:
        header: whether the first row of a text or sheet names the columns; None where nobody said.
        sheet: which sheet of a workbook.

    Raises:
        TagshipError: it cannot be read, is no table, or its kind is unknown.
    """
    path = _declared_path(location, root, folder)
    source = file_source(path, root)
    if source is None:
        raise TagshipError(f"--data {location}: its ending does not say what it is", ENDINGS_HINT)
    if encoding is not None and not isinstance(source, CsvSource):
        raise TagshipError(f"--encoding: {source.kind} has none to declare")
    if sheet is not None and not isinstance(source, ExcelSource):
        raise TagshipError(f"--sheet: {source.kind} has no sheets")
    if isinstance(source, CsvSource | ExcelSource):
        options = {"sheet": sheet} if isinstance(source, ExcelSource) else {"encoding": encoding}
        return _read_text(source.model_copy(update=options), root, header)
    if header is False:
        raise TagshipError(f"--no-header: {source.kind} names its columns")
    return Reading(read_source(source, root), source)


def with_nulls(source: FileSource, nulls: list[str]) -> FileSource:
    """The source with its null tokens declared, where the defaults are not enough."""
    return source.model_copy(update={"nulls": nulls}) if nulls else source


def _declared_path(location: str, root: Path, folder: Path) -> str:
    """What data.yaml says: relative to the root where the path was typed so or lies inside."""
    if "://" in location:
        if urlsplit(location).password:
            raise TagshipError(
                "--data: the URL holds a password, which data.yaml would publish",
                "put it into an environment variable and write ${NAME} in its place",
            )
        return location
    if "${" in location:
        return location
    full = Path(os.path.normpath(folder / Path(location).expanduser()))
    if not full.is_file():
        fault = "is a folder" if full.is_dir() else "no such file"
        raise TagshipError(f"--data {location}: {fault}", f"relative paths start at {folder}")
    relative = Path(os.path.relpath(full, root))
    inside = not Path(location).expanduser().is_absolute() or full.is_relative_to(root)
    is_inside = (root / relative).resolve() == full.resolve()
    return relative.as_posix() if inside and is_inside else full.as_posix()


def _read_text(source: TextSource, root: Path, header: bool | None) -> Reading:
    file = local_file(source.path, root)
    try:
        encoding, delimiter = sniff(file, source)
        rows = first_rows(file, source, encoding, delimiter)
        comment = find_comment(file, source, encoding, delimiter)
        layout = find_layout(rows, source, header, comment)
        declared = source.model_copy(update=layout.settings)
        as_it_stands = declared.model_copy(update={"nulls": []})
        frame = read_source(as_it_stands, root)
        refuse_other_rows(frame, CsvFile.inspect(file, as_it_stands))
    except TagshipError as error:
        for key, hint in _TEXT_HINTS.items():
            if key in str(error.args[0]):
                raise TagshipError(str(error.args[0]).replace(f"{key}: ", ""), hint) from None
        raise
    if isinstance(declared, CsvSource):
        declared = declared.model_copy(update={"decimal": _decimal(frame, delimiter)})
    return Reading(frame, declared, layout.remarks)


def _decimal(frame: pd.DataFrame, delimiter: str) -> str:
    """The decimal separator: a comma where more columns have numbers with commas than with points.

    A column that fits both, as ``57,399`` does, is not counted. Where the counts are equal, ``;``
    between columns means a comma: files use it because the comma has another use.
    """
    commas = points = unsure = 0
    for name in frame.columns:
        texts = pd.Series(frame[name].unique(), dtype="str")
        signs = texts[
            texts.str.contains(r"\d", regex=True) & texts.str.contains("[,.]", regex=True)
        ]
        if signs.empty:
            continue
        comma, point = (signs.str.fullmatch(_number(*pair)).mean() for pair in (",.", ".,"))
        if max(comma, point) > 0.9:
            commas += comma > point
            points += point > comma
            unsure += comma == point
    if commas == points and delimiter == ";":
        return "," if commas or unsure else "."
    return "," if commas > points else "."


def _number(decimal: str, thousands: str) -> str:
    """A pattern of numbers that have either of these signs."""
    grouped = rf"[1-9]\d{{0,2}}([{thousands}]\d{{3}})+([{decimal}]\d+)?"
    return rf"(?i)[+-]?(\d*[{decimal}]\d+|\d+[{decimal}]|{grouped})(e[+-]?\d+)?"
