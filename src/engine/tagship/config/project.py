"""``project.yaml``: who this project is, where its models run, and how they are watched there."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tagship.config.base_model import Duration, Frozen

Dns = Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=53)]
_PLACEHOLDER = re.compile(r"(?<!\$)\{(\w*)\}")
Objective = Annotated[float, Field(ge=0.95, lt=1)]
"""Below 0.95 the alert for the fastest burn rate could never fire."""


class Manifests(Frozen):
    """What the rendered manifests of a model may hold beside its image and the usual kinds."""

    images: list[Annotated[str, Field(pattern="^[^@ ]+@sha256:[0-9a-f]{64}$")]] = []
    """Other images, each by digest: of the monitor component, of sidecars."""
    kinds: list[str] = []
    """Other kinds of resources. What Argo CD may apply is in deploy/argocd, too."""


class Review(Frozen):
    """What a pull request needs before it is deployed."""

    approvals: Annotated[int, Field(ge=0)] = 0
    """How many people, none of them its author, must have approved what is merged."""


def _check_template(template: str | None, known: set[str]) -> str | None:
    """Accept a path or URL whose placeholders are all known, with the model's name among them."""
    placeholders = set(_PLACEHOLDER.findall(template or ""))
    if unknown := sorted(placeholders - known):
        names = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise ValueError(f"'{{{unknown[0]}}}' is unknown; use {names}")
    if template is not None and "model" not in placeholders:
        raise ValueError("write {model} where the model's name goes: models do not share one")
    return template


class Monitoring(Frozen):
    """Where each environment logs, and where its labels are."""

    log: str | None = None
    """The folder of prediction logs of an environment: a path (relative to the repository's root)
    or URL with {model} and {environment} in it. ${VAR} works."""
    labels: str | None = None
    """A file of labels that arrive apart from the log (a table with request_id, row and actual): a
    path or URL with {model}, and {environment} where they differ."""
    window: Duration = "24h"
    """How far back each check for drift goes: `30m`, `24h`, `7d`."""

    @field_validator("log", "labels")
    @classmethod
    def _places(cls, template: str | None) -> str | None:
        return _check_template(template, {"model", "environment"})


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
        return _check_template(template, {"model", "year", "month", "day"})


class Dask(Frozen):
    """A Dask cluster; without keys, the one that ``DASK_SCHEDULER_ADDRESS`` names."""

    scheduler: str | None = None
    """Its address, such as ``tcp://dask-scheduler:8786`` or ``tls://…``. ${VAR} works."""
    workers: Annotated[int, Field(ge=1, le=256)] | None = None
    """Instead, so many processes of this machine, for as long as a command runs."""

    @model_validator(mode="after")
    def _one(self) -> "Dask":
        if self.scheduler is not None and self.workers is not None:
            raise ValueError("`scheduler` and `workers` cannot be combined; keep one")
        return self


class DaskCompute(Frozen):
    """Work runs on a Dask cluster."""

    dask: Dask


class ProjectConfig(Frozen):
    """The project's identity and environments."""

    name: Dns
    """The slug: prefix of every Kubernetes name."""
    title: str
    owner: str
    """The organisation or user that owns the repository."""
    registry: str
    """Where images go: host and path, without the model's name."""
    environments: Annotated[list[Dns], Field(min_length=1)] = ["staging", "production"]
    """In order of promotion: the first deploys on release, each next by a pull request."""
    manifests: Manifests = Manifests()
    review: Review = Review()
    monitoring: Monitoring = Monitoring()
    objectives: Objectives = Objectives()
    retrain: Retrain = Retrain()
    compute: Literal["local"] | DaskCompute | None = None
    """Where candidates, trials and files are worked on: in the command's own process, or on a Dask
    cluster, `{dask: {…}}`. Without it, local, unless DASK_SCHEDULER_ADDRESS names a scheduler."""

    def before(self, environment: str) -> str | None:
        """The environment that one of these promotes from; None for the first."""
        place = self.environments.index(environment)
        return self.environments[place - 1] if place else None

    @field_validator("environments")
    @classmethod
    def _distinct(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("the same environment twice")
        return names

    @model_validator(mode="after")
    def _apart(self) -> "ProjectConfig":
        log = self.monitoring.log
        if log is not None and len(self.environments) > 1 and "{environment}" not in log:
            raise ValueError(
                "monitoring.log: write {environment} where the environment's name goes:"
                f" {' and '.join(self.environments)} must not share one log"
            )
        return self
