"""``tagship history``: what ran when, and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import Model
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
    from tagship.cli.output import as_json, table
    from tagship.config.root import find_root
    from tagship.gitops.status import history, parse_time
    from tagship.gitops.view import look

    events = history(look(find_root()), model, env, parse_time(at) if at else None)
    if json:
        return as_json(events)
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
