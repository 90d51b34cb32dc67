"""Rendered manifests: their fingerprint, what differs, and what may not stand in them. Pure."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from tagship.config.project import ProjectConfig
from tagship.errors import TagshipError
from tagship.gitops.records import Record, overlay

KINDS = frozenset({
    "AnalysisTemplate", "ConfigMap", "CronJob", "Deployment", "HorizontalPodAutoscaler", "Ingress",
    "Job", "NetworkPolicy", "PodDisruptionBudget", "Rollout", "Service", "ServiceAccount",
    "ServiceMonitor",
})  # fmt: skip
"""What a model's overlay may hold; ``manifests.kinds`` of project.yaml adds to it."""
_KEY = "release.yaml"
_SUFFIX = re.compile(r"-[a-z0-9]{10}$")
"""What kustomize adds to the name of a generated ConfigMap: a hash of its content."""

Resource = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """An environment of a model as kustomize renders it."""

    text: str
    record: str
    """The text of the deployment record that it was rendered with."""

    @property
    def resources(self) -> list[Resource]:
        """The resources in kustomize's order."""
        return [each for each in YAML(typ="safe").load_all(self.text) if each]


def fingerprint(rendered: Rendered, record: Record) -> str:
    """A hash of what is rendered but for the record and the image, which tags name by themselves.

    Both are blanked, and so is the suffix of the record's ConfigMap: a record holds this very hash.

    Raises:
        TagshipError: the record is not rendered, or more than once.
    """
    resources = rendered.resources
    holder = _holder(resources, rendered, record)
    name = str(holder["metadata"]["name"])
    holder["data"] = {_KEY: ""}
    blanked = [_blank(each, name, record.reference) for each in resources]
    return hashlib.sha256(json.dumps(blanked, sort_keys=True).encode()).hexdigest()


def refuse_foreign(rendered: Rendered, record: Record, project: ProjectConfig) -> None:
    """Refuse what nobody declared: another image, kind or namespace.

    Raises:
        TagshipError: names the resource, and where it would have to be declared.
    """
    where = overlay(record.model, record.environment)
    resources = rendered.resources
    _holder(resources, rendered, record)
    kinds = KINDS | set(project.manifests.kinds)
    images = {record.reference, *project.manifests.images}
    namespace = f"{project.name}-{record.environment}"
    for resource in resources:
        metadata = resource.get("metadata") or {}
        name = f"{resource.get('kind')} {metadata.get('name')}"
        if resource.get("kind") not in kinds:
            raise TagshipError(
                f"{where}: it renders {name}: a kind that is not allowed",
                "remove it, or list the kind under manifests.kinds in config/project.yaml",
            )
        if metadata.get("namespace", namespace) != namespace:
            raise TagshipError(
                f"{where}: it renders {name} in namespace {metadata['namespace']}",
                f"its namespace is {namespace}",
            )
        for image in _images(resource):
            if image not in images:
                raise TagshipError(
                    f"{where}: {name} runs {image}, which is neither the record's image"
                    f" ({record.reference}) nor listed",
                    "list it by digest under manifests.images in config/project.yaml, or remove it",
                )


def _holder(resources: list[Resource], rendered: Rendered, record: Record) -> Resource:
    """The ConfigMap that brings the record into the pod."""
    holders = [
        each
        for each in resources
        if each.get("kind") == "ConfigMap" and (each.get("data") or {}).get(_KEY) == rendered.record
    ]
    if len(holders) != 1:
        raise TagshipError(
            f"{overlay(record.model, record.environment)}: it renders its {_KEY}"
            f" {len(holders)} times, not once",
            "configMapGenerator: [{name: release, behavior: replace, files: [release.yaml]}]",
        )
    return holders[0]


def _blank(value: Any, name: str, reference: str) -> Any:
    if isinstance(value, dict):
        return {
            key: "" if key == "image" and held == reference else _blank(held, name, reference)
            for key, held in value.items()
        }
    if isinstance(value, list):
        return [_blank(held, name, reference) for held in value]
    return _SUFFIX.sub("", name) if value == name else value


def _images(value: Any) -> Iterator[str]:
    """Every image that a resource names, in pods, in templates of pods and in volumes."""
    if isinstance(value, list):
        for held in value:
            yield from _images(held)
    if not isinstance(value, dict):
        return
    for key, held in value.items():
        if key == "image" and isinstance(held, dict):
            yield str(held.get("reference"))
        elif key == "image":
            yield str(held)
        else:
            yield from _images(held)
