"""Reading a person's table before anything is declared about it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from tagship.config.contract import CsvSource
from tagship.errors import TagshipError
from tagship.new_model.layout import find_layout, refuse_repeated_header
from tagship.sources.compression import COMPRESSIONS
from tagship.sources.delimited import first_rows, sniff_csv
from tagship.sources.fetching import local_file
from tagship.sources.formats import FORMATS, FileSource, file_source, format_of
from tagship.sources.read import read_source

_CSV_HINTS = {
    "source.encoding": "say what it is, such as --encoding cp1252, or save the file as UTF-8",
    "source.delimiter": "a target needs a column to predict it from; columns part at , ; tab or |",
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
        return isinstance(self.source, CsvSource)


def read_table(
    location: str,
    root: Path,
    here: Path,
    encoding: str | None = None,
    header: bool | None = None,
) -> Reading:
    """Read a csv, parquet or json file or URL, its kind told by its ending.

    Args:
        header: whether a csv file's first row names the columns; None where nobody said it.

    Raises:
        TagshipError: it cannot be read, is no table, or its kind is unknown.
    """
    path = _declared_path(location, root, here)
    if format_of(path) == "csv":
        return _read_csv(path, root, encoding, header)
    source = file_source(path, root)
    if source is None:
        raise TagshipError(
            f"--data {location}: its ending does not say what it is",
            f"let it end in {', '.join(FORMATS)}; text may be compressed as well:"
            f" {', '.join(COMPRESSIONS)}",
        )
    if encoding is not None:
        raise TagshipError(f"--encoding: a {source.kind} file has none to declare")
    if header is False:
        raise TagshipError(f"--no-header: a {source.kind} file names its columns")
    return Reading(read_source(source, root), source)


def with_nulls(source: FileSource, nulls: list[str]) -> FileSource:
    """The source with its null tokens declared, where the defaults are not enough."""
    return source.model_copy(update={"nulls": nulls}) if nulls else source


def _declared_path(location: str, root: Path, here: Path) -> str:
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
    full = Path(os.path.normpath(here / Path(location).expanduser()))
    if not full.is_file():
        what = "is a folder" if full.is_dir() else "no such file"
        raise TagshipError(f"--data {location}: {what}", f"relative paths start at {here}")
    relative = Path(os.path.relpath(full, root))
    inside = not Path(location).expanduser().is_absolute() or full.is_relative_to(root)
    same = (root / relative).resolve() == full.resolve()
    return relative.as_posix() if inside and same else full.as_posix()


def _read_csv(path: str, root: Path, encoding: str | None, header: bool | None) -> Reading:
    file = local_file(path, root)
    try:
        read_as, delimiter = sniff_csv(file, encoding)
        layout = find_layout(first_rows(file, read_as, delimiter), path, header)
        source = CsvSource(kind="csv", path=path, encoding=encoding, nulls=[], **layout.settings)
        frame = read_source(source, root)
        refuse_repeated_header(frame, path)
    except TagshipError as error:
        for key, hint in _CSV_HINTS.items():
            if key in str(error.args[0]):
                raise TagshipError(str(error.args[0]).replace(f"{key}: ", ""), hint) from None
        raise
    declared = CsvSource(
        kind="csv",
        path=path,
        encoding=encoding,
        decimal=_decimal(frame, delimiter),
        **layout.settings,
    )
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
