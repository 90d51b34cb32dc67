"""``tagship remove``: take a model away."""

from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import Model
from tagship.cli.options import DryRun, Json

if TYPE_CHECKING:
    from pathlib import Path


def command(
    model: Model,
    stopped: Annotated[
        bool, typer.Option("--stopped", help="Say that its Applications were deleted from Argo CD.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Remove a model whole: its config, bento, overlays, features, tests, owners and reports."""
    from tagship.cli.output import as_json
    from tagship.config.root import find_root
    from tagship.new_model.remove_model import plan_removal, remove_model

    root = find_root()
    removal = plan_removal(root, model)
    if removal.paths and not stopped:
        _refuse_running(root, model)
    if (removal.paths or removal.made) and not dry_run:
        remove_model(root, removal)
    if json:
        return as_json(removal)
    if not (removal.paths or removal.made):
        return typer.echo(f"nothing of {model} is here")
    for path in (*removal.paths, *removal.made):
        typer.echo(f"{'would remove' if dry_run else 'removed'} {path}")
    for line in removal.owners:
        typer.echo(f"{'would remove' if dry_run else 'removed'} from CODEOWNERS: {line.strip()}")
    log = root / ".tagship" / "predictions" / model
    if log.is_dir():
        typer.echo(f"kept {log.relative_to(root)}: what it answered is not made again")
    if not dry_run:
        typer.echo("next: git add --all, commit; its releases and deployments stay in the tags")


def _refuse_running(root: "Path", model: str) -> None:
    """Refuse while a tag says that an environment runs the model; without a remote none can."""
    from tagship.config.project_files import load_project
    from tagship.errors import TagshipError
    from tagship.gitops.git import Git
    from tagship.gitops.snapshot import fetch_snapshot

    if not (root / ".git").exists() or not Git(root).has_remote():
        return
    history, project = fetch_snapshot(root).history, load_project(root)
    places = {env for name, env in history.deployments if name == model}
    running = [d for env in sorted(places) if (d := history.current(model, env))]
    if running:
        names = ", ".join(f"{d.tag.environment} runs {d.release} ({d.name})" for d in running)
        services = " and ".join(f"{project.name}-{model}-{d.tag.environment}" for d in running)
        raise TagshipError(
            f"{model} is deployed: {names}",
            f"delete its Applications in Argo CD ({services}), then run this with --stopped",
        )
