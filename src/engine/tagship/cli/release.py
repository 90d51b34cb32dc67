"""``tagship release``: tag a version of a model."""

from typing import Annotated

import typer

from tagship.cli.models import Model, announce
from tagship.cli.options import DryRun, Json, Sign


def command(
    model: Model,
    version: Annotated[str, typer.Argument(help="The version, such as v1.3.0.")],
    push: Annotated[
        bool, typer.Option("--push", help="Push the tag, which has it deployed.")
    ] = False,
    sign: Sign = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Release a model from a verified lock and a passing verdict, as a tag on the main branch."""
    from tagship.cli.output import as_json
    from tagship.cli.verifier import make_verifier
    from tagship.config.root import find_root
    from tagship.gitops.release import release

    root = find_root()
    announce("reading the tags, then proving the lock")
    tag = release(root, model, version, make_verifier(root, sign=sign), push, dry_run)
    if json:
        return as_json(tag)
    if dry_run:
        return typer.echo(f"would tag {tag.commit[:12]} as {tag.name}:\n\n{tag.message}")
    word = "tagged" if tag.created else "was tagged already"
    typer.echo(f"{tag.name} {word}, commit {tag.commit[:12]}{', pushed' if tag.pushed else ''}")
    typer.echo(f"next: {tag.next}")
