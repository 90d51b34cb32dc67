"""Bringing a file here: local paths and URLs through fsspec, cached, checked against a sha256."""

import hashlib
import json
import os
import re
import socket
from pathlib import Path
from typing import Any

from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.files import explain_os_error, kind_of_path, sha256_of_file, write_atomically

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_LOGIN = re.compile(r"([a-zA-Z][\w+.-]*://)[^\s'\"]*@")
_PASSWORD = re.compile(r"(://[^/@:]*:)[^@\s]*(?=@)|([?&]password=)[^&\s]*")
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}


def expand(text: str, what: str) -> str:
    """Replace ``${VAR}`` by the environment's value, which is never shown.

    Raises:
        TagshipError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise TagshipError(f"{what}: the environment variable {match[1]} is not set")
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


def local_file(path: str, root: Path, sha256: str | None = None) -> Path:
    """A local copy of ``path``, a path relative to ``root`` or a URL.

    Raises:
        TagshipError: it is missing, cannot be reached, or is not the file that ``sha256`` names.
    """
    location = expand(path, "source.path")
    if "://" not in location:
        file = Path(os.path.realpath(root / location))  # a loop of links is no error of its own
        kind = kind_of_path(file)
        if kind != "file":
            what = {
                "folder": "is a folder, not a file",
                "other": "is a pipe, socket or device, not a file",
            }.get(kind, "no such file")
            raise TagshipError(f"source.path: {path}: {what}", f"relative paths start at {root}")
    else:
        path = without_password(path)
        file = _download(location, path, root, sha256)
    if sha256 is not None and (actual := sha256_of_file(file)) != sha256:
        raise TagshipError(
            f"source.sha256: {path} is not the declared file: expected {sha256}, found {actual}",
            "restore the file, or declare the new hash after checking what changed",
        )
    return file


def borrow_data(files: ModelFiles, home: Path) -> Path | None:
    """Let a work tree see ``home``'s data file where Git does not have it; gives its path."""
    path = Path(getattr(files.data.source, "path", "") or ".")
    if path.is_absolute() or not (home / path).is_file() or (files.root / path).exists():
        return None
    (files.root / path).parent.mkdir(parents=True, exist_ok=True)
    (files.root / path).symlink_to((home / path).resolve())
    return path


def _download(url: str, shown: str, root: Path, sha256: str | None) -> Path:
    import fsspec

    protocol = url.partition("://")[0]
    folder = root / ".tagship" / "cache" / hashlib.sha256(url.encode()).hexdigest()[:16]
    target = folder / (re.sub(r"[?#].*", "", url).rsplit("/", 1)[-1] or "data")
    stamp = folder / "stamp.json"
    if sha256 is not None and target.is_file() and sha256_of_file(target) == sha256:
        return target
    try:
        filesystem, remote = fsspec.core.url_to_fs(url)
        version = _version(filesystem.info(remote))
        cached = target.is_file() and stamp.is_file()
        if version and cached and json.loads(stamp.read_text()) == version:
            return target
        folder.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            filesystem.get_file(remote, str(partial))
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except (ImportError, ValueError) as error:
        package = _PACKAGES.get(protocol)
        hint = f"install it: uv add {package}" if package else "use file, http, s3, gs or az"
        raise TagshipError(f"source.path: {shown}: {error}", hint) from None
    except Exception as error:  # each remote client has its own family of errors
        raise _explain(error, url, shown, target) from None
    write_atomically(stamp, json.dumps(version))
    return target


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


def _version(info: dict[str, Any]) -> dict[str, str]:
    """What tells one version of a remote file from another; empty when the server says nothing."""
    keys = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated")
    version = {key: str(info[key]) for key in keys if info.get(key)}
    return {**version, "size": str(info.get("size"))} if version else {}
