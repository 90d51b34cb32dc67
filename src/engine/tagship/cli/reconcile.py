"""``tagship reconcile``: tag what a release or a merge asks for. The workflows run it."""

from typing import Annotated

import typer

from tagship.cli.models import announce, complete_models
from tagship.cli.options import DryRun, Json, Registry, Sign
from tagship.errors import TagshipError


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
    release: Annotated[
        str, typer.Option(help="Only deploy this release to the first environment.")
    ] = "",
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
    """Compare releases and the main branch with what runs, and tag what the rules allow."""
    from tagship.cli.output import as_json, table
    from tagship.cli.verifier import make_verifier
    from tagship.config.root import find_root
    from tagship.gitops.github import find_review
    from tagship.gitops.reconcile import reconcile
    from tagship.gitops.reconcile_release import reconcile_release

    if release and (commit or github or model):
        raise TagshipError("--release is not for --commit, --github or --model", "leave those out")
    if (image or run_id != "none") and not release:
        raise TagshipError("--image and --run-id are about one release", "name it: --release")
    root = find_root()
    announce("reading the tags")
    verifier = make_verifier(root, registry, sign)
    if release:
        outcomes = reconcile_release(root, release, verifier, image, run_id, dry_run)
    else:
        asked = find_review if github else None
        outcomes = reconcile(root, verifier, commit, asked, dry_run, tuple(model or ()))
    if json:
        as_json(outcomes)
    else:
        rows = ((o.model, o.environment, o.state, o.detail) for o in outcomes)
        table(("model", "environment", "state", ""), rows)
    if any(outcome.state == "refused" for outcome in outcomes):
        raise typer.Exit(1)
