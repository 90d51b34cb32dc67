"""``tagship status``: what runs where."""

from typing import Annotated

import typer

from tagship.cli.options import Json


def command(
    check: Annotated[bool, typer.Option("--check", help="Exit 1 on any difference.")] = False,
    mlflow: Annotated[bool, typer.Option(help="Ask MLflow too.")] = True,
    keep: Annotated[
        bool, typer.Option("--keep", help="Append to the branch that `history --at` reads.")
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
    found = status(view, named(view, registry) if registry else None)
    if keep:
        typer.echo(f"kept: {keep_heads(view, datetime.now(UTC))[:12]} on {BRANCH}", err=True)
    if json:
        as_json(found)
    else:
        head = ("model", "environment", "runs", "since", "main", "MLflow", "rejected")
        rows = (
            (row.model, row.environment, f"{row.runs} ({row.deployment})" if row.runs else "-",
             row.since[:16], row.main, row.mlflow, " ".join(row.rejected))
            for row in found.rows
        )  # fmt: skip
        table(head, rows)
        for finding in found.findings:
            typer.echo(f"! {finding}")
    if check and (found.findings or not all(row.agrees for row in found.rows)):
        raise typer.Exit(1)
