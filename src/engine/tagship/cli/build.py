"""``tagship build``: make the bento of the locked model."""

from typing import Annotated

import typer

from tagship.cli.models import LOADING, Models, announce, load
from tagship.cli.options import Json


def command(
    models: Models = None,
    release: Annotated[
        str, typer.Option(help="Build as this release, such as churn/v1.3.0.")
    ] = "unreleased",
    json: Json = False,
) -> None:
    """Build the bento of the last training, which must be locked and not fail its verdict."""
    announce(LOADING)
    from tagship.bento.build import build_bento
    from tagship.bento.store import store_hint
    from tagship.cli.output import as_json
    from tagship.files import only_one

    answers = []
    chosen = load(models)
    for files in chosen:
        with only_one(files.root, files.name):
            bento = build_bento(files, release)
        where = str(bento.path.relative_to(files.root))
        if json:
            answers.append({"model": files.name, "bento": bento.tag, "path": where})
        else:
            typer.echo(f"{bento.tag}  {where}")
    if json:
        as_json(answers)
    elif chosen:
        typer.echo(store_hint(chosen[0].root))
