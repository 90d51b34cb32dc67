"""Histories of any length, as streams for ``git fast-import``, for benchmarks that need them."""

import subprocess
from datetime import datetime
from hashlib import sha1
from pathlib import Path

WHO = "Ada <ada@example.org>"


def git(folder: Path, *arguments: str, stdin: str = "") -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(
        ["git", *identity, *arguments], cwd=folder, input=stdin, text=True, check=True,
        capture_output=True,
    )  # fmt: skip


def tag(name: str, commit: str, date: datetime, text: str) -> str:
    """An annotated tag of the stream."""
    return f"tag {name}\nfrom {commit}\n{who('tagger', date)}{data(text)}"


def tag_object(name: str, commit: str, date: datetime, text: str) -> str:
    """The hash that Git gives the tag."""
    head = f"object {commit}\ntype commit\ntag {name}\n{who('tagger', date)}\n"
    content = (head + text).encode()
    return sha1(b"tag %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def who(role: str, date: datetime) -> str:
    """A line of the stream: who did it, and when."""
    return f"{role} {WHO} {int(date.timestamp())} +0000\n"


def data(text: str) -> str:
    """A text of the stream."""
    return f"data {len(text.encode())}\n{text}\n"
