"""``project.yaml``: who this project is, and where its models run."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from tagship.config.frozen import Frozen
from tagship.config.watching import Monitoring, Objectives, Retrain

Dns = Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=53)]


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
