"""``tagship mirror``: MLflow's aliases follow Git."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import announce
from tagship.cli.options import DryRun, Json

if TYPE_CHECKING:
    from tagship.gitops.mirror import Mlflow


def command(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing, and exit with 1 if anything differs.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Set MLflow's aliases and release tags to what the tags in Git say."""
    from tagship.cli.output import as_json, table
    from tagship.config.root import find_root
    from tagship.errors import TagshipError
    from tagship.gitops.mirror import differences, mirror
    from tagship.gitops.snapshot import fetch_snapshot

    announce("reading the tags")
    snapshot = fetch_snapshot(find_root())
    registry = tracking(snapshot.git.root)
    if registry is None:
        raise TagshipError("there is no MLflow store yet", "run `tagship run` first")
    wrong = differences(snapshot, registry) if check or dry_run else mirror(snapshot, registry)
    if json:
        as_json([difference.to_json() for difference in wrong])
    elif wrong:
        rows = (
            (d.model, d.alias, d.named_version or "-", d.version or "-", d.release or "nothing")
            for d in wrong
        )
        table(("model", "alias", "was", "is to be", "release"), rows)
    else:
        typer.echo("MLflow says what Git says")
    if check and wrong:
        raise typer.Exit(1)


def tracking(root: Path) -> "Mlflow | None":
    """MLflow's registry: MLFLOW_TRACKING_URI, or mlflow.db; None when there is no such file."""
    from tagship.config.root import tracking_uri
    from tagship.gitops.mirror import Mlflow

    uri = tracking_uri(root)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        return None
    return Mlflow(uri)
