"""The JSON lines that services log; those that cannot be read are counted by reason.

Lines may be in any order: each counts by its own time. A time over five minutes ahead of the
reader's clock is wrong. Lines are read in batches of a few megabytes, so that memory does not grow
with the log.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.monitoring.log_files import (
    NOT_REGULAR,
    VANISHED,
    LogFile,
    NotRegular,
    explain_failure,
)
from tagship.sources.compression import BROKEN_COMPRESSION

SCHEMA = 1
_LONGEST = 64 * 1024 * 1024
_MOST_VALUES = 2_000_000
"""In one line: the objects of a decoded line may be twenty times as large as its text."""
_LARGEST = 4 * 1024 * 1024 * 1024
"""Of one file, uncompressed: a file may be sparse, or grow a thousandfold when it is unpacked."""
_BATCH_BYTES, _BATCH_LINES = 4 * 1024 * 1024, 10_000
_LONGEST_TEXT = 256
_TIME = re.compile(r"(?:19[7-9]\d|[2-9]\d{3})-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)

UNFINISHED, CUT, NOT_JSON = "unfinished last line", "cut off", "not JSON"
OLDER, NEWER, NO_ENTRY = "older schema", "newer schema", "not a log line"
TOO_LONG, TOO_LARGE, BROKEN = "too long", "file too large", "broken compression"
FUTURE, REPEATED = "in the future", "repeated"

Entries = list[dict[str, Any]]


def read_entries(file: LogFile, skipped: Counter[str]) -> Iterator[Entries]:
    """The entries of one file, in batches; what cannot be used is counted by reason in ``skipped``.

    Raises:
        TagshipError: it cannot be read.
    """
    with explain_failure(file.folder):
        try:
            with file.open() as handle:
                yield from _batches(handle, skipped)
        except FileNotFoundError:
            skipped[VANISHED] += 1
        except NotRegular:
            skipped[NOT_REGULAR] += 1


def is_text(value: Any) -> bool:
    """Whether a value is a text as the log's ids and names are: neither empty nor long."""
    return type(value) is str and 0 < len(value) <= _LONGEST_TEXT


def utc_times(texts: Sequence[Any]) -> NDArray[np.datetime64]:
    """Times such as ``2026-11-21T10:00:00.123Z``, as the service writes them; NaT for others."""
    readable = [t[:-1] if type(t) is str and _TIME.fullmatch(t) else "NaT" for t in texts]
    try:
        return np.array(readable, dtype="datetime64[ms]")
    except ValueError:
        return np.array([_utc_time(text) for text in readable], dtype="datetime64[ms]")


def utc(time: datetime) -> np.datetime64:
    """A moment as the log's times are held."""
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "ms")


def _utc_time(text: str) -> np.datetime64:
    try:
        return np.datetime64(text, "ms")
    except ValueError:
        return np.datetime64("NaT")


def _batches(handle: Any, skipped: Counter[str]) -> Iterator[Entries]:
    """The entries of one file; those before a place where it is broken are used."""
    batch: Entries = []
    size = 0
    for entry, length in _entries(handle, skipped):
        batch.append(entry)
        size += length
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_LINES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _entries(handle: Any, skipped: Counter[str]) -> Iterator[tuple[dict[str, Any], int]]:
    """Each entry and the length of its line."""
    import msgspec

    decode = msgspec.json.Decoder().decode
    line_ended = True
    for line in _lines(handle, skipped):
        starts_line, line_ended = line_ended, line.endswith(b"\n")
        if not starts_line or (not line_ended and len(line) == _LONGEST) or _many_values(line):
            skipped[TOO_LONG] += starts_line
            continue
        try:
            entry = decode(line)
        except (ValueError, RecursionError):
            skipped[_why(line)] += 1
            continue
        schema = entry.get("schema") if type(entry) is dict else None
        if type(entry) is not dict:
            skipped[NO_ENTRY] += 1
        elif type(schema) is int and schema == SCHEMA:
            yield entry, len(line)
        else:
            skipped[NEWER if type(schema) is int and schema > SCHEMA else OLDER] += 1


def _lines(handle: Any, skipped: Counter[str]) -> Iterator[bytes]:
    """The lines of a file, long ones in pieces, up to where it is too large or broken."""
    bytes_left = _LARGEST
    while bytes_left > 0:
        try:
            line = handle.readline(_LONGEST)
        except BROKEN_COMPRESSION:
            skipped[BROKEN] += 1
            return
        except OSError as error:
            if error.errno is not None:
                raise
            skipped[BROKEN] += 1
            return
        if not line:
            return
        bytes_left -= len(line)
        yield line
    skipped[TOO_LARGE] += 1


def _many_values(line: bytes) -> bool:
    return len(line) > _MOST_VALUES and sum(map(line.count, (b",", b"[", b"{"))) > _MOST_VALUES


def _why(line: bytes) -> str:
    if not line.endswith(b"\n"):
        return UNFINISHED
    text = line.strip()
    return CUT if text.startswith(b"{") and not text.endswith(b"}") else NOT_JSON
