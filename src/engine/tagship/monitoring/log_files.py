"""Which files of a folder belong to a log, and opening only those that can be read to their end.

A file is read unless its name says that it began after the window, or its last change that it ended
before it, each with an hour to spare. Links, pipes, sockets and devices are not opened: a link may
lead anywhere, and the others never end.
"""

import io
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from tagship.errors import TagshipError
from tagship.sources.compression import unpack
from tagship.sources.fetching import expand, without_password

AHEAD = timedelta(minutes=5)
"""How far a service's clock may be ahead of the reader's."""
_SPARE = timedelta(hours=1)
_DEPTH = 3
_CHANGED = ("mtime", "LastModified", "last_modified", "updated")
"""A file's last change, as local disks, S3, Azure and Google name it: seconds, a datetime, or text
in ISO 8601; UTC where no zone is given."""
_STAMP = re.compile(r"-(\d{8}T\d{6})\d*-[^/]*\.jsonl")
_NAME = re.compile(r"-.*\.jsonl(\.gz|\.bz2|\.xz)?")

PREDICTIONS, FEEDBACK = "predictions", "feedback"
NOT_REGULAR, OTHER_NAME, TOO_DEEP = "not a regular file", "another file name", "folder too deep"
VANISHED = "file vanished"


class NotRegular(Exception):
    """A link, pipe, socket or device."""


@dataclass(frozen=True)
class Window:
    """The times that are read: from ``since`` up to, not including, ``until``."""

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


@dataclass(frozen=True)
class LogFile:
    """One file of a log; another process may open it, too."""

    folder: str
    """The folder or URL of the whole log, as it was named."""
    filesystem: Any
    path: str

    @contextmanager
    def open(self) -> Iterator[Any]:
        """The file to read bytes from, unpacked.

        Raises:
            NotRegular: it has become a link, pipe, socket or device since it was listed.
        """
        local = "local" in self.filesystem.protocol
        handle = _open_regular(self.path) if local else _open_remote(self.filesystem, self.path)
        with handle, unpack(handle, self.path) as content:
            yield content


def list_log(
    folder: Path | str, kind: str, window: Window, skipped: Counter[str]
) -> Iterator[LogFile]:
    """The ``<kind>-*.jsonl`` files, compressed or not, that may hold what is in the window.

    Args:
        folder: a path or URL, with folders in it or not; one that is not there holds no files.
        kind: ``predictions`` or ``feedback``.
        skipped: files that are not read, by reason; counted here.

    Raises:
        TagshipError: the folder cannot be listed.
    """
    with explain_failure(folder):
        filesystem, root = _open_folder(folder)
        folders: Counter[str] = Counter()
        for info in _list_folder(filesystem, root, folders):
            path = str(info["name"])
            name = path.rsplit("/", 1)[-1]
            if kind not in name.lower():
                continue
            if not _is_log(name, kind):
                skipped[OTHER_NAME] += 1
            elif info["type"] != "file":
                skipped[NOT_REGULAR] += 1
            elif _may_hold(window, _began(name), _changed(info)):
                yield LogFile(str(folder), filesystem, path)
        if kind == PREDICTIONS:  # they are the same for feedback
            skipped.update(folders)


def is_prediction_log(name: str) -> bool:
    """Whether a file's name is that of a log of predictions."""
    return _is_log(name, PREDICTIONS)


def check_folder(folder: Path | str) -> None:
    """Refuse a folder or URL that somebody named and that is not there.

    Raises:
        TagshipError: there is nothing, or it cannot be told.
    """
    with explain_failure(folder):
        filesystem, root = _open_folder(folder)
        exists = filesystem.exists(root)
    if not exists:
        raise TagshipError(
            f"{without_password(str(folder))}: no such file or folder",
            "name a folder or URL of prediction logs, or a table by its ending, such as .csv",
        )


@contextmanager
def explain_failure(folder: Path | str) -> Iterator[None]:
    """Turn whatever a filesystem raises into a ``TagshipError`` about the log in this folder."""
    try:
        yield
    except TagshipError:
        raise
    except Exception as error:  # each remote client has its own family of errors
        reason = str(error) or type(error).__name__
        shown = without_password(str(folder))
        raise TagshipError(f"{shown}: the log cannot be read: {reason}") from None


def _open_folder(folder: Path | str) -> tuple[Any, str]:
    import fsspec

    filesystem, root = fsspec.core.url_to_fs(expand(str(folder), "the log"))
    return filesystem, root


def _is_log(name: str, kind: str) -> bool:
    return name.startswith(kind) and bool(_NAME.fullmatch(name.removeprefix(kind)))


def _list_folder(
    filesystem: Any, folder: str, skipped: Counter[str], depth: int = _DEPTH
) -> Iterator[dict[str, Any]]:
    """The files in a folder and those in it, by name; a folder that is gone holds none."""
    try:
        entries = filesystem.ls(folder, detail=True)
    except FileNotFoundError:
        return
    for info in sorted(entries, key=lambda info: str(info["name"])):
        path = str(info["name"])
        if info["type"] != "directory":
            skipped[NOT_REGULAR] += bool(info.get("islink")) and Path(path).is_dir()
            yield info
        elif path.rstrip("/") == folder.rstrip("/"):
            continue
        elif depth:
            yield from _list_folder(filesystem, path, skipped, depth - 1)
        else:
            skipped[TOO_DEEP] += 1


def _may_hold(window: Window, began: datetime | None, ended: datetime | None) -> bool:
    late = began is not None and began > window.until + _SPARE
    early = window.since is not None and ended is not None and ended < window.since - _SPARE
    return not (late or early)


def _began(name: str) -> datetime | None:
    """When a file was begun, if its name says so."""
    stamp = _STAMP.search(name)
    try:
        return datetime.strptime(f"{stamp[1]}+0000", "%Y%m%dT%H%M%S%z") if stamp else None
    except ValueError:
        return None


def _changed(info: dict[str, Any]) -> datetime | None:
    """When a file last changed; None where its filesystem does not say, or not readably."""
    for key in _CHANGED:
        change = info.get(key)
        try:
            if isinstance(change, int | float):
                return datetime.fromtimestamp(change, UTC)
            moment = datetime.fromisoformat(change) if isinstance(change, str) else change
        except (ValueError, OverflowError, OSError):
            continue
        if isinstance(moment, datetime):
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _open_remote(filesystem: Any, path: str) -> IO[bytes]:
    return io.BufferedReader(filesystem.open(path, "rb"), 1024 * 1024)


def _open_regular(path: str) -> IO[bytes]:
    if not stat.S_ISREG(os.lstat(path).st_mode):  # opening a device may already do something
        raise NotRegular
    flags = ("O_CLOEXEC", "O_NONBLOCK", "O_NOFOLLOW", "O_BINARY")
    descriptor = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in flags))
    handle = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        handle.close()
        raise NotRegular
    return handle
