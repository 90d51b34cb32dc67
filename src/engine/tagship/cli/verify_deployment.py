"""``tagship verify-deployment``: is a tag true?"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import announce
from tagship.cli.options import Json, Registry
from tagship.errors import TagshipError

if TYPE_CHECKING:
    from tagship.gitops.verify import Verification


class Kind(StrEnum):
    """Which tags will do."""

    release = "release"
    deployment = "deployment"


def command(
    tag: Annotated[
        str,
        typer.Argument(
            help="The tag of a deployment or a release; all of them when none is named."
        ),
    ] = "",
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train again and compare with the lock.")
    ] = False,
    signed: Annotated[bool, typer.Option("--signed", help="Require a valid signature.")] = False,
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Refuse a tag of the other kind.")
    ] = None,
    registry: Registry = "",
    json: Json = False,
) -> None:
    """Derive again everything that a tag claims, and say what is not so."""
    from tagship.cli.checks import checks
    from tagship.cli.output import as_json
    from tagship.config.root import find_root
    from tagship.gitops.verify import verify, verify_all

    root = find_root()
    announce("asking the remote")
    if not tag:
        if retrain or signed or kind:
            raise TagshipError("--retrain, --signed and --kind are about one tag", "name it")
        every = verify_all(root, checks(root, registry))
        if json:
            as_json(every)
        else:
            for untrue in (each for each in every if not each.ok):
                _tell(untrue)
            typer.echo(f"{sum(each.ok for each in every)} of {len(every)} tags are true")
        raise typer.Exit(0 if all(each.ok for each in every) else 1)
    found = verify(root, tag, checks(root, registry), retrain, signed, kind and kind.value)
    if json:
        as_json(found)
    else:
        _tell(found)
    if not found.ok:
        raise typer.Exit(1)


def _tell(found: "Verification") -> None:
    from tagship.cli.output import coloured

    for check in found.checks:
        if check.problem:
            typer.echo(f"{coloured('✗')} not so: {check.what}\n    {check.problem}")
        elif check.not_derived:
            typer.echo(f"{coloured('?')} not derived: {check.what}\n    {check.not_derived}")
        else:
            typer.echo(f"{coloured('✓')} {check.what}")
    if found.taken:
        typer.echo(f"believed, not derived: {', '.join(found.taken)}")
    typer.echo(f"{found.name}: {coloured('true' if found.ok else 'NOT what it claims')}")
