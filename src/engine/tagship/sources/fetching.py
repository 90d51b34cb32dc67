"""Bringing a file here: local paths and URLs through fsspec, cached, checked against a sha256."""

import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.files import explain_os_error, kind_of_path, sha256_of_file, write_atomically
from tagship.sources.dvc import borrow_cache, content_md5, find_pointer, restore_tracked
from tagship.sources.identity import Identity, hold_file
from tagship.sources.object_store import (
    PACKAGES,
    at_version,
    explain_object,
    file_stamps,
    object_words,
    open_store,
)

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_LOGIN = re.compile(r"([a-zA-Z][\w+.-]*://)[^\s'\"]*@")
_PASSWORD = re.compile(r"(://[^/@:]*:)[^@\s]*(?=@)|([?&]password=)[^&\s]*")


def is_glob(path: str) -> bool:
    """Whether a path or URL names files by a pattern; ``?`` is none, since addresses have it."""
    return "*" in path or "[" in path


def expand(text: str, key: str) -> str:
    """Replace ``${VAR}`` by the environment's value, which is never shown.

    Raises:
        TagshipError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise TagshipError(f"{key}: the environment variable {match[1]} is not set")
        return os.environ[match[1]]

    return _VARIABLE.sub(value, text)


def without_password(url: str) -> str:
    """A URL that may be shown."""
    return _PASSWORD.sub(r"\1\2…", url)


def without_login(text: str) -> str:
    """A text whose addresses name neither user nor password."""
    return _LOGIN.sub(r"\1", text)


def public_address(address: str) -> str:
    """An address, or a path, without user, password and query, which may hold a key."""
    plain = without_login(address)
    return re.split(r"[?#]", plain, maxsplit=1)[0] if "://" in plain else plain


def local_file(path: str, root: Path) -> Path:
    """A local copy of ``path``, a path relative to ``root`` or a URL.

    Raises:
        TagshipError: it is missing, or cannot be reached.
    """
    return identify_file(path, root)[0]


def identify_file(
    path: str, root: Path, sha256: str | None = None, expected: Identity | None = None
) -> tuple[Path, Identity]:
    """A local copy as of ``local_file``, and which version of the file it is.

    Args:
        expected: what a lock says was read: the same is brought here.

    Raises:
        TagshipError: as ``local_file``, or it is not the file that ``sha256`` names, or no longer
            the version that the lock names.
    """
    location = expand(path, "source.path")
    if "://" not in location:
        identity = restore_tracked(path, Path(os.path.normpath(root / location)), root, expected)
        file = Path(os.path.realpath(root / location))  # a loop of links is no error of its own
        kind = kind_of_path(file)
        if kind != "file":
            problem = {
                "folder": "is a folder, not a file",
                "other": "is a pipe, socket or device, not a file",
            }.get(kind, "no such file")
            raise TagshipError(f"source.path: {path}: {problem}", f"relative paths start at {root}")
    else:
        path = without_password(path)
        file, identity = _download(location, path, root, sha256, expected)
    if sha256 is not None and (actual := sha256_of_file(file)) != sha256:
        raise TagshipError(
            f"source.sha256: {path} is not the declared file: expected {sha256}, found {actual}",
            "restore the file, or declare the new hash after checking what changed",
        )
    return file, identity


def borrow_data(files: ModelFiles, home: Path) -> Path | None:
    """Let a work tree see ``home``'s data file, or folder, where Git does not have it; gives its
    path.

    Where the tree has a pointer of DVC to another file, DVC will bring that.
    """
    borrow_cache(files.root, home)
    parts = Path(getattr(files.data.source, "path", "") or ".").parts
    path = Path(*takewhile(lambda part: not is_glob(part), parts))
    if path.is_absolute() or not (home / path).exists() or (files.root / path).exists():
        return None
    pointer = find_pointer(files.root / path, files.root)
    if pointer is not None and pointer.md5 != content_md5(home / path):
        return None
    (files.root / path).parent.mkdir(parents=True, exist_ok=True)
    (files.root / path).symlink_to((home / path).resolve())
    return path


def _download(
    url: str, shown: str, root: Path, sha256: str | None, expected: Identity | None
) -> tuple[Path, Identity]:
    protocol, exact = url.partition("://")[0], at_version(url, expected)
    target = _place(root, exact)
    cached_version = _cached_version(target)
    if sha256 is not None and cached_version is not None and sha256_of_file(target) == sha256:
        return target, _identity(cached_version, protocol, shown, expected)
    explain_errors = partial(_explain_errors, exact, shown, target, expected)
    with explain_errors():
        filesystem, remote = open_store(exact)
        version = _version(filesystem, remote)
    identity = _identity(version, protocol, shown, expected)
    for place in (target, _place(root, url)):
        if version and _cached_version(place) == version:
            return place, identity
    with explain_errors():
        _stamp(target).unlink(missing_ok=True)
        _fetch(filesystem, remote, target, version if protocol in PACKAGES else None)
    write_atomically(_stamp(target), json.dumps(version))
    return target, identity


def _place(root: Path, url: str) -> Path:
    folder = root / ".tagship" / "cache" / hashlib.sha256(url.encode()).hexdigest()[:16]
    return folder / (re.sub(r"[?#].*", "", url).rsplit("/", 1)[-1] or "data")


def _stamp(target: Path) -> Path:
    return target.with_name("stamp.json")


def _cached_version(target: Path) -> dict[str, str] | None:
    """Which version of a remote file was kept; None where none is."""
    stamp = _stamp(target)
    version: dict[str, str] | None = None
    if target.is_file() and stamp.is_file():
        version = json.loads(stamp.read_text())
    return version


@contextmanager
def _explain_errors(
    url: str, shown: str, target: Path, expected: Identity | None
) -> Iterator[None]:
    protocol = url.partition("://")[0]
    try:
        yield
    except TagshipError as error:
        raise error.within(f"source.path: {shown}") from None
    except ImportError as error:
        hint = f"install it: uv add {PACKAGES.get(protocol, protocol)}"
        raise TagshipError(f"source.path: {shown}: {error}", hint) from None
    except ValueError as error:
        hint = "check the address" if protocol in PACKAGES else "use file, http, s3, gs or az"
        raise TagshipError(f"source.path: {shown}: {error}", hint) from None
    except Exception as error:  # each remote client has its own family of errors
        refusal = explain_object(error, shown, expected) if protocol in PACKAGES else None
        raise refusal or _explain(error, url, shown, target) from None


def _fetch(filesystem: Any, remote: str, target: Path, version: dict[str, str] | None) -> None:
    """Bring a file here, whole or not at all, and all of it of the one ``version``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        filesystem.get_file(remote, str(part))
        if version is not None and _version(filesystem, remote) != version:
            raise TagshipError("it was replaced while it was read", "run this again")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _identity(
    version: dict[str, str], protocol: str, shown: str, expected: Identity | None
) -> Identity:
    # Other servers name equal files as they like: a mirror may say another ETag each time.
    return hold_file(shown, object_words(version) if protocol in PACKAGES else {}, expected)


