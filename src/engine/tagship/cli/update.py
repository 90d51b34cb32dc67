"""``tagship update``: take over what the template changed."""

from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.gitops.update import Update


def command(
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only say which version is out, and which security fixes it has."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Take over the newest version of the template: its engine and its static files.

    A template without versions is followed by its default branch.
    """
    from tagship.cli.output import as_json
    from tagship.config.root import find_root
    from tagship.gitops.template import HELP, check_template
    from tagship.gitops.update import update

    if check:
        newer = check_template(find_root())
        if json:
            return as_json(newer)
        typer.echo(f"{newer.summary}: make update" if newer.summary else "nothing newer is out")
        for fix in newer.security:
            typer.echo(f"  security fix in {fix}")
        return None
    outcome = update(find_root())
    if json:
        as_json(outcome)
    else:
        _print(outcome)
    if not outcome.clean:
        typer.echo(f"what to do about each of these: {HELP}", err=True)
        raise typer.Exit(1)


def _print(outcome: "Update") -> None:
    if outcome.to.branch:
        typer.echo(f"the template has no versions; followed its branch {outcome.to}")
    if not outcome.changed:
        typer.echo(f"this project has {outcome.to} already: nothing to do")
        return
    typer.echo(f"updated to {outcome.to}: {len(outcome.changed)} files changed, none committed")
    for path in outcome.changed:
        typer.echo(f"  {path}")
    typer.echo(f"engine: {outcome.engine or 'as before'}")
    for model, reasons in outcome.retrain.items():
        typer.echo(f"  must be trained again: {model} ({'; '.join(reasons)})")
    for what, paths in (
        ("both changed", outcome.conflicts),
        ("not applied", outcome.rejected),
        ("not here", outcome.missing),
    ):
        for path in paths:
            typer.echo(f"  {what}: {path}")
    typer.echo("next: make setup-all, make run, make test; then commit")
