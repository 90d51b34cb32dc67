"""``project.yaml``: who this project is, and where its models run."""

from typing import Annotated

from pydantic import Field, field_validator

from tagship.config.frozen import Frozen

Dns = Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=53)]


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

    @field_validator("environments")
    @classmethod
    def _distinct(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("the same environment twice")
        return names
