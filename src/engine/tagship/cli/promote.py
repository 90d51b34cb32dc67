"""``tagship promote``: propose a release to the next environment."""

from typing import Annotated

import typer

from tagship.cli.models import Model, announce
from tagship.cli.options import DryRun, Json, Registry, Sign


def command(
    model: Model,
    version: Annotated[
        str | None,
        typer.Argument(help="The version to deploy; without it, only new manifests are."),
    ] = None,
    env: Annotated[
        str | None,
        typer.Option(help="The environment to propose it to; by default the second one."),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(help="The release's image as name@sha256:…; needed the first time."),
    ] = None,
    run_id: Annotated[
        str, typer.Option(help="The MLflow run that the release came from.")
    ] = "none",
    registry: Registry = "",
    sign: Sign = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Deploy a release to the first environment, and push a branch that proposes it to the next."""
    from tagship.cli.checks import checks
    from tagship.cli.output import as_json, pull_request
    from tagship.config.root import find_root
    from tagship.gitops.promote import promote

    root = find_root()
    announce("asking the remote")
    proofs = checks(root, registry, sign)
    made = promote(root, model, version, proofs, env, image, run_id, dry_run)
    if json:
        return as_json(made)
    if made.deployed:
        typer.echo(f"deployed: {made.deployed}")
    if not made.branch:
        return typer.echo(
            "nothing to propose" if not dry_run else made.body or "nothing to propose"
        )
    typer.echo(f"{'would push' if dry_run else 'pushed'} {made.branch} ({made.commit[:12]})\n")
    typer.echo(made.body)
    typer.echo(f"next: {pull_request(root, made.branch, made.title, made.body)}")
