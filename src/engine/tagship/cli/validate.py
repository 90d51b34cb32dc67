"""``tagship validate``: does the data keep its contract?"""

import typer

from tagship.cli.models import Models, load


def command(models: Models = None) -> None:
    """Fetch the data and check every rule of data.yaml; all failures are shown, and as JSON."""
    from tagship.errors import TagshipError
    from tagship.pipeline import validate

    broken = False
    for files in load(models):
        try:
            table = validate(files)
        except TagshipError as error:
            typer.echo(f"error: {files.name}: {error}", err=True)
            broken = True
            continue
        rows, columns = table.frame.shape
        typer.echo(
            f"{files.name}: {rows:,} rows, {columns} columns keep the contract;"
            f" data {table.sha256[:12]}"
        )
    if broken:
        raise typer.Exit(1)
