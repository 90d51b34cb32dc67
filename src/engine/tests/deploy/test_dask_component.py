"""The component dask: what the operator makes of it, who reaches that, and that it takes work."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from manifest_schemas import KUBERNETES, kubernetes_problem
from rendering import DEPLOY, ROOT, Render, Resource
from ruamel.yaml import YAML
from test_manifest_schemas import first_overlay, in_an_overlay
from test_overlays import (
    QUOTA,
    container,
    find_resource,
    needed,
    needed_by_models,
    pod,
    quota,
    selects,
)

from registries import free_port
from tagship.config.project import Manifests, ProjectConfig
from tagship.errors import TagshipError
from tagship.gitops import kustomize
from tagship.gitops.deployment_records import parse_record
from tagship.gitops.manifests import examine, refuse_foreign

PARTS = ("scheduler", "worker")


@pytest.fixture
def clustered(deploy: Path, render: Render) -> list[Resource]:
    return in_an_overlay([DEPLOY / "components" / "dask"], deploy)


@pytest.fixture
def made(clustered: list[Resource]) -> dict[str, Resource]:
    """The Deployments that the operator (2026.3.0) makes of the cluster, by its part."""
    cluster = find_resource(clustered, "DaskCluster")
    name = cluster["metadata"]["name"]
    return {part: _deployment(cluster, name, part) for part in PARTS}


def _deployment(cluster: Resource, name: str, part: str) -> Resource:
    labels = cluster["metadata"]["labels"] | {
        "dask.org/cluster-name": name,
        "dask.org/component": part,
        "sidecar.istio.io/inject": "false",
    }
    if part == "worker":
        labels["dask.org/workergroup-name"] = f"{name}-default"
    about = {"name": f"{name}-{part}", "labels": labels}
    template = {"metadata": about, "spec": cluster["spec"][part]["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": spec}


def labels_of(workload: Resource) -> dict[str, str]:
    labels: dict[str, str] = pod(workload)["metadata"]["labels"]
    return labels


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_what_the_operator_makes(made: dict[str, Resource], version: str) -> None:
    assert [kubernetes_problem(workload, version) for workload in made.values()] == ["", ""]


@pytest.mark.parametrize("part", PARTS)
def test_its_pods_are_as_locked_down_as_the_service_s(
    part: str, made: dict[str, Resource], clustered: list[Resource]
) -> None:
    served = find_resource(clustered, "Deployment")
    spec, security = pod(made[part])["spec"], container(made[part])["securityContext"]
    for key in ("securityContext", "automountServiceAccountToken", "enableServiceLinks"):
        assert spec[key] == pod(served)["spec"][key]
    assert spec["serviceAccountName"] == pod(served)["spec"]["serviceAccountName"]
    assert security == container(served)["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert set(container(made[part])["resources"]) == {"requests", "limits"}
    assert all(key not in spec for key in ("hostNetwork", "hostPID", "hostIPC"))
    (volume,), (mount,) = spec["volumes"], container(made[part])["volumeMounts"]
    assert (mount["name"], mount["mountPath"]) == (volume["name"], "/tmp")
    assert "sizeLimit" in volume["emptyDir"]


def test_scheduler_and_workers_run_one_image_by_digest(made: dict[str, Resource]) -> None:
    (image,) = {container(made[part])["image"] for part in PARTS}
    assert re.fullmatch(r"[^@]+-training@sha256:[0-9a-f]{64}", image)


def test_the_cluster_s_service_is_the_scheduler_s_alone_without_its_dashboard(
    made: dict[str, Resource], clustered: list[Resource]
) -> None:
    service = find_resource(clustered, "DaskCluster")["spec"]["scheduler"]["service"]
    assert service["type"] == "ClusterIP"
    assert [port["port"] for port in service["ports"]] == [8786]
    assert selects(service["selector"], labels_of(made["scheduler"]))
    others = [made["worker"], find_resource(clustered, "Deployment")]
    assert not any(selects(service["selector"], labels_of(other)) for other in others)


def test_the_model_s_own_service_and_budget_leave_the_cluster_alone(
    made: dict[str, Resource], clustered: list[Resource]
) -> None:
    served = find_resource(clustered, "Service")["spec"]["selector"]
    counted = find_resource(clustered, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    for part in PARTS:
        assert not selects(served, labels_of(made[part]))
        assert not selects(counted, labels_of(made[part]))


def allows(
    policies: list[Any], way: str, pod: dict[str, str], other: dict[str, str], port: int
) -> bool:
    """Whether policies let a pod be called (``ingress``) by another, or call it (``egress``)."""
    peers = {"ingress": "from", "egress": "to"}[way]
    rules = [
        rule
        for policy in policies
        if selects(policy["podSelector"]["matchLabels"], pod)
        for rule in policy[way]
    ]
    return any(
        port in (each["port"] for each in rule["ports"])
        and any(
            selects(peer.get("podSelector", {}).get("matchLabels", {}), other)
            for peer in rule.get(peers, [{"podSelector": {"matchLabels": other}}])
        )
        for rule in rules
    )


def test_workers_and_clients_alone_reach_the_scheduler_and_only_the_cluster_its_workers(
    made: dict[str, Resource], clustered: list[Resource]
) -> None:
    served = labels_of(find_resource(clustered, "Deployment"))
    model = "app.kubernetes.io/name"
    mine = {model: served[model]}
    pods = {part: labels_of(made[part]) for part in PARTS} | {
        "client": {**mine, "app.kubernetes.io/component": "dask-client"},
        "other pod": {**mine, "app.kubernetes.io/component": "other"},
        "server": served,
        "smoke": labels_of(find_resource(clustered, "Job")),
    }
    for name in ("scheduler", "worker", "client"):
        pods[f"other model's {name}"] = {**pods[name], model: "other"}
        pods[f"other cluster's {name}"] = {**pods[name], "dask.org/cluster-name": "other-dask"}
    del pods["other cluster's client"]  # a client has no such label
    policies = [r["spec"] for r in clustered if r["kind"] == "NetworkPolicy"]
    reached = {
        (source, target, port)
        for source in pods
        for target in ("scheduler", "worker", "client")
        for port in (22, 443, 3000, *range(8786, 8791))
        if allows(policies, "ingress", pods[target], pods[source], port)
    }
    assert reached == {
        ("client", "scheduler", 8786),
        ("worker", "scheduler", 8786),
        ("scheduler", "worker", 8788),
        ("scheduler", "worker", 8789),
        ("worker", "worker", 8788),
        ("worker", "worker", 8789),
    }
    called = {
        (source, target, port)
        for source in ("scheduler", "worker", "client")
        for target in pods
        for port in (22, 3000, *range(8786, 8791))
        if allows(policies, "egress", pods[source], pods[target], port)
    }
    assert called == reached - {("worker", "worker", 8789)}
    for part in PARTS:
        (policy,) = (p for p in policies if selects(p["podSelector"]["matchLabels"], pods[part]))
        assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_an_overlay_with_it_is_refused_until_its_image_is_listed(
    deploy: Path, project: ProjectConfig, clustered: list[Resource], made: dict[str, Resource]
) -> None:
    overlay = first_overlay(deploy)
    record_text = (overlay / "release.yaml").read_text()
    record = parse_record(record_text, f"{overlay.relative_to(deploy.parent)}/release.yaml")
    rendered = examine(kustomize.render_text(overlay), record_text, record)
    with pytest.raises(TagshipError, match=r"DaskCluster .*-dask runs .*-training@sha256:"):
        refuse_foreign(rendered, record, project)
    listed = Manifests(images=[container(made["worker"])["image"]])
    refuse_foreign(rendered, record, project.model_copy(update={"manifests": listed}))


def test_a_quota_has_room_for_it_beside_every_model(
    made: dict[str, Resource], clustered: list[Resource], project: ProjectConfig, render: Render
) -> None:
    workers = find_resource(clustered, "DaskCluster")["spec"]["worker"]["replicas"]
    parts = [
        needed(pod(made[part]), count) for part, count in zip(PARTS, (1, workers), strict=True)
    ]
    for environment in project.environments:
        room, models = quota(environment, render), needed_by_models(environment, render)
        total = {key: models[key] + sum(part[key] for part in parts) for key in QUOTA}
        assert {key: value for key, value in total.items() if value > room[key]} == {}, environment


class Local:
    """The cluster's commands on 127.0.0.1: other ports, another /tmp, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {fixed: free_port() for fixed in range(8786, 8791)}
        self.address = f"tcp://127.0.0.1:{self.ports[8786]}"

    @contextmanager
    def run(self, workload: Resource) -> Iterator[None]:
        program, *arguments = (self._here(word) for word in container(workload)["command"])
        command = [str(Path(sys.executable).with_name(program)), *arguments, "--host=127.0.0.1"]
        given = {"DASK_SCHEDULER_ADDRESS": self.address, "HOME": str(self.folder)}
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], **given},
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    def _here(self, word: str) -> str:
        word = re.sub(r"\b87[89]\d\b", lambda match: str(self.ports[int(match[0])]), word)
        word = word.replace("$(DASK_WORKER_NAME)", "the-worker").replace("=:", "=127.0.0.1:")
        return word.replace("/tmp", str(self.folder))

    def passes(self, workload: Resource, probe: str) -> bool:
        """Whether a probe of the container succeeds, within a minute."""
        named = {port["name"]: port["containerPort"] for port in container(workload)["ports"]}
        asked = container(workload)[probe]
        place = asked.get("httpGet") or asked["tcpSocket"]
        port = self.ports[named[place["port"]]]
        for _ in range(120):
            with suppress(OSError):
                if "httpGet" in asked:
                    url = f"http://127.0.0.1:{port}{place['path']}"
                    with urllib.request.urlopen(url, timeout=5) as answer:
                        return bool(answer.status == 200)
                with socket.create_connection(("127.0.0.1", port)):
                    return True
            time.sleep(0.5)
        return False


