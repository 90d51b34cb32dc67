"""Files that are written whole or not at all, and their SHA-256."""

import errno
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any, Literal, TypeVar

from tagship.errors import TagshipError

Result = TypeVar("Result")


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write ``content`` to a temporary file beside ``path``, sync it, and rename it over.

    Raises:
        TagshipError: the disk is full or the folder cannot be written; ``path`` is unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        descriptor, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=f".{os.getpid()}"
        )
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise explain_os_error(error, path) from error


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files of ``path`` whose writer was killed."""
    if os.name == "nt":  # there, asking whether a process lives could end it
        return
    for temporary in path.parent.glob(f".{escape(path.name)}.*.*"):
        writer = temporary.suffix[1:]
        if writer.isdigit():
            try:
                os.kill(int(writer), 0)
            except ProcessLookupError:
                temporary.unlink(missing_ok=True)
            except (PermissionError, OverflowError):
                continue


def write_changed(path: Path, content: str) -> bool:
    """``write_atomically`` unless the file says the same already; say whether it was written.

    Raises:
        TagshipError: as ``write_atomically``; a folder that cannot be written is no reason where
            nothing is to change.
    """
    if path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") == content.encode():
        return False
    write_atomically(path, content)
    return True


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as sorted, indented JSON; NaN and infinity are refused."""
    write_atomically(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path, parse: Callable[[Any], Result]) -> Result | None:
    """What ``parse`` makes of a JSON file; None where there is no file that it can take."""
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_under_key(path: Path, key: str, result: Any) -> None:
    """Write what took long to compute, together with the key of all that decides it."""
    write_json(path, {"key": key, "result": result})


def read_under_key(path: Path, key: str, parse: Callable[[Any], Result]) -> Result | None:
    """What ``parse`` makes of a result that was written under this key; else None."""
    return read_json(path, lambda file: parse(file["result"]) if file["key"] == key else None)


def explain_os_error(error: OSError, path: Path) -> TagshipError:
    """A ``TagshipError`` that says what the operating system refused, and for which file."""
    if error.errno == errno.ENOSPC:
        return TagshipError(
            f"{path}: the disk is full; nothing was written", "free some space and run again"
        )
    return TagshipError(f"{path}: {error.strerror or error}", "check the path and its permissions")


def kind_of_path(path: Path | str) -> Literal["file", "folder", "other", "nothing"]:
    """What is at a path, links followed; at a loop of links and at a name too long is nothing.

    Raises:
        OSError: it cannot be told.
    """
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
            return "nothing"
        raise
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "other"


def sha256_of_bytes(content: bytes) -> str:
    """The SHA-256 of ``content`` as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_json(value: object) -> str:
    """The SHA-256 of ``value`` as JSON with sorted keys, as 64 hexadecimal digits."""
    return sha256_of_bytes(json.dumps(value, sort_keys=True).encode())


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file as 64 hexadecimal digits, read in blocks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def only_one(root: Path, what: str) -> Iterator[None]:
    """Hold the lock ``.tagship/locks/<what>``; the system frees it when the process dies.

    Raises:
        TagshipError: another process holds it.
    """
    from filelock import FileLock, Timeout

    path = root / ".tagship" / "locks" / f"{what}.lock"
    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise TagshipError(
            f"another tagship command is working on '{what}' in {root}",
            "wait for it to end, then run this again",
        ) from None
    except OSError as error:
        raise explain_os_error(error, path) from error
    try:
        yield
    finally:
        lock.release()
