"""What manifests are held against: Kubernetes' strict schemas, custom resources' closed ones."""

import os
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

Schemas = dict[tuple[str, str], Draft202012Validator]

CUSTOM_GROUPS = {"argoproj.io", "kubernetes.dask.org", "monitoring.coreos.com"}
KUBERNETES = ("1.31", kubernetes_validate.latest_version())
"""The oldest version that knows every field used here, and the newest."""

METADATA = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
IDENTITY = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": METADATA}
"""What every resource has, also where its CRD does not say so."""


def is_custom(resource: dict[str, Any]) -> bool:
    """Whether a CRD defines it, and not Kubernetes."""
    return resource["apiVersion"].split("/")[0] in CUSTOM_GROUPS


def kubernetes_problem(resource: dict[str, Any], version: str) -> str:
    """What Kubernetes' strict schema says of a resource; empty when it is valid."""
    try:
        kubernetes_validate.validate(resource, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{resource['kind']}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        return f"{resource['kind']}: Kubernetes {version} has no such kind"
    return ""


def custom_problem(resource: dict[str, Any], crds: Schemas) -> str:
    """What the CRD's closed schema says of a resource; empty when it is valid."""
    validator = crds.get((resource["apiVersion"], resource["kind"]))
    if validator is None:
        return f"{resource['kind']}: no CRD of {resource['apiVersion']} has this kind"
    return "; ".join(f"{e.json_path}: {e.message}" for e in validator.iter_errors(resource))


def crd_folder(root: Path) -> Path | None:
    """``TAGSHIP_CRDS``, or a ``shared/crds`` folder beside the repository."""
    if given := os.environ.get("TAGSHIP_CRDS"):
        return Path(given)
    beside = root.parent / "shared" / "crds"
    return beside if beside.is_dir() else None


def load_crds(folder: Path) -> Schemas:
    """A validator for each version of each CRD in ``folder``."""
    schemas: Schemas = {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # megabytes: the other takes minutes
    for path in sorted(folder.glob("*.yaml")):
        for crd in yaml.load_all(path.read_text(encoding="utf-8"), loader):
            spec = crd["spec"]
            for version in spec["versions"]:
                schema = closed(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= IDENTITY
                key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                schemas[key] = Draft202012Validator(schema)
    return schemas


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` with unknown keys refused wherever it lists the known ones."""
    copy = dict(schema)
    if "properties" in schema:
        copy["properties"] = {key: closed(value) for key, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            copy.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            copy[key] = closed(schema[key])
    return copy
