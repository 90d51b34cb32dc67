"""``tagship update``: take over what the template changed."""

import typer

from tagship.cli.options import Json


def command(json: Json = False) -> None:
    """Update the engine from the template's newest tag; exit 1 if something is left to do."""
    from tagship.cli.output import as_json
    from tagship.config.root import find_root
    from tagship.gitops.template import update

    done = update(find_root())
    if json:
        as_json(done)
    elif not done.changed:
        typer.echo(f"this project has {done.tag} already: nothing to do")
    else:
        typer.echo(f"updated to {done.tag}: {len(done.changed)} files changed, none committed")
        for what, paths in (
            ("both changed", done.conflicts),
            ("not applied", done.rejected),
            ("not here", done.missing),
        ):
            for path in paths:
                typer.echo(f"  {what}: {path}")
        typer.echo("next: make setup, make run, make test; then commit")
    if not done.clean:
        typer.echo("what to do about each of these: docs/how-to/update.md", err=True)
        raise typer.Exit(1)
