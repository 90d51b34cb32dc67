"""Rendered manifests: their fingerprint, what differs, and what may not stand in them. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from tagship.config.project import ProjectConfig
from tagship.errors import TagshipError
from tagship.files import sha256_of_json
from tagship.gitops.deployment_records import Record, overlay

KINDS = frozenset({
    "AnalysisTemplate", "ConfigMap", "CronJob", "DaskCluster", "Deployment",
    "HorizontalPodAutoscaler", "Ingress", "Job", "NetworkPolicy", "PodDisruptionBudget", "Rollout",
    "Service", "ServiceAccount", "ServiceMonitor",
})  # fmt: skip
"""What a model's overlay may hold; ``manifests.kinds`` of project.yaml adds to it."""
_KEY = "release.yaml"
_SUFFIX = re.compile(r"-[a-z0-9]{10}$")
"""What kustomize adds to the name of a generated ConfigMap: a hash of its content."""

Resource = dict[str, Any]


@dataclass(frozen=True)
class Rendering:
    """An environment of a model as kustomize renders it, and what counts of it."""

    text: str
    fingerprint: str
    """A hash of all but the record and the image, which tags name by themselves."""
    resources: tuple[tuple[str, str, str], ...]
    """Kind, name and namespace of each; the namespace is empty where there is none."""
    images: tuple[tuple[str, str], ...]
    """Each image with the resource that runs it."""


def examine(text: str, record_text: str, record: Record) -> Rendering:
    """What counts of a rendering.

    Record and image are blanked in the fingerprint, and so is the suffix of the record's ConfigMap:
    a record holds this very hash.

    Raises:
        TagshipError: the record is not rendered, or more than once.
    """
    resources: list[Resource] = list(filter(None, YAML(typ="safe").load_all(text)))
    identities, images = [], []
    for resource in resources:
        metadata = resource.get("metadata") or {}
        kind, name = str(resource.get("kind")), str(metadata.get("name"))
        identities.append((kind, name, str(metadata.get("namespace") or "")))
        images += [(f"{kind} {name}", image) for image in _images(resource)]
    holder = _holder(resources, record_text, record)
    name = str(holder["metadata"]["name"])
    holder["data"] = {_KEY: ""}
    blank_resources = [_blank(document, name, record.reference) for document in resources]
    return Rendering(text, sha256_of_json(blank_resources), tuple(identities), tuple(images))


def refuse_foreign(rendering: Rendering, record: Record, project: ProjectConfig) -> None:
    """Refuse what nobody declared: another image, kind or namespace.

    Raises:
        TagshipError: names the resource, and where it would have to be declared.
    """
    where = overlay(record.model, record.environment)
    kinds = KINDS | set(project.manifests.kinds)
    own_namespace = f"{project.name}-{record.environment}"
    for kind, name, namespace in rendering.resources:
        if kind not in kinds:
            raise TagshipError(
                f"{where}: it renders {kind} {name}: a kind that is not allowed",
                "remove it, or list the kind under manifests.kinds in config/project.yaml",
            )
        if namespace not in ("", own_namespace):
            raise TagshipError(
                f"{where}: it renders {kind} {name} in namespace {namespace}",
                f"its namespace is {own_namespace}",
            )
    for name, image in rendering.images:
        if image not in (record.reference, *project.manifests.images):
            raise TagshipError(
                f"{where}: {name} runs {image}, which is neither the record's image"
                f" ({record.reference}) nor listed",
                "list it by digest under manifests.images in config/project.yaml, or remove it",
            )


def _holder(resources: list[Resource], text: str, record: Record) -> Resource:
    """The ConfigMap that brings the record into the pod."""
    holders = [
        resource
        for resource in resources
        if resource.get("kind") == "ConfigMap" and (resource.get("data") or {}).get(_KEY) == text
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
            key: "" if key == "image" and inner == reference else _blank(inner, name, reference)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_blank(inner, name, reference) for inner in value]
    return _SUFFIX.sub("", name) if value == name else value


def _images(value: Any) -> Iterator[str]:
    """Every image that a resource names, in pods, in templates of pods and in volumes."""
    if isinstance(value, list):
        for inner in value:
            yield from _images(inner)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key == "image" and isinstance(inner, dict):
            yield str(inner.get("reference"))
        elif key == "image":
            yield str(inner)
        else:
            yield from _images(inner)
