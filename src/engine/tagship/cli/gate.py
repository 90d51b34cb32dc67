"""``tagship gate``: judge the last training by every gate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import Models, load, progress

if TYPE_CHECKING:
    from tagship.gates.verdict import Verdict


def command(
    models: Models = None,
    json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
    markdown: Annotated[
        Path | None, typer.Option(help="Append the verdicts as Markdown to this file.")
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(help="Judge against the champion that this release's tag names."),
    ] = None,
) -> None:
    """Judge by every gate of thresholds.yaml; exit 1 when one fails."""
    from tagship.cli.output import append
    from tagship.files import only_one
    from tagship.gates.verdict import markdown as as_markdown
    from tagship.pipeline import gate_model

    verdicts = []
    for files in load(models):
        with only_one(files.root, files.name):
            verdicts.append(gate_model(files, progress(files.name, err=True), release))
    if json:
        typer.echo("[" + ",\n".join(v.model_dump_json(indent=2) for v in verdicts) + "]")
    else:
        for verdict in verdicts:
            show(verdict)
    append(markdown, "\n".join(as_markdown(verdict) for verdict in verdicts))
    if any(verdict.status == "fail" for verdict in verdicts):
        raise typer.Exit(1)


def show(verdict: "Verdict") -> None:
    """Print one verdict as a table."""
    from tagship.cli.output import table
    from tagship.gates.verdict import SYMBOLS
    from tagship.numbers import brief

    champion = f"champion {verdict.champion}" if verdict.champion else "no champion yet"
    typer.echo(
        f"{verdict.model}: {verdict.status} (artifact {verdict.artifact_sha256[:12]}, {champion})"
    )
    rows = [
        (
            SYMBOLS[r.status],
            r.gate,
            r.subject,
            "not computed" if r.value is None else brief(r.value),
            r.limit,
            r.detail,
        )
        for r in verdict.results
    ]
    table((" ", "gate", "what", "value", "limit", ""), rows)
    typer.echo("")
