"""How commands print: aligned tables for people, JSON for programs."""

import json
import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tagship.cli.exit_codes import ExitCode
from tagship.files import write_atomically

if TYPE_CHECKING:
    from tagship.monitoring.model_proposal import ModelProposal


def as_json(value: Any) -> None:
    """Print dataclasses, or lists of them, as JSON."""
    plain = [_plain(item) for item in value] if isinstance(value, list) else _plain(value)
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False, default=str, allow_nan=False))


_COLOURS = {
    "green": ("✓", "pass", "ok", "current", "deployed", "same", "true"),
    "yellow": ("!", "?", "warn", "pending"),
    "red": ("✗", "fail", "error", "refused", "NOT what it claims"),
}


def coloured(text: str, display: str = "") -> str:
    """A mark or a status in its colour, and any other text as it is; ``shown`` is its form.

    Only a terminal gets colours, and none where NO_COLOR is set (https://no-color.org).
    """
    colour = next((name for name, words in _COLOURS.items() if text in words), None)
    if colour is None or os.environ.get("NO_COLOR"):
        return display or text
    return typer.style(display or text, fg=colour)


def tell_error(error: object) -> None:
    """Print a refusal on the error stream."""
    typer.echo(f"{coloured('error', 'error:')} {error}", err=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under aligned headings."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        pairs = zip(line, widths, strict=True)
        cells = [coloured(cell, cell.ljust(width)) for cell, width in pairs]
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
    body_file = str(text.relative_to(root))
    return shlex.join(
        ["gh", "pr", "create", "--head", branch, "--title", title, "--body-file", body_file]
    )


def show_proposal(root: Path, proposal: "ModelProposal", push: bool, json: bool) -> None:
    """Print what a command proposes, and what to do next; a refusal ends with its exit code."""
    if json:
        as_json(proposal)
    else:
        typer.echo(f"{proposal.model}: {proposal.state}: {proposal.why}")
    if proposal.branch and not json:
        typer.echo(
            f"{'pushed' if push else 'would push'} {proposal.branch} ({proposal.commit[:12]})\n"
        )
        typer.echo(proposal.body)
        command = proposal.branch.partition("/")[0]
        following = (
            f"git show {proposal.commit[:12]}, then tagship {command} {proposal.model} --push"
        )
        if push:
            following = pull_request(root, proposal.branch, proposal.title, proposal.body)
        typer.echo(f"next: {following}")
    if proposal.state == "refused":
        raise typer.Exit(ExitCode.FAIL)


def _plain(item: Any) -> Any:
    return asdict(item) if is_dataclass(item) and not isinstance(item, type) else item
