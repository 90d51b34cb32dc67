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
    from tagship.cli.models import progress
    from tagship.cli.output import show_proposal
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
    proposal = retrain(root, model, data, why, push, say)
    show_proposal(root, proposal, push, json)
