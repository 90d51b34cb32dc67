"""What a file is by its ending: text, a workbook, typed columns or JSON."""

import json
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from tagship.config.sources import (
    CsvSource,
    ExcelSource,
    FileSource,
    JsonSource,
    Source,
    TypedSource,
)
from tagship.errors import TagshipError
from tagship.sources.compression import COMPRESSIONS, open_file
from tagship.sources.fetching import local_file

Format = Literal["csv", "excel", "parquet", "arrow", "orc", "avro", "json"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".orc": "orc",
    ".avro": "avro",
}
"""Each ending and what it says, in lower case."""
ENDINGS_HINT = (
    f"let it end in {', '.join(FORMATS)}; text may be compressed as well: {', '.join(COMPRESSIONS)}"
)
_LINES = (".jsonl", ".ndjson")
_COMPRESSIBLE = ("csv", "json")


def format_of(location: str | Path) -> Format | None:
    """The format that a path or URL names by its ending; None where it names none.

    Text may be compressed, as in ``.csv.gz``; other files compress themselves.
    """
    ending, compressed = _endings(str(location))
    kind = FORMATS.get(ending)
    return None if compressed and kind not in _COMPRESSIBLE else kind


def file_source(path: str, root: Path, declared: Source | None = None) -> FileSource | None:
    """The source that data.yaml would declare for a file or URL; None where its ending says none.

    Args:
        declared: the model's own source. Where it is text of the same kind, the file is read with
            its settings, such as the delimiter, nulls or sheet.

    Raises:
        TagshipError: the file must be looked into, and cannot be.
    """
    kind = format_of(path)
    if isinstance(declared, CsvSource | ExcelSource) and declared.kind == kind:
        return declared.model_copy(update={"path": path, "sha256": None})
    match kind:
        case None:
            return None
        case "csv":
            return CsvSource(kind="csv", path=path)
        case "excel":
            return ExcelSource(kind="excel", path=path)
        case "json":
            return JsonSource(kind="json", path=path, lines=_has_record_lines(path, root))
        case _:
            return TypedSource(kind=kind, path=path)


def _has_record_lines(path: str, root: Path) -> bool:
    """Whether a JSON file holds one record a line, rather than one array.

    Raises:
        TagshipError: it cannot be read, or is empty.
    """
    file = local_file(path, root)
    with open_file(file) as handle:
        lines = (line.strip() for line in handle if line.strip())
        first, second = next(lines, b""), next(lines, b"")
    if not first:
        raise TagshipError(f"source.path: {file.name}: the file is empty", "export it again")
    if not first.startswith(b"{"):
        return False
    if _endings(path)[0] in _LINES:
        return True
    try:  # one object of columns, as pandas writes by default, is no record
        nested = any(isinstance(value, dict) for value in json.loads(first).values())
    except ValueError:
        return False
    return second.startswith(b"{") or not nested


def _endings(location: str) -> tuple[str, bool]:
    """The ending that says the format, and whether one of a compression follows it."""
    name = Path(urlsplit(location).path if "://" in location else location).name.lower()
    plain = name
    for ending in COMPRESSIONS:
        plain = plain.removesuffix(ending)
    return Path(plain).suffix, plain != name
