"""``tagship verify-deployment``: is a tag true?"""

from typing import Annotated

import typer

from tagship.cli.options import Json, Registry


def command(
    tag: Annotated[str, typer.Argument(help="A deployment's tag, or a release's.")],
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train again and compare with the lock.")
    ] = False,
    signed: Annotated[bool, typer.Option("--signed", help="Require a valid signature.")] = False,
    registry: Registry = "",
    json: Json = False,
) -> None:
    """Derive again everything that a tag claims; exit 1 when any of it is not so."""
    from tagship.cli.checks import checks
    from tagship.cli.output import as_json
    from tagship.config.root import find_root
    from tagship.gitops.verify import verify

    root = find_root()
    found = verify(root, tag, checks(root, registry), retrain, signed)
    if json:
        as_json(found)
    else:
        for check in found.checks:
            typer.echo(f"{'✗' if check.problem else '✓'} {check.what}")
            if check.problem:
                typer.echo(f"    {check.problem}")
        typer.echo(f"{found.name}: {'true' if found.ok else 'NOT what it claims'}")
    if not found.ok:
        raise typer.Exit(1)
