"""``tagship rollback``: run again what ran before."""

from typing import Annotated

import typer

from tagship.cli.models import Model, announce
from tagship.cli.options import DryRun, Json, Registry, Sign


def command(
    model: Model,
    reason: Annotated[str, typer.Option(help="Say why; the history keeps it.")],
    env: Annotated[str, typer.Option(help="The environment to roll back.")] = "production",
    to: Annotated[
        int | None,
        typer.Option(help="The number of the deployment to run again; by default the one before."),
    ] = None,
    registry: Registry = "",
    sign: Sign = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Run again what ran before, without a build, and reject the version that it replaces."""
    from tagship.cli.output import as_json, pull_request
    from tagship.cli.verifier import make_verifier
    from tagship.config.root import find_root
    from tagship.gitops.rollback import rollback

    root = find_root()
    announce("reading the tags")
    outcome = rollback(root, model, env, reason, make_verifier(root, registry, sign), to, dry_run)
    if json:
        return as_json(outcome)
    if dry_run:
        return typer.echo(f"would tag {outcome.tag.commit[:12]}:\n\n{outcome.tag.message}")
    word = "" if outcome.tag.created else " (made before)"
    rejected = f"; rejected: {outcome.rejects}" if outcome.rejects else ""
    typer.echo(f"{outcome.tag.name}{word}: {env} runs {outcome.release}{rejected}")
    for note in outcome.notes:
        typer.echo(note, err=True)
    if outcome.branch:
        typer.echo(f"next: {pull_request(root, outcome.branch, outcome.title, outcome.body)}")
