"""``tagship status``: what runs where."""

from typing import Annotated

import typer

from tagship.cli.options import Json


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
    from tagship.gitops.heads import BRANCH, keep_heads
    from tagship.gitops.mirror import named
    from tagship.gitops.status import status
    from tagship.gitops.view import look

    view = look(find_root())
    registry = tracking(view.git.root) if mlflow else None
    runs = None
    if cluster:
        from tagship.gitops.cluster import compare_cluster

        runs = compare_cluster(view)
    found = status(view, named(view, registry) if registry else None, runs)
    if keep:
        typer.echo(f"kept: {keep_heads(view, datetime.now(UTC))[:12]} on {BRANCH}", err=True)
    if json:
        as_json(found)
    else:
        head = ("model", "environment", "runs", "since", "main", "MLflow", "rejected", "cluster")
        shown = len(head) if cluster else len(head) - 1
        rows = (
            (row.model, row.environment, f"{row.runs} ({row.deployment})" if row.runs else "-",
             row.since[:16], row.main, row.mlflow, " ".join(row.rejected), row.cluster)
            for row in found.rows
        )  # fmt: skip
        table(head[:shown], (row[:shown] for row in rows))
        for finding in found.findings:
            typer.echo(f"! {finding}")
    if check and (found.findings or not all(row.agrees for row in found.rows)):
        raise typer.Exit(1)
