"""``tagship history``: what ran when, and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import Model, announce
from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.gitops.status import Event


def command(
    model: Model,
    env: Annotated[str | None, typer.Option(help="Show only this environment.")] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="Show what ran then: at the end of a date, or at a date and time, in UTC."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show every deployment of a model with its release, reason and actor."""
    from tagship.cli.output import as_json
    from tagship.config.root import find_root
    from tagship.gitops.local_snapshot import fetch_or_local_snapshot
    from tagship.gitops.status import history, parse_time

    announce("reading the tags")
    snapshot = fetch_or_local_snapshot(find_root())
    events = history(snapshot, model, env, parse_time(at) if at else None)
    if snapshot.not_asked:
        typer.echo(f"! no remote was asked, this is what is here: {snapshot.not_asked}", err=True)
    if json:
        as_json(events)
    else:
        _show(events, at)
    if snapshot.not_asked and snapshot.git.has_remote():
        raise typer.Exit(1)


def _show(events: "list[Event]", at: str | None) -> None:
    from tagship.cli.output import table

    if not events:
        return typer.echo("no deployment then" if at else "no deployment yet")
    rows = (
        (event.name, event.when[:16], event.action, event.release, event.actor, _why(event))
        for event in events
    )
    table(("deployment", "tagged (UTC, as it says)", "action", "release", "by", "why"), rows)
    places = [event.name.rpartition("/")[0] for event in events]
    for place in sorted({place for place in places if at and places.count(place) > 1}):
        typer.echo(f"{place} changed between the two entries around that time: one of these ran")


def _why(event: "Event") -> str:
    notes = [f"[rejects {event.rejects}]"] if event.rejects else []
    notes += [f"[lifts {event.lifts}]"] if event.lifts else []
    return " ".join([event.reason, *notes]).strip()
