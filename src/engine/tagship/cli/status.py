"""``tagship status``: what runs where."""

from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import announce
from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.gitops.status import ProjectStatus


def command(
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 on any difference.")] = False,
    mlflow: Annotated[bool, typer.Option(help="Ask MLflow too, or not.")] = True,
    cluster: Annotated[
        bool,
        typer.Option(
            "--cluster", help="Compare with what runs in the cluster of kubectl's context."
        ),
    ] = False,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Append what runs to the branch that `history --at` reads."),
    ] = False,
    json: Json = False,
) -> None:
    """Show what every environment of every model runs, and whether main and MLflow agree."""
    from datetime import UTC, datetime

    from tagship.cli.mirror import tracking
    from tagship.cli.output import as_json, table
    from tagship.config.root import find_root
    from tagship.gitops.local_snapshot import fetch_or_local_snapshot
    from tagship.gitops.mirror import releases_by_alias
    from tagship.gitops.snapshot import fetch_snapshot
    from tagship.gitops.status import status
    from tagship.gitops.timeline import BRANCH, append_to_timeline

    root = find_root()
    announce("reading the tags")
    snapshot = fetch_snapshot(root) if keep else fetch_or_local_snapshot(root)
    registry = tracking(snapshot.git.root) if mlflow else None
    runs = None
    if cluster:
        from tagship.gitops.cluster import compare_cluster

        runs = compare_cluster(snapshot)
    state = status(snapshot, releases_by_alias(snapshot, registry) if registry else None, runs)
    if keep:
        typer.echo(
            f"kept: {append_to_timeline(snapshot, datetime.now(UTC))[:12]} on {BRANCH}", err=True
        )
    if json:
        as_json(state)
    elif state.not_asked:
        _show_clone(state)
    else:
        head = ("model", "environment", "runs", "since", "main", "MLflow", "rejected", "cluster")
        columns = len(head) if cluster else len(head) - 1
        rows = (
            (row.model, row.environment, f"{row.runs} ({row.deployment})" if row.runs else "-",
             row.since[:16], row.main, row.mlflow, " ".join(row.rejected), row.cluster)
            for row in state.rows
        )  # fmt: skip
        table(head[:columns], (row[:columns] for row in rows))
        for finding in state.findings:
            typer.echo(f"! {finding}")
    if state.not_asked and snapshot.git.has_remote():
        raise typer.Exit(1)
    if check and (state.findings or not all(row.agrees for row in state.rows)):
        raise typer.Exit(1)


def _show_clone(state: "ProjectStatus") -> None:
    from tagship.cli.output import table

    head = ("model", "environment", "highest tag here", "since", "deploy/ asks for", "lock")
    rows = (
        (row.model, row.environment, f"{row.runs} ({row.deployment})" if row.runs else "-",
         row.since[:16], row.held.asks, row.held.lock)
        for row in state.rows if row.held
    )  # fmt: skip
    table(head, rows)
    for finding in state.findings:
        typer.echo(f"! {finding}")
    typer.echo(f"! no remote was asked, this is what is here: {state.not_asked}")
