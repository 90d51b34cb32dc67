"""``tagship verify-deployment``: is a tag true?"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import announce
from tagship.cli.options import Json, Registry
from tagship.errors import TagshipError

if TYPE_CHECKING:
    from tagship.gitops.verify import TagVerification


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
    from tagship.cli.output import as_json
    from tagship.cli.verifier import make_verifier
    from tagship.config.root import find_root
    from tagship.gitops.verify import verify, verify_all

    root = find_root()
    announce("reading the tags")
    if not tag:
        if retrain or signed or kind:
            raise TagshipError("--retrain, --signed and --kind are about one tag", "name it")
        verifications = verify_all(root, make_verifier(root, registry))
        if json:
            as_json(verifications)
        else:
            for untrue in (result for result in verifications if not result.ok):
                _tell(untrue)
            true = sum(result.ok for result in verifications)
            typer.echo(f"{true} of {len(verifications)} tags are true")
        raise typer.Exit(0 if all(result.ok for result in verifications) else 1)
    verification = verify(
        root, tag, make_verifier(root, registry), retrain, signed, kind and kind.value
    )
    if json:
        as_json(verification)
    else:
        _tell(verification)
    if not verification.ok:
        raise typer.Exit(1)


def _tell(verification: "TagVerification") -> None:
    from tagship.cli.output import coloured

    for check in verification.checks:
        if check.problem:
            typer.echo(f"{coloured('✗')} not so: {check.what}\n    {check.problem}")
        elif check.not_derived:
            typer.echo(f"{coloured('?')} not derived: {check.what}\n    {check.not_derived}")
        else:
            typer.echo(f"{coloured('✓')} {check.what}")
    if verification.taken:
        typer.echo(f"believed, not derived: {', '.join(verification.taken)}")
    typer.echo(
        f"{verification.name}: {coloured('true' if verification.ok else 'NOT what it claims')}"
    )
