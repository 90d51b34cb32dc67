"""The sections of ``project.yaml`` about what runs: where its logs are, what is owed to users."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from tagship.config.duration import Duration
from tagship.config.frozen import Frozen

_PLACEHOLDER = re.compile(r"(?<!\$)\{(\w*)\}")
Objective = Annotated[float, Field(ge=0.95, lt=1)]
"""Below, the fastest burn rate that alerts could not be reached."""


def _checked(template: str | None, known: set[str]) -> str | None:
    """A path or URL whose placeholders are known ones, the model's name among them."""
    found = set(_PLACEHOLDER.findall(template or ""))
    if unknown := sorted(found - known):
        names = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise ValueError(f"'{{{unknown[0]}}}' is unknown; use {names}")
    if template is not None and "model" not in found:
        raise ValueError("write {model} where the model's name goes: models do not share one")
    return template


class Monitoring(Frozen):
    """Where each environment logs, and where its labels are."""

    log: str | None = None
    """The folder of prediction logs of an environment: a path (relative to the repository's root)
    or URL with {model} and {environment} in it. ${VAR} works."""
    labels: str | None = None
    """A file of labels that arrive apart from the log (csv, parquet or jsonl with request_id, row
    and actual): a path or URL with {model}, and {environment} where they differ."""
    window: Duration = "24h"
    """How far back one look for drift goes: `30m`, `24h`, `7d`."""

    @field_validator("log", "labels")
    @classmethod
    def _places(cls, template: str | None) -> str | None:
        return _checked(template, {"model", "environment"})


class Objectives(Frozen):
    """What the service owes its users over 30 days; alerts fire on how fast it is used up."""

    availability: Objective = 0.999
    """Share of requests that are not answered with a server error."""
    latency_ms: Annotated[float, Field(gt=0)] = 100
    """A request that takes longer is slow."""
    latency_share: Objective = 0.99
    """Share of requests that are not slow."""


class Retrain(Frozen):
    """When `monitor.yml` asks for a new model by pull request."""

    on: list[Literal["drift", "performance"]] = ["drift", "performance"]
    """What must fail for it; an empty list leaves only the schedule."""
    every: Duration | None = None
    """Also when the champion was released longer ago than this: `30d`."""
    min_new_rows: Annotated[int, Field(ge=1)] = 100
    """Fewer rows than this that the champion has not seen: no retraining."""
    data: str | None = None
    """Where the newest file of a model is, for contracts that read one: a path or URL with {model},
    and {year}, {month} and {day} of today (UTC). Without it the contract's own is read again."""

    @field_validator("data")
    @classmethod
    def _place(cls, template: str | None) -> str | None:
        return _checked(template, {"model", "year", "month", "day"})
