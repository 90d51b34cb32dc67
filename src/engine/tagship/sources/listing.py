"""The files of a folder, a glob or a URL, and whether they stay what they were.

Hidden ones (``_SUCCESS``, ``.crc``) are left out, as other programs do that read such folders.
"""

import glob
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tagship.errors import TagshipError
from tagship.sources.fetching import is_glob
from tagship.sources.object_store import PACKAGES, explain_object, file_stamps, open_store


class Listing:
    """Files by their places: their paths from the folder that all of them are in."""

    def __init__(self, shown: str, filesystem: Any, folder: str, pattern: str = "") -> None:
        """List the files of ``pattern`` in ``folder``, all of them where it is empty.

        Raises:
            TagshipError: there is none, or it cannot be told.
        """
        self.shown, self.filesystem, self._pattern = shown, filesystem, pattern
        self._listed = time.time_ns()
        self.local = "file" in filesystem.protocol
        real = Path(os.path.realpath(folder)).as_posix() if self.local else folder
        self.folder = real.rstrip("/")
        self.versions = self._list()
        """What tells each file from what stands there at another time, by its place, in order."""
        if not self.versions:
            hint = "hidden files, and those that begin with `_`, do not count"
            raise self.refusal("no Parquet file is there", hint)

    def check_unchanged(self) -> None:
        """Refuse files that are no longer what they were when they were listed.

        Raises:
            TagshipError: names the first that was added, removed or rewritten.
        """
        before, now = self.versions, self._list()
        changed = min((p for p in before | now if before.get(p) != now.get(p)), default=None)
        if changed is not None:
            change = "rewritten" if changed in now else "removed"
            raise self.refusal(
                f"{changed}: was {change if changed in before else 'added'} while it was read",
                "run this again when nothing writes there",
            )

    def refusal(self, message: str, hint: str = "") -> TagshipError:
        """An error that names the data set."""
        return TagshipError(f"source.path: {self.shown}: {message}", hint)

    def _list(self) -> dict[str, str]:
        find = self.filesystem.find
        self.filesystem.invalidate_cache()
        with explain_errors(self.shown, "the files"):
            if self._pattern:
                sought = f"{glob.escape(self.folder)}/{self._pattern}"
                entries = self.filesystem.glob(sought, detail=True)
                for name in [n for n, info in entries.items() if info["type"] == "directory"]:
                    entries |= find(name, detail=True)
            else:
                entries = find(self.folder, detail=True)
        places = {name[len(self.folder) + 1 :]: info for name, info in sorted(entries.items())}
        return {
            place: self._version(place, info)
            for place, info in places.items()
            if info["type"] != "directory" and not _is_hidden(place)
        }

    def _version(self, place: str, info: Mapping[str, Any]) -> str:
        if not self.local:
            stamps = [f"{key}={value}" for key, value in file_stamps(info).items()]
            # What says no more than its size is never taken for what it was another time.
            return " ".join([f"size={info.get('size')}", *(stamps or [f"listed={self._listed}"])])
        path = Path(self.folder, place)
        if not path.is_file():  # a link to a folder would be left out silently
            raise self.refusal(f"{place}: is no file, or a link to none", "take it out")
        status = path.stat()
        return f"size={status.st_size} mtime={status.st_mtime_ns}"


def locate(where: str, root: Path) -> tuple[Any, str]:
    """The file system of a path or URL, as fsspec has it, and the path there."""
    return open_store(where if "://" in where else Path(root.resolve(), where).as_posix())


def split_glob(path: str) -> tuple[str, str]:
    """The folder of a glob, and what is sought there; names of columns are part of the latter."""
    parts = path.split("/")
    places = (at for at, part in enumerate(parts) if is_glob(part) or "=" in part)
    first = next(places, len(parts) - 1)
    return "/".join(parts[:first]), "/".join(parts[first:])


def _is_hidden(place: str) -> bool:
    marked = (part[0] in "._" and "=" not in part for part in place.split("/") if part)
    return place.endswith((".crc", "/")) or any(marked)


@contextmanager
def explain_errors(
    shown: str, place: str, check: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Say of which file an error is; ``check`` may know a better reason.

    Raises:
        TagshipError: instead of any other error.
    """
    try:
        yield
    except TagshipError as error:
        within = f"source.path: {shown}"
        raise (
            error if str(error).startswith(within) else error.within(f"{within}: {place}")
        ) from None
    except Exception as error:  # each remote client has its own family of errors
        check()
        store, reason = shown.partition("://")[0], (str(error) or type(error).__name__)
        if store in PACKAGES and (refusal := explain_object(error, f"{shown}: {place}", None)):
            raise refusal from None
        hint = "is it complete, and Parquet? Export it again, or take it out"
        if isinstance(error, ImportError):
            hint = f"install it: uv add {PACKAGES.get(store, store)}"
        raise TagshipError(
            f"source.path: {shown}: {place}: cannot be read: {reason.splitlines()[0]}", hint
        ) from None