def test_its_commands_make_a_cluster_that_takes_work_on_the_ports_of_its_policies(
    made: dict[str, Resource], tmp_path: Path
) -> None:
    local = Local(tmp_path)
    with local.run(made["scheduler"]), local.run(made["worker"]):
        for workload in made.values():
            assert local.passes(workload, "readinessProbe"), (tmp_path / "log").read_text()
            assert local.passes(workload, "livenessProbe")
        with Client(local.address, timeout="60s", set_as_default=False) as client:
            for _ in ("as it started", "as its nanny started it again"):
                client.wait_for_workers(1, timeout=60)
                ((address, about),) = client.scheduler_info()["workers"].items()
                assert address == f"tcp://127.0.0.1:{local.ports[8788]}"
                assert about["nanny"] == f"tcp://127.0.0.1:{local.ports[8789]}"
                assert (about["name"], about["nthreads"]) == ("the-worker", 1)
                assert Path(about["local_directory"]).is_relative_to(tmp_path)
                assert client.submit(sum, [1, 2, 3], pure=False).result(timeout=60) == 6
                client.restart_workers([address])


def test_the_job_of_the_docs_is_a_client_as_locked_down_as_the_service(
    clustered: list[Resource], made: dict[str, Resource]
) -> None:
    page = (ROOT / "docs/how-to/scale.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```yaml\n(# a Job.*?)```", page, re.DOTALL)
    job = YAML(typ="safe").load(snippet)
    assert kubernetes_problem(job, KUBERNETES[-1]) == ""
    assert container(job)["image"].split("@")[0] == container(made["worker"])["image"].split("@")[0]
    policies = {r["metadata"]["name"]: r["spec"] for r in clustered if r["kind"] == "NetworkPolicy"}
    (client,) = (spec for name, spec in policies.items() if name.endswith("-dask-client"))
    assert selects(client["podSelector"]["matchLabels"], labels_of(job))
    served = find_resource(clustered, "Deployment")
    assert pod(job)["spec"]["securityContext"] == pod(served)["spec"]["securityContext"]
    assert container(job)["securityContext"] == container(served)["securityContext"]
    environment = {each["name"]: each["value"] for each in container(job)["env"]}
    name = find_resource(clustered, "DaskCluster")["metadata"]["name"]
    assert environment["DASK_SCHEDULER_ADDRESS"] == f"tcp://{name}-scheduler:8786"
