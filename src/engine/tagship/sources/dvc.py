"""Data that DVC keeps: Git has a pointer, and the data is held to it, or pulled if it is missing.

The pointer of ``data/x.csv`` is ``data/x.csv.dvc``, that of a folder likewise; a file in a folder
is held with the whole folder. One of which ``.dvcignore`` leaves files out is refused as changed.
"""

import hashlib
import json
import re
import shutil
import sys
import textwrap
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tagship.config.yaml_file import read_yaml
from tagship.errors import TagshipError
from tagship.files import kind_of_path
from tagship.sources.identity import Identity, hold_file
from tagship.subprocesses import run_program

_SECONDS = 3600
_LOGIN = re.compile(r"[^\s/'\"]+@")
_NO_REASON = re.compile(
    r"WARNING: failed to collect.*?\n|WARNING: |ERROR: "
    r"|(failed to pull data from the cloud - )?(Checkout failed|\d+ files failed).*"
    r"|Having any troubles.*",
    re.DOTALL,
)
_MD5 = partial(hashlib.md5, usedforsecurity=False)


@dataclass(frozen=True)
class Pointer:
    """What Git knows of a file or folder that DVC keeps."""

    path: Path
    tracked: Path
    md5: str
    """32 hexadecimal digits; ``.dir`` follows those of a folder."""

    @property
    def matches(self) -> bool:
        """Whether what is there is what this pointer names."""
        is_there = kind_of_path(self.tracked) in ("file", "folder")
        return is_there and content_md5(self.tracked) == self.md5


def find_pointer(file: Path, root: Path) -> Pointer | None:
    """The pointer that names a file, or a folder around it inside ``root``; None where none does.

    Raises:
        TagshipError: the pointer is damaged, or of DVC 2.
    """
    inside = file.is_relative_to(root)
    for tracked in (file, *(file.parents if inside else ())):
        if tracked == root or not tracked.name:
            break
        path = tracked.with_name(f"{tracked.name}.dvc")
        if kind_of_path(path) == "file":
            return _read(path, tracked)
    return None


def restore_tracked(shown: str, file: Path, root: Path, expected: Identity | None) -> Identity:
    """Hold a file to its pointer, if it has one; pull it first where it is missing.

    Raises:
        TagshipError: it is not what the pointer names, or cannot be pulled; or the pointer does not
            name what a lock names (``expected``).
    """
    pointer = find_pointer(file, root)
    if pointer is None:
        return hold_file(shown, {}, expected)
    identity = hold_file(shown, {"dvc": f"md5 {pointer.md5}"}, expected)
    if kind_of_path(file) == "nothing":
        _pull(pointer, shown, root)
    if not pointer.matches:
        place = _inside(pointer.path, root)
        raise TagshipError(
            f"source.path: {shown} is not what {place} names",
            f"take back what it names: `dvc checkout {place}`; or keep what is here:"
            f" `dvc add {_inside(pointer.tracked, root)}`, and commit the pointer",
        )
    return identity


def borrow_cache(tree: Path, home: Path) -> None:
    """Let a work tree pull from ``home``'s cache and with its settings, which Git does not have."""
    for name in ("cache", "config.local"):
        source, link = home / ".dvc" / name, tree / ".dvc" / name
        if source.exists() and link.parent.is_dir() and not link.exists():
            link.symlink_to(source.resolve())


def content_md5(path: Path) -> str:
    """The hash that DVC gives a file, or a folder with all its files."""
    if path.is_dir():
        files = {p.relative_to(path).as_posix(): p for p in path.rglob("*") if p.is_file()}
        listed = [{"md5": content_md5(files[name]), "relpath": name} for name in sorted(files)]
        return f"{_MD5(json.dumps(listed, sort_keys=True).encode()).hexdigest()}.dir"
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, _MD5).hexdigest()


def _read(path: Path, tracked: Path) -> Pointer:
    content = read_yaml(path).plain()
    outs = content.get("outs")
    out = outs[0] if isinstance(outs, list) and len(outs) == 1 else None
    if isinstance(out, dict) and out.get("path") == tracked.name:
        if "hash" not in out and "md5" in out:
            raise TagshipError(
                f"{path}: it is a pointer of DVC 2, which hashes texts in another way",
                "write it as DVC 3 does: `dvc cache migrate --dvc-files`, and commit it",
            )
        if out.get("hash") == "md5" and re.fullmatch(r"[0-9a-f]{32}(\.dir)?", str(out.get("md5"))):
            return Pointer(path, tracked, str(out["md5"]))
    raise TagshipError(
        f"{path}: it is no pointer of DVC 3 to {tracked.name}", f"write it again: dvc add {tracked}"
    )


def _pull(pointer: Pointer, shown: str, root: Path) -> None:
    beside = Path(sys.executable).with_name("dvc")
    program = shutil.which("dvc") or (str(beside) if beside.is_file() else "")
    place = _inside(pointer.path, root)
    if not program:
        raise TagshipError(
            f"source.path: {shown}: no such file; {place} names it, and DVC, which would pull it,"
            " is not installed",
            'install DVC: uv tool install dvc (for a remote of S3: "dvc[s3]")',
        )
    try:
        run_program(root, (program, "pull", "--", place), (), _SECONDS, DVC_NO_ANALYTICS="1")
    except TagshipError as error:
        reason = _LOGIN.sub("", _NO_REASON.sub("", error.args[0]))
        raise TagshipError(
            f"source.path: {shown}: no such file, and `dvc pull {place}` did not bring it:"
            f" {textwrap.shorten(reason, 300, placeholder=' …')}",
            "who has the data runs `dvc push`; check the remote (`dvc remote list`) and its login",
        ) from None


def _inside(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
