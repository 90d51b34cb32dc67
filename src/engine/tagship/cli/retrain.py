"""``tagship retrain``: the same config on new data, as one pull request."""

from pathlib import Path
from typing import Annotated

import typer

from tagship.cli.models import LOADING, Model, announce
from tagship.cli.options import Json


def command(
    model: Model,
    data: Annotated[
        str | None,
        typer.Option(help="Use this file or URL in place of the contract's, in the proposal only."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Quote in the proposal what `tagship monitor --json` printed into this file."
        ),
    ] = None,
    push: Annotated[
        bool, typer.Option("--push", help="Push the branch; without it, nothing leaves this clone.")
    ] = False,
    json: Json = False,
) -> None:
    """Train the main branch's config on new data, and propose the new lock on a branch.

    Nothing is ever released or deployed. The exit code is 3 when the new model is refused, for too
    little new data, a failing verdict or a version that was rejected.
    """
    announce(LOADING)
    from tagship.cli.exit_codes import ExitCode
    from tagship.cli.models import progress
    from tagship.cli.output import as_json, pull_request
    from tagship.config.root import find_root
    from tagship.monitoring import alerts
    from tagship.monitoring.retrain import retrain

    why = ""
    if report is not None:
        why = alerts.describe(
            entry for entry in alerts.read_entries(report) if entry.model == model
        )
    say = progress(model, err=json)
    root = find_root()
    made = retrain(root, model, data, why, push, say)
    if json:
        as_json(made)
    else:
        typer.echo(f"{model}: {made.state}: {made.why}")
        if made.branch:
            typer.echo(f"{'pushed' if push else 'would push'} {made.branch} ({made.commit[:12]})\n")
            typer.echo(made.body)
            typer.echo(
                f"next: {pull_request(root, made.branch, made.title, made.body)}"
                if push
                else f"next: git show {made.commit[:12]}, then tagship retrain {model} --push"
            )
    if made.state == "refused":
        raise typer.Exit(ExitCode.FAIL)
