"""``tagship propose``: a pull request for an environment. It deploys nothing."""

from typing import Annotated

import typer

from tagship.cli.models import Model, announce
from tagship.cli.options import DryRun, Json


def command(
    model: Model,
    version: Annotated[
        str | None,
        typer.Argument(help="The version to propose; without it, only new manifests are."),
    ] = None,
    env: Annotated[
        str | None,
        typer.Option(help="The environment to propose it to; by default the second one."),
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Push a branch whose pull request has an environment run a release; deploy nothing."""
    from tagship.cli.output import as_json, pull_request
    from tagship.config.root import find_root
    from tagship.gitops.propose import propose

    root = find_root()
    announce("reading the tags")
    proposal = propose(root, model, version, env, dry_run)
    if json:
        return as_json(proposal)
    if not proposal.branch:
        return typer.echo("nothing to propose")
    word = "would push" if dry_run else "pushed"
    typer.echo(f"{word} {proposal.branch} ({proposal.commit[:12]})\n")
    typer.echo(proposal.body)
    typer.echo(f"next: {pull_request(root, proposal.branch, proposal.title, proposal.body)}")
