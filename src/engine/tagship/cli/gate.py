"""``tagship gate``: judge the last training by every gate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import LOADING, Models, announce, load, progress
from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.pipeline import Judgement
    from tagship.verdict import Verdict


def command(
    models: Models = None,
    json: Json = False,
    markdown: Annotated[
        Path | None, typer.Option(help="Append the verdicts as Markdown to this file.")
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(help="Judge against the champion that this release's tag names."),
    ] = None,
) -> None:
    """Judge the last training by every gate of thresholds.yaml."""
    announce(LOADING)
    from tagship.behaviour import words
    from tagship.cli.output import append, as_json
    from tagship.files import only_one
    from tagship.pipeline import gate_model
    from tagship.verdict import markdown as as_markdown

    judged = []
    for files in load(models):
        with only_one(files.root, files.name):
            judged.append(gate_model(files, progress(files.name, err=True), release))
    if json:
        as_json([_plain(judgement) for judgement in judged])
    else:
        for judgement in judged:
            show(judgement.verdict)
            if judgement.behaviour is not None:
                typer.echo(f"{words.TITLE} {words.summary(judgement.behaviour)}\n")
    sections = [[as_markdown(j.verdict), words.markdown(j.behaviour)] for j in judged]
    append(markdown, "\n".join(text for texts in sections for text in texts if text))
    if any(judgement.verdict.status == "fail" for judgement in judged):
        raise typer.Exit(1)


def _plain(judgement: "Judgement") -> dict[str, object]:
    verdict, behaviour = judgement.verdict, judgement.behaviour
    return {
        **verdict.model_dump(mode="json"),
        "status": verdict.status,
        "behaviour": behaviour.model_dump(mode="json") if behaviour else None,
    }


def show(verdict: "Verdict") -> None:
    """Print one verdict as a table."""
    from tagship.cli.output import coloured, table
    from tagship.formatting import brief
    from tagship.verdict import SYMBOLS

    champion = f"champion {verdict.champion}" if verdict.champion else "no champion yet"
    typer.echo(
        f"{verdict.model}: {coloured(verdict.status)}"
        f" (artifact {verdict.artifact_sha256[:12]}, {champion})"
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
