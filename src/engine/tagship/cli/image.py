"""``tagship image``: make a container image of a bento."""

from typing import Annotated

import typer

from tagship.cli.models import Model, load
from tagship.cli.options import Json


def command(
    model: Model,
    release: Annotated[
        str, typer.Option(help="The release it was built as, such as churn/v1.3.0.")
    ] = "unreleased",
    push: Annotated[
        bool, typer.Option("--push", help="Push the image, and say its digest.")
    ] = False,
    builder: Annotated[
        str,
        typer.Option(
            help="The program that builds: docker, podman or buildah; else the first there is."
        ),
    ] = "",
    option: Annotated[
        list[str] | None, typer.Option(help="An option that is passed on to the builder.")
    ] = None,
    json: Json = False,
) -> None:
    """Build the container image of the bento of the lock, and push it if asked to."""
    from tagship.bento.image import build_image
    from tagship.cli.output import as_json
    from tagship.gitops.github import write_outputs

    image = build_image(load([model])[0], release, push, builder, tuple(option or ()))
    if image.digest:
        write_outputs({"reference": image.reference, "name": image.name, "digest": image.digest})
    if json:
        return as_json({**vars(image), "reference": image.reference})
    typer.echo(image.reference)
