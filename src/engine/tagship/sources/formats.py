"""What a file is by its ending: delimited text, Parquet or JSON."""

import json
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from tagship.config.contract import CsvSource, JsonSource, ParquetSource
from tagship.errors import TagshipError
from tagship.sources.compression import COMPRESSIONS, open_file
from tagship.sources.fetching import local_file

Format = Literal["csv", "parquet", "json"]
FileSource = CsvSource | ParquetSource | JsonSource

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
"""Each ending and what it says, in lower case."""
_LINES = (".jsonl", ".ndjson")


def format_of(location: str | Path) -> Format | None:
    """The format that a path or URL names by its ending; None where it names none.

    Text may be compressed, as in ``.csv.gz``; Parquet compresses itself.
    """
    ending, compressed = _endings(str(location))
    kind = FORMATS.get(ending)
    return None if compressed and kind == "parquet" else kind


def file_source(path: str, root: Path) -> FileSource | None:
    """The source that data.yaml would declare for a file or URL; None where its ending says none.

    Raises:
        TagshipError: the file must be looked into, and cannot be.
    """
    match format_of(path):
        case "csv":
            return CsvSource(kind="csv", path=path)
        case "parquet":
            return ParquetSource(kind="parquet", path=path)
        case "json":
            return JsonSource(kind="json", path=path, lines=_has_record_lines(path, root))
    return None


def _has_record_lines(path: str, root: Path) -> bool:
    """Whether a JSON file holds one record a line, rather than one array.

    Raises:
        TagshipError: it cannot be read, or is empty.
    """
    file = local_file(path, root)
    with open_file(file) as handle:
        first = next((line.strip() for line in handle if line.strip()), b"")
    if not first:
        raise TagshipError(f"source.path: {file.name}: the file is empty", "export it again")
    if not first.startswith(b"{"):
        return False
    if _endings(path)[0] in _LINES:
        return True
    try:  # one object of columns, as pandas writes by default, is no record
        return not any(isinstance(value, dict) for value in json.loads(first).values())
    except ValueError:
        return False


def _endings(location: str) -> tuple[str, bool]:
    """The ending that says the format, and whether one of a compression follows it."""
    name = Path(urlsplit(location).path if "://" in location else location).name.lower()
    plain = name
    for ending in COMPRESSIONS:
        plain = plain.removesuffix(ending)
    return Path(plain).suffix, plain != name