def _explain(error: Exception, url: str, shown: str, target: Path) -> TagshipError:
    # fsspec says "file not found" whatever happened, and keeps the reason as the cause.
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    reason = (str(cause) or type(cause).__name__).replace(url, shown)
    status = getattr(cause, "status", None)
    if status == 404 or (status is None and type(cause) is FileNotFoundError):
        return TagshipError(f"source.path: {shown}: not found (404)", "check the URL")
    if status is not None:
        return TagshipError(
            f"source.path: {shown}: the server refuses: HTTP {status}",
            "check the URL and your credentials",
        )
    foreign = type(cause).__module__.startswith("aiohttp")
    if foreign or isinstance(cause, ConnectionError | TimeoutError | socket.gaierror):
        return TagshipError(
            f"source.path: {shown}: the server cannot be reached: {reason}",
            "check the URL and the network",
        )
    if isinstance(cause, OSError) and cause.errno is not None:
        return explain_os_error(cause, target)
    return TagshipError(
        f"source.path: {shown}: cannot be read: {type(cause).__name__}: {reason}",
        "check the URL, the network and your credentials",
    )


def _version(filesystem: Any, remote: str) -> dict[str, str]:
    """What tells one version of a remote file from another; empty when the server says nothing.

    Raises:
        TagshipError: it is a folder.
    """
    info = filesystem.info(remote)
    if info.get("type") == "directory":
        raise TagshipError("is a folder, not a file", "name a file in it")
    stamps = file_stamps(info)
    return {**stamps, "size": str(info.get("size"))} if stamps else {}
