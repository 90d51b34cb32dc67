"""``tagship build``: make the bento of the locked model."""

from typing import Annotated

import typer

from tagship.cli.models import Models, load


def command(
    models: Models = None,
    release: Annotated[
        str, typer.Option(help="Build as this release, such as churn/v1.3.0.")
    ] = "unreleased",
) -> None:
    """Build the bento of the last training, which must be locked and not fail its verdict."""
    from tagship.bento import build_bento
    from tagship.files import only_one

    for files in load(models):
        with only_one(files.root, files.name):
            bento = build_bento(files, release)
        typer.echo(f"{bento.tag}  {bento.path.relative_to(files.root)}")
