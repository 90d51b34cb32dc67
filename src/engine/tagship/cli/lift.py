"""``tagship lift``: let a rejected version be proposed again."""

from typing import Annotated

import typer

from tagship.cli.models import Model, announce
from tagship.cli.options import DryRun, Json, Sign


def command(
    model: Model,
    what: Annotated[
        str,
        typer.Argument(help="The version (v1.3.0) or deployment (production/5) that is rejected."),
    ],
    reason: Annotated[str, typer.Option(help="Say why it may run again; the history keeps it.")],
    sign: Sign = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Lift the rejection that a rollback made, so that a version may be proposed again."""
    from tagship.cli.output import as_json
    from tagship.cli.verifier import make_verifier
    from tagship.config.root import find_root
    from tagship.gitops.rollback import lift

    root = find_root()
    announce("reading the tags")
    tags = lift(root, model, what, reason, make_verifier(root, sign=sign), dry_run)
    if json:
        return as_json(tags)
    for tag in tags:
        typer.echo(f"{tag.name}: {model}/{what.removeprefix(f'{model}/')} is no longer rejected")
    typer.echo(f"next: tagship propose {model} {what}")
