"""The dialect of delimited text: its bytes, encoding, delimiter, comments and first rows."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from tagship.config.sources import ExcelSource, TextSource
from tagship.errors import TagshipError
from tagship.sources.compression import open_file
from tagship.sources.header import Row, usual_width
from tagship.sources.workbook import sheet_text

DELIMITERS = ",;\t|"
_SAMPLE_BYTES = 64 * 1024
_SAMPLE_ROWS = 100
_LINES_AT_ONCE = 4096


@contextmanager
def open_bytes(path: Path, source: TextSource) -> Iterator[BinaryIO]:
    """The text of a file, decompressed, or of a sheet, with its comments.

    Raises:
        TagshipError: it cannot be read, or is no workbook; also while it is read.
    """
    if isinstance(source, ExcelSource):
        yield io.BytesIO(sheet_text(path, source))
        return
    with open_file(path) as file:
        yield file


@contextmanager
def open_lines(path: Path, source: TextSource, encoding: str) -> Iterator[io.TextIOWrapper]:
    """The same, decoded; each line keeps its end.

    Raises:
        TagshipError: as ``open_bytes``; it is not text in this encoding, or that is none.
    """
    try:
        with (
            open_bytes(path, source) as file,
            io.TextIOWrapper(file, encoding=encoding, newline="") as lines,
        ):
            yield lines
    except (UnicodeDecodeError, LookupError) as error:
        raise not_text(path.name, encoding, error) from None


@contextmanager
def open_content(path: Path, source: TextSource, encoding: str) -> Iterator[tuple[Any, str]]:
    """The bytes of the text, and their encoding; a line of a comment is an empty one.

    Raises:
        TagshipError: as ``open_bytes``, and of comments as ``open_lines``.
    """
    if source.comment is None:
        with open_bytes(path, source) as file:
            yield file, encoding
        return
    with open_lines(path, source, encoding) as lines:
        encoded = (line.encode() for line in blank_comments(lines, source.comment))
        yield io.BufferedReader(cast(io.RawIOBase, _Stream(encoded))), "utf-8"


def blank_comments(lines: Iterable[str], comment: str | None) -> Iterator[str]:
    """Lines, with an empty one for each comment; within quotes, no line is one."""
    quoted = False
    for line in lines:
        if comment and not quoted and is_comment(line, comment):
            yield line[len(line.rstrip("\r\n")) :]
            continue
        quoted ^= line.count('"') % 2 == 1
        yield line


def is_comment(line: str, comment: str) -> bool:
    """Whether a line begins with the character of comments, spaces aside."""
    return line.lstrip(" ").startswith(comment)


class _Stream(io.RawIOBase):
    """The bytes of an iterator."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._rest = parts, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or b"".join(islice(self._parts, _LINES_AT_ONCE))
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def sniff(path: Path, source: TextSource) -> tuple[str, str]:
    """The encoding and delimiter of a text: declared, or told from its beginning.

    Raises:
        TagshipError: the file is empty or not text in that encoding.
    """
    with open_bytes(path, source) as handle:
        sample = handle.read(_SAMPLE_BYTES)
    if not sample.strip():
        raise TagshipError(f"source.path: {path.name}: the file is empty", "export it again")
    encoding = source.encoding or _encoding(sample)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except (UnicodeDecodeError, LookupError) as error:
        raise not_text(path.name, encoding, error) from None
    if not text.strip():  # a byte order mark and no more
        raise TagshipError(f"source.path: {path.name}: the file is empty", "export it again")
    lines = text.splitlines()[:50]
    lines = lines[:-1] if len(sample) == _SAMPLE_BYTES and len(lines) > 1 else lines

    def columns(delimiter: str) -> tuple[float, int]:
        rows = list(csv.reader(lines, delimiter=delimiter))
        width, full = usual_width(rows), [row for row in rows if row]
        return (sum(len(row) == width for row in full) / len(full), width)

    scored = {delimiter: columns(delimiter) for delimiter in DELIMITERS}
    several = [delimiter for delimiter in DELIMITERS if scored[delimiter][1] > 1]
    best = max(several, key=lambda delimiter: scored[delimiter], default=",")
    return encoding, source.delimiter or best


def _encoding(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if sample.startswith(codecs.BOM_UTF8) else "utf-8"


def first_rows(path: Path, source: TextSource, encoding: str, delimiter: str) -> list[Row]:
    """The first rows of a text, blank ones and comments as ``[]``.

    Raises:
        TagshipError: it is not text in this encoding, or the delimiter is none.
    """
    try:
        with open_lines(path, source, encoding) as lines:
            rows = csv.reader(blank_comments(lines, source.comment), delimiter=delimiter)
            return list(_readable(rows))
    except (csv.Error, TypeError) as error:
        raise TagshipError(f"source.delimiter: {delimiter!r}: {error}", "one character") from None


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The first rows, until one is too long for a sample, as a quote makes it that never ends."""
    for number in range(_SAMPLE_ROWS):
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            if number:
                return
            raise


def not_text(name: str, encoding: str, error: Exception) -> TagshipError:
    """The error of a file that is not text in this encoding."""
    return TagshipError(
        f"source.encoding: {name} is not {encoding}: {error}",
        "declare it, such as `encoding: latin-1` or `encoding: cp1252`",
    )
