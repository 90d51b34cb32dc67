"""``tagship image``: make a container image of a bento."""

from typing import Annotated

import typer

from tagship.cli.models import Model, load


def command(
    model: Model,
    release: Annotated[
        str, typer.Option(help="The release it was built as, such as churn/v1.3.0.")
    ] = "unreleased",
    push: Annotated[bool, typer.Option("--push", help="Push it, and say its digest.")] = False,
    builder: Annotated[str, typer.Option(help="docker, podman or buildah; else the first.")] = "",
    option: Annotated[list[str] | None, typer.Option(help="Passed on to the builder.")] = None,
) -> None:
    """Build the image of the bento that was built last; --push makes it known by digest."""
    from tagship.gitops.github import write_outputs
    from tagship.image import build_image

    made = build_image(load([model])[0], release, push, builder, tuple(option or ()))
    if made.digest:
        write_outputs({"reference": made.reference, "name": made.name, "digest": made.digest})
    typer.echo(made.reference)
