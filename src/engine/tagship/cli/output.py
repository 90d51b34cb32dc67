"""How commands print: aligned tables for people, JSON for programs."""

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import typer

from tagship.files import write_atomically


def as_json(value: Any) -> None:
    """Print dataclasses, or lists of them, as JSON."""
    plain = [_plain(item) for item in value] if isinstance(value, list) else _plain(value)
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False, default=str))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under aligned headings."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def append(path: Path | None, text: str) -> None:
    """Add a text to a report, whose folder is made; without a path nothing happens."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)


def quoted(text: str) -> str:
    """A text in Markdown as it stands, whatever it holds."""
    inside = text.replace("```", "'''")
    return f"```text\n{inside}\n```\n"


def pull_request(root: Path, branch: str, title: str, body: str) -> str:
    """The command that opens a pull request for a pushed branch; its text waits in a file."""
    text = root / ".tagship" / "pull-request.md"
    write_atomically(text, body)
    there = str(text.relative_to(root))
    return shlex.join(
        ["gh", "pr", "create", "--head", branch, "--title", title, "--body-file", there]
    )


def _plain(item: Any) -> Any:
    return asdict(item) if is_dataclass(item) and not isinstance(item, type) else item
