"""``tagship lock``: write and verify the locks."""

from pathlib import Path
from typing import Annotated

import typer

from tagship.cli.models import Models, load, progress
from tagship.cli.options import Json

app = typer.Typer(help="Write and verify model.lock.yaml.", no_args_is_help=True)


@app.command("check")
def check(models: Models = None) -> None:
    """Say which locks are current and which are stale, without training; exit 1 for a stale one."""
    from tagship.cli.checks import lock_current
    from tagship.errors import TagshipError

    stale = False
    for files in load(models):
        try:
            lock_current(files.root, files.name)
        except TagshipError as error:
            typer.echo(f"{files.name}: {error}", err=True)
            stale = True
        else:
            typer.echo(f"{files.name}: current")
    if stale:
        raise typer.Exit(1)


@app.command("verify")
def verify(
    models: Models = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Append what came out as Markdown to this file.")
    ] = None,
) -> None:
    """Retrain and compare: identical, equivalent or different; a stale lock is named.

    What came out is kept for `tagship gate`, `record` and `build`.
    """
    from tagship.cli.output import append, quoted
    from tagship.errors import TagshipError
    from tagship.proofs import retrain_and_keep

    wrong = False
    for files in load(models):
        try:
            proven = retrain_and_keep(files, progress(files.name))
        except TagshipError as error:
            typer.echo(f"error: {error}", err=True)
            said = str(error).replace(f"{files.root}/", "")
            append(markdown, f"The lock of `{files.name}` is refused.\n\n{quoted(said)}\n")
            wrong = True
            continue
        explained = {
            "identical": "identical: the same bytes",
            "equivalent": "equivalent: other bits, the same predictions within 1e-4",
            "different": f"different: {files.lock_path.name}: {proven.difference}",
        }
        said = f"{files.name}: {explained[proven.outcome]}"
        typer.echo(said)
        append(markdown, f"Trained again, compared with its lock:\n\n{quoted(said)}\n")
        wrong |= proven.outcome == "different"
    if wrong:
        raise typer.Exit(1)


@app.command("renew")
def renew(models: Models = None, json: Json = False) -> None:
    """After new libraries or a new engine: renew the locks of models that stay the same.

    Exit 1 when a model does not: run `tagship run` for it and review its new lock.
    """
    from tagship.cli.output import as_json
    from tagship.files import only_one
    from tagship.renewal import renew_lock

    renewals = []
    for files in load(models):
        with only_one(files.root, files.name):
            renewals.append(renew_lock(files, (lambda _: None) if json else progress(files.name)))
    if json:
        as_json(renewals)
    else:
        for renewal in renewals:
            why = f": {renewal.why}" if renewal.why else ""
            typer.echo(f"{renewal.model}: {renewal.state}{why}")
    if any(renewal.state == "review" for renewal in renewals):
        raise typer.Exit(1)


@app.command("write")
def write(models: Models = None) -> None:
    """Write the lock of the last training, if its verdict does not fail."""
    from tagship.files import only_one
    from tagship.pipeline import lock_gated

    for files in load(models):
        with only_one(files.root, files.name):
            change = lock_gated(files)
        typer.echo(f"{files.lock_path.relative_to(files.root)}: {change}")
