"""``tagship validate``: does the data keep its contract?"""

import typer

from tagship.cli.models import LOADING, Models, announce, load
from tagship.cli.options import Json


def command(models: Models = None, json: Json = False) -> None:
    """Fetch the data and check every rule of data.yaml; every failure is shown."""
    announce(LOADING)
    from tagship.cli.output import as_json, tell_error
    from tagship.errors import TagshipError
    from tagship.pipeline import validate

    broken = False
    answers: list[dict[str, object]] = []
    for files in load(models):
        try:
            table = validate(files)
        except TagshipError as error:
            tell_error(f"{files.name}: {error}")
            answers.append({"model": files.name, "problem": str(error)})
            broken = True
            continue
        rows, columns = table.frame.shape
        about = {"rows": rows, "columns": columns, "data_sha256": table.sha256, "problem": ""}
        answers.append({"model": files.name, **about})
        if not json:
            typer.echo(
                f"{files.name}: {rows:,} rows, {columns} columns keep the contract;"
                f" data {table.sha256[:12]}"
            )
    if json:
        as_json(answers)
    if broken:
        raise typer.Exit(1)
