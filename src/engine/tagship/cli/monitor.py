"""``tagship monitor``: does what runs still see what it was trained on, and is it still right?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import LOADING, Models, announce
from tagship.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagship.monitoring.verdicts import Observation

_WORST_FIRST = ("fail", "error", "warn", "no data", "ok")


def command(
    models: Models = None,
    env: Annotated[
        str | None,
        typer.Option(help="Judge only this environment; `local` is what is served here."),
    ] = None,
    push: Annotated[
        bool, typer.Option("--push", help="Append the answers to the remote's branch monitor.")
    ] = False,
    prometheus: Annotated[
        Path | None, typer.Option(help="Write metrics to this textfile, for node exporter.")
    ] = None,
    pushgateway: Annotated[
        str | None, typer.Option(help="Send metrics to the Pushgateway at this address.")
    ] = None,
    json: Json = False,
) -> None:
    """Judge drift and performance of every model where it runs.

    Each is judged by what its release was locked to; the answers are kept in
    .tagship/monitor/history. The exit code is 0 for ok, 1 for an error, 3 for a failure, 4 for too
    little data and 5 for a warning; of several the worst counts.
    """
    announce(LOADING)
    from datetime import UTC, datetime
    from functools import partial

    from tagship.cli.exit_codes import OF_STATUS
    from tagship.cli.output import as_json
    from tagship.config.project_files import load_model, load_project
    from tagship.config.root import find_root, model_names
    from tagship.monitoring import history
    from tagship.monitoring import prometheus as metrics
    from tagship.monitoring.observe import observe
    from tagship.monitoring.running_models import running_models

    root = find_root()
    project, now = load_project(root), datetime.now(UTC)
    names = model_names(root)
    for name in models or []:
        if name not in names:
            load_model(root, name)  # refuses it
    places = running_models(root, models or names, env)
    observations = [
        history.write_observation(root, observe(root, project, place, now)) for place in places
    ]
    if json:
        as_json([observation.model_dump(mode="json") for observation in observations])
    else:
        _show(observations)
    ways: list[Callable[[], object]] = []
    if prometheus is not None:
        ways.append(partial(metrics.write_textfile, root, prometheus, observations))
    if pushgateway is not None:
        ways.append(partial(metrics.push, root, pushgateway, observations))
    if push:
        entries = [observation.model_dump(mode="json") for observation in observations]
        ways.append(partial(history.publish, root, entries))
    _send(ways)
    statuses = {observation.status for observation in observations}
    raise typer.Exit(OF_STATUS[next(status for status in _WORST_FIRST if status in statuses)])


def _send(ways: "list[Callable[[], object]]") -> None:
    """Send what was found by each way; one that refuses does not stop the others.

    Raises:
        TagshipError: some refused.
    """
    from tagship.errors import TagshipError

    refused = []
    for send in ways:
        try:
            send()
        except TagshipError as error:
            refused.append(str(error))
    if refused:
        raise TagshipError("\n".join(refused))


def _show(observations: "list[Observation]") -> None:
    from tagship.cli.output import table

    head = ("model", "environment", "release", "rows", "drift", "performance", "status")
    rows = (
        (entry.model, entry.environment, entry.release or "-", f"{entry.rows:,}",
         entry.drift["status"] if entry.drift else "-",
         entry.performance.status if entry.performance else "-", entry.status)
        for entry in observations
    )  # fmt: skip
    table(head, rows)
    for entry in observations:
        place = f"{entry.model}/{entry.environment}"
        for reason in [*([entry.error] if entry.error else []), *entry.reasons]:
            typer.echo(f"! {place}: {reason}")
        if entry.skipped:
            counts = ", ".join(f"{n:,} {why}" for why, n in sorted(entry.skipped.items()))
            typer.echo(f"  {place}: left out of the log: {counts}")
