"""``tagship validate``: does the data keep its contract?"""

import typer

from tagship.cli.models import LOADING, Models, announce, load, progress
from tagship.cli.options import Json


def command(models: Models = None, json: Json = False) -> None:
    """Fetch the data and check every rule of data.yaml; every failure is shown."""
    announce(LOADING)
    from functools import partial

    from tagship.cli.output import as_json, tell_error
    from tagship.compute.tasks import open_compute
    from tagship.data.table import check_data
    from tagship.errors import TagshipError
    from tagship.pipeline import validate

    broken = False
    answers: list[dict[str, object]] = []
    chosen = load(models)
    with open_compute(chosen[0].root, progress("compute", err=True)) as compute:
        for files in chosen:
            try:
                check = partial(check_data, compute=compute)
                data = validate(files, progress(files.name, err=True), check)
            except TagshipError as error:
                tell_error(f"{files.name}: {error}")
                answers.append({"model": files.name, "problem": str(error)})
                broken = True
                continue
            about = {"rows": data.rows, "columns": data.columns, "data_sha256": data.sha256}
            answers.append({"model": files.name, **about, "problem": ""})
            if not json:
                typer.echo(
                    f"{files.name}: {data.rows:,} rows, {data.columns} columns keep the contract;"
                    f" data {data.sha256[:12]}"
                )
    if json:
        as_json(answers)
    if broken:
        raise typer.Exit(1)
