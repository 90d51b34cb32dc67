"""``tagship deploy``: tag what a merge asks for. The promotion workflow runs it."""

from typing import Annotated

import typer

from tagship.cli.models import announce, complete_models
from tagship.cli.options import DryRun, Json, Registry, Sign


def command(
    commit: Annotated[str, typer.Option(help="The merged commit; by default that of main.")] = "",
    github: Annotated[
        bool,
        typer.Option("--github", help="Compare the commit with the pull request that brought it."),
    ] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Only this model; may be given again.", autocompletion=complete_models),
    ] = None,
    registry: Registry = "",
    sign: Sign = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Compare the main branch with what runs, and tag every deployment that its rules allow."""
    from tagship.cli.checks import checks
    from tagship.cli.output import as_json, table
    from tagship.config.root import find_root
    from tagship.gitops.deploy import deploy
    from tagship.gitops.github import reviewed

    root = find_root()
    announce("asking the remote")
    proofs = checks(root, registry, sign)
    asked = reviewed if github else None
    found = deploy(root, proofs, commit, asked, dry_run, tuple(model or ()))
    if json:
        as_json(found)
    else:
        rows = ((o.model, o.environment, o.state, o.detail) for o in found)
        table(("model", "environment", "state", ""), rows)
    if any(outcome.state == "refused" for outcome in found):
        raise typer.Exit(1)
