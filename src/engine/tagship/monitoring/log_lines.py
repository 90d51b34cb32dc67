"""The JSON lines that services log: which files, which lines, and what is broken in them.

The rules. A file is read unless its name says that it began after the window, or its last change
that it ended before it, each with an hour to spare. Lines may be in any order: each counts by its
own time. A time over five minutes ahead of the reader's clock is not believed.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tagship.data.fetching import expand, without_password
from tagship.errors import TagshipError

SCHEMA = 1
AHEAD = timedelta(minutes=5)
"""How far a service's clock may be ahead of the reader's."""
_SPARE = timedelta(hours=1)
_LONGEST = 64 * 1024 * 1024
_CHANGED = ("mtime", "LastModified", "last_modified", "updated")
"""A file's last change, as local disks, S3, Azure and Google name it: seconds, a datetime, or text
in ISO 8601; UTC where no zone is given."""
_STAMP = re.compile(r"-(\d{8}T\d{6})\d*-[^/]*\.jsonl$")

UNFINISHED, CUT, NOT_JSON = "unfinished last line", "cut off", "not JSON"
OLDER, NEWER, NO_ENTRY = "older schema", "newer schema", "not a log line"
TOO_LONG, VANISHED, FUTURE = "too long", "file vanished", "in the future"


@dataclass(frozen=True)
class Window:
    """The times that are looked at: from ``since`` up to, not including, ``until``."""

    since: datetime | None
    until: datetime
    now: datetime

    @classmethod
    def of(
        cls, since: datetime | None, until: datetime | None = None, now: datetime | None = None
    ) -> "Window":
        """A window that ends at ``until``, or now."""
        now = now or datetime.now(UTC)
        return cls(since, until or now + AHEAD, now)


def log_lines(
    folder: Path | str, kind: str, window: Window, skipped: Counter[str]
) -> Iterator[dict[str, Any]]:
    """The entries of ``<kind>-*.jsonl`` files that may hold what is in the window.

    Args:
        folder: a path or URL, with folders in it or not; one that is not there holds no files.
        kind: ``predictions`` or ``feedback``.
        skipped: what was passed over, by reason; counted here.

    Raises:
        TagshipError: the folder cannot be read.
    """
    shown = without_password(str(folder))
    try:
        for open_file in _files(expand(str(folder), "the log"), kind, window):
            try:
                with open_file() as handle:
                    yield from _entries(handle, skipped)
            except FileNotFoundError:
                skipped[VANISHED] += 1
    except (OSError, ImportError, ValueError) as error:
        raise TagshipError(f"{shown}: the log cannot be read: {error}") from None


def _files(folder: str, kind: str, window: Window) -> Iterator[Callable[[], Any]]:
    import fsspec

    filesystem, root = fsspec.core.url_to_fs(folder)
    for info in _listed(filesystem, root):
        path = str(info["name"])
        name = path.rsplit("/", 1)[-1]
        if not (name.startswith(f"{kind}-") and name.endswith(".jsonl")):
            continue
        began, ended = _began(name), _changed(info)
        late = began is not None and began > window.until + _SPARE
        early = window.since is not None and ended is not None and ended < window.since - _SPARE
        if not (late or early):
            yield partial(_open, filesystem, path)


def _listed(filesystem: Any, folder: str, depth: int = 3) -> Iterator[dict[str, Any]]:
    """The files in a folder and those in it, by name; a folder that is gone holds none."""
    try:
        found = filesystem.ls(folder, detail=True)
    except FileNotFoundError:
        return
    for info in sorted(found, key=lambda info: str(info["name"])):
        if info["type"] != "directory":
            yield info
        elif depth and str(info["name"]).rstrip("/") != folder.rstrip("/"):
            yield from _listed(filesystem, str(info["name"]), depth - 1)


def _began(name: str) -> datetime | None:
    """When a file was begun, if its name says so."""
    stamp = _STAMP.search(name)
    try:
        return datetime.strptime(f"{stamp[1]}+0000", "%Y%m%dT%H%M%S%z") if stamp else None
    except ValueError:
        return None


def _changed(info: dict[str, Any]) -> datetime | None:
    """When a file last changed, if its filesystem says so in a way that can be read."""
    for key in _CHANGED:
        found = info.get(key)
        try:
            if isinstance(found, int | float):
                return datetime.fromtimestamp(found, UTC)
            moment = datetime.fromisoformat(found) if isinstance(found, str) else found
        except (ValueError, OverflowError, OSError):
            continue
        if isinstance(moment, datetime):
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _open(filesystem: Any, path: str) -> Any:
    if "local" in filesystem.protocol:
        return Path(path).open("rb")
    return io.BufferedReader(filesystem.open(path, "rb"), 1024 * 1024)


def _entries(handle: Any, skipped: Counter[str]) -> Iterator[dict[str, Any]]:
    import msgspec

    decode = msgspec.json.Decoder().decode
    whole = True
    while line := handle.readline(_LONGEST):
        began, whole = whole, line.endswith(b"\n")
        if not began or (not whole and len(line) == _LONGEST):
            skipped[TOO_LONG] += began
            continue
        try:
            entry = decode(line)
        except (ValueError, RecursionError):
            skipped[_why(line)] += 1
            continue
        if type(entry) is not dict:
            skipped[NO_ENTRY] += 1
        elif (schema := entry.get("schema")) == SCHEMA:
            yield entry
        else:
            skipped[NEWER if isinstance(schema, int) and schema > SCHEMA else OLDER] += 1


def _why(line: bytes) -> str:
    if not line.endswith(b"\n"):
        return UNFINISHED
    text = line.strip()
    return CUT if text.startswith(b"{") and not text.endswith(b"}") else NOT_JSON
