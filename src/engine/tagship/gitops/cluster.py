"""What a cluster runs, as kubectl's current context sees it. The only file that runs kubectl."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from tagship.errors import TagshipError
from tagship.gitops.deployment_records import parse_record, record_path
from tagship.gitops.history import Deployment
from tagship.gitops.snapshot import Snapshot

_KINDS = "applications.argoproj.io,deployments.apps,configmaps"
_SECONDS = 60

Place = tuple[str, str]
"""A model and an environment."""


def compare_cluster(snapshot: Snapshot) -> dict[Place, str]:
    """For each environment of each model what is wrong with what runs; ``as Git says`` if nothing.

    Raises:
        TagshipError: there is no kubectl, or the cluster does not answer.
    """
    items = _items()
    return {
        (model, environment): _compare(snapshot, items, model, environment)
        for model in snapshot.models
        for environment in snapshot.environments
    }


def _compare(snapshot: Snapshot, items: list[Any], model: str, environment: str) -> str:
    current = snapshot.history.current(model, environment)
    name = f"{snapshot.project.name}-{model}-{environment}"
    applications = [item for item in items if _is(item, "Application", name)]
    if not applications:
        return f"no Application {name}"
    status = applications[0].get("status") or {}
    if current is None:
        return "nothing is deployed, as Git says" if not _revision(status) else "runs something"
    problems = [*_sync_problems(status, current), *_pod_problems(snapshot, items, current)]
    return "; ".join(problems) or "as Git says"


def _sync_problems(status: Mapping[str, Any], current: Deployment) -> list[str]:
    """Sync, revision, health and the last error that Argo CD tells."""
    problems = []
    sync = str((status.get("sync") or {}).get("status") or "Unknown")
    revision = _revision(status)
    health = str((status.get("health") or {}).get("status") or "Unknown")
    if revision and revision != current.commit:
        problems.append(f"at {revision[:12]}, not at {current.commit[:12]} of {current.name}")
    if sync != "Synced":
        problems.append(sync)
    if health != "Healthy":
        problems.append(health)
    operation = status.get("operationState") or {}
    if operation.get("phase") in ("Failed", "Error", "Running") and operation.get("message"):
        problems.append(str(operation["message"]))
    problems += [str(condition.get("message", "")) for condition in status.get("conditions") or []]
    return [" ".join(problem.split())[:200] for problem in problems]


def _pod_problems(snapshot: Snapshot, items: list[Any], current: Deployment) -> list[str]:
    """The image and the record of the pods, where the cluster shows them."""
    model, environment = current.tag.series
    namespace = f"{snapshot.project.name}-{environment}"
    name = f"{model}-model"
    pods = [item for item in items if _is(item, "Deployment", name, namespace)]
    if not pods:
        return [f"no Deployment {name} in {namespace}"]
    spec = pods[0]["spec"]["template"]["spec"]
    images = [str(container["image"]) for container in spec.get("containers") or []]
    problems = []
    if current.says("Image") not in images:
        problems.append(f"runs {', '.join(images)}, not {current.says('Image')}")
    volumes = spec.get("volumes") or []
    config_maps = [(volume.get("configMap") or {}).get("name") for volume in volumes]
    texts = [
        str(item["data"]["release.yaml"])
        for item in items
        if item.get("kind") == "ConfigMap"
        and item["metadata"].get("namespace") == namespace
        and item["metadata"]["name"] in config_maps
        and "release.yaml" in (item.get("data") or {})
    ]
    record = snapshot.record(current.commit, model, environment)
    records = [parse_record(text, record_path(model, environment)) for text in texts]
    if records != [record]:
        releases = ", ".join(record_in_pod.release for record_in_pod in records) or "nothing"
        problems.append(f"its record says {releases}, not what {current.name} holds")
    return problems


def _revision(status: Mapping[str, Any]) -> str:
    return str((status.get("sync") or {}).get("revision") or "")


def _is(item: Mapping[str, Any], kind: str, name: str, namespace: str = "") -> bool:
    about = item.get("metadata") or {}
    is_in_namespace = not namespace or about.get("namespace") == namespace
    return item.get("kind") == kind and about.get("name") == name and is_in_namespace


def _items() -> list[Any]:
    command = ["kubectl", "get", _KINDS, "--all-namespaces", "--output=json"]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if result.returncode == 0:
            items = json.loads(result.stdout)["items"]
            assert isinstance(items, list)
            return items
        reason = result.stderr.strip().splitlines()[-1:] or ["it did not say why"]
    except FileNotFoundError:
        raise TagshipError("kubectl is not installed", "leave out --cluster") from None
    except subprocess.TimeoutExpired:
        reason = [f"no answer within {_SECONDS} s"]
    except (ValueError, KeyError):
        reason = ["no JSON"]
    raise TagshipError(f"kubectl get: {reason[0]}", "kubectl config current-context")
