"""The sections of ``project.yaml`` about what runs: where its logs are, what is owed to users."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from tagship.config.duration import Duration
from tagship.config.frozen import Frozen

_PLACEHOLDER = re.compile(r"(?<!\$)\{(\w*)\}")
_KNOWN = {"model", "environment"}
Inside = Annotated[float, Field(gt=0, lt=1)]


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
        found = set(_PLACEHOLDER.findall(template or ""))
        if unknown := sorted(found - _KNOWN):
            raise ValueError(f"'{{{unknown[0]}}}' is unknown; use {{model}} and {{environment}}")
        if template is not None and "model" not in found:
            raise ValueError("write {model} where the model's name goes: models do not share one")
        return template


class Objectives(Frozen):
    """What the service owes its users over 30 days; alerts fire on how fast it is used up."""

    availability: Inside = 0.999
    """Share of requests that are not answered with a server error."""
    latency_ms: Annotated[float, Field(gt=0)] = 100
    """A request that takes longer is slow."""
    latency_share: Inside = 0.99
    """Share of requests that are not slow."""


class Retrain(Frozen):
    """When `monitor.yml` asks for a new model by pull request."""

    on: list[Literal["drift", "performance"]] = ["drift", "performance"]
    """What must fail for it; an empty list leaves only the schedule."""
    every: Duration | None = None
    """Also when the champion was released longer ago than this: `30d`."""
    min_new_rows: Annotated[int, Field(ge=1)] = 100
    """Fewer rows than this that the champion has not seen: no retraining."""
