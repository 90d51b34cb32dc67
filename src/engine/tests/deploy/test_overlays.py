"""What an overlay promises: its own names, its pinned image, a locked-down pod, room to run."""

import re
from pathlib import Path
from typing import Any

import pytest
from rendering import DEPLOY, PROJECT, ROOT, Render, Resource
from ruamel.yaml import YAML

from tagship.config.project import ProjectConfig
from tagship.gitops import kustomize
from tagship.gitops.deployment_records import (
    NO_DIGEST,
    NONE,
    Record,
    edit_pin,
    edit_record,
    parse_record,
)

OVERLAYS = sorted(path.parent for path in DEPLOY.glob("*/*/release.yaml"))
WORKLOADS = ("Deployment", "Job")


def named(folder: Path) -> str:
    return str(folder.relative_to(DEPLOY))


def find_resource(resources: list[Resource], kind: str) -> Resource:
    (match,) = (resource for resource in resources if resource["kind"] == kind)
    return match


def pod(workload: Resource) -> Any:
    return workload["spec"]["template"]


def container(workload: Resource) -> Any:
    (only,) = pod(workload)["spec"]["containers"]
    return only


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


def record_of(overlay: Path) -> Record:
    path = overlay / "release.yaml"
    return parse_record(path.read_text(), str(path.relative_to(PROJECT)))


def test_every_model_has_an_overlay_for_every_environment(project: ProjectConfig) -> None:
    models = sorted(path.parent.name for path in (ROOT / "config").glob("*/model.yaml"))
    missing = [
        f"{model}/{environment}"
        for model in models
        for environment in project.environments
        if not (DEPLOY / model / environment / "kustomization.yaml").is_file()
    ]
    assert missing == []


def test_no_record_stands_where_argocd_would_take_it_for_another_overlay() -> None:
    # In Argo CD's patterns a star also matches a slash.
    nested = set(DEPLOY.rglob("release.yaml")) - {overlay / "release.yaml" for overlay in OVERLAYS}
    assert nested == {DEPLOY / "base" / "release.yaml"}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=named)
class TestOverlay:
    def test_names_come_from_project_model_and_environment(
        self, overlay: Path, render: Render, project: ProjectConfig
    ) -> None:
        model, environment = overlay.parts[-2:]
        for resource in render(overlay):
            metadata = resource["metadata"]
            assert metadata["name"].startswith(f"{model}-")
            assert metadata["namespace"] == f"{project.name}-{environment}"
            assert metadata["labels"]["app.kubernetes.io/name"] == model
            assert metadata["labels"]["app.kubernetes.io/part-of"] == project.name
            assert metadata["labels"]["environment"] == environment

    @pytest.mark.parametrize("kind", WORKLOADS)
    def test_pod_is_locked_down(self, overlay: Path, kind: str, render: Render) -> None:
        workload = find_resource(render(overlay), kind)
        spec, security = pod(workload)["spec"], container(workload)["securityContext"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert set(container(workload)["resources"]) == {"requests", "limits"}
        assert all(key not in spec for key in ("hostNetwork", "hostPID", "hostIPC"))

    @pytest.mark.parametrize("kind", WORKLOADS)
    def test_pod_can_write_only_to_folders_of_its_own(
        self, overlay: Path, kind: str, render: Render
    ) -> None:
        workload = find_resource(render(overlay), kind)
        volumes = {volume["name"]: volume for volume in pod(workload)["spec"]["volumes"]}
        mounts = container(workload)["volumeMounts"]
        writable = {m["mountPath"]: volumes[m["name"]] for m in mounts if not m.get("readOnly")}
        environment = {v["name"]: v["value"] for v in container(workload)["env"]}
        own = ["BENTOML_HOME"] if kind == "Job" else ["BENTOML_HOME", "TAGSHIP_LOG_DIR"]
        assert set(writable) == {"/tmp", *(environment[name] for name in own)}
        assert all("sizeLimit" in volume["emptyDir"] for volume in writable.values())

    @pytest.mark.parametrize("kind", WORKLOADS)
    def test_image_is_the_one_of_the_record_by_digest(
        self, overlay: Path, kind: str, render: Render
    ) -> None:
        image = container(find_resource(render(overlay), kind))["image"]
        assert re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", image)
        assert image == record_of(overlay).reference

    @pytest.mark.parametrize("kind", WORKLOADS)
    def test_record_is_mounted_under_its_hashed_name(
        self, overlay: Path, kind: str, render: Render
    ) -> None:
        resources = render(overlay)
        config, workload = find_resource(resources, "ConfigMap"), find_resource(resources, kind)
        assert config["data"] == {"release.yaml": (overlay / "release.yaml").read_text()}
        assert re.fullmatch(
            rf"{overlay.parts[-2]}-release-[a-z0-9]{{10}}", config["metadata"]["name"]
        )
        mount = next(m for m in container(workload)["volumeMounts"] if m["name"] == "release")
        volume = next(v for v in pod(workload)["spec"]["volumes"] if v["name"] == "release")
        assert mount["mountPath"] == "/etc/tagship"
        assert volume["configMap"] == {"name": config["metadata"]["name"]}

    def test_nothing_released_is_said_in_both_places_or_in_neither(self, overlay: Path) -> None:
        record = record_of(overlay)
        assert (record.release == NONE) == (record.digest == NO_DIGEST)

    def test_image_name_comes_from_the_project(self, overlay: Path, project: ProjectConfig) -> None:
        assert record_of(overlay).image == f"{project.registry}/{project.name}-{overlay.parts[-2]}"

    def test_it_asks_for_nothing_that_only_some_clusters_have(
        self, overlay: Path, render: Render
    ) -> None:
        kinds = {resource["kind"] for resource in render(overlay)}
        assert kinds.isdisjoint({"HorizontalPodAutoscaler", "ServiceMonitor"})

    def test_an_update_never_takes_capacity_away(self, overlay: Path, render: Render) -> None:
        deployment = find_resource(render(overlay), "Deployment")
        stop = container(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert pod(deployment)["spec"]["terminationGracePeriodSeconds"] >= stop + 30

    def test_probes_ask_the_right_questions(self, overlay: Path, render: Render) -> None:
        server = container(find_resource(render(overlay), "Deployment"))
        assert server["ports"] == [{"name": "http", "containerPort": 3000}]
        asked = {
            probe: server[probe]["httpGet"]
            for probe in ("startupProbe", "readinessProbe", "livenessProbe")
        }
        assert asked == {
            "startupProbe": {"path": "/readyz", "port": "http"},
            "readinessProbe": {"path": "/readyz", "port": "http"},
            "livenessProbe": {"path": "/livez", "port": "http"},
        }

    def test_selectors_match_the_service_and_not_the_smoke_job(
        self, overlay: Path, render: Render
    ) -> None:
        resources = render(overlay)
        server = pod(find_resource(resources, "Deployment"))["metadata"]["labels"]
        smoke = pod(find_resource(resources, "Job"))["metadata"]["labels"]
        service = find_resource(resources, "Service")
        selectors = {
            "Deployment": find_resource(resources, "Deployment")["spec"]["selector"]["matchLabels"],
            "Service": service["spec"]["selector"],
            "Budget": find_resource(resources, "PodDisruptionBudget")["spec"]["selector"][
                "matchLabels"
            ],
        }
        for constraint in pod(find_resource(resources, "Deployment"))["spec"][
            "topologySpreadConstraints"
        ]:
            selectors[constraint["topologyKey"]] = constraint["labelSelector"]["matchLabels"]
        for name, selector in selectors.items():
            assert selects(selector, server), name
            assert not selects(selector, smoke), name

    def test_selectors_leave_other_models_of_the_namespace_alone(
        self, overlay: Path, render: Render
    ) -> None:
        mine = render(overlay)
        others = [o for o in OVERLAYS if o.name == overlay.name and o != overlay]
        for other in others:
            theirs = render(other)
            labels = pod(find_resource(theirs, "Deployment"))["metadata"]["labels"]
            assert not selects(find_resource(mine, "Service")["spec"]["selector"], labels)

    def test_network_lets_in_one_port_and_lets_out_only_names(
        self, overlay: Path, render: Render
    ) -> None:
        resources = render(overlay)
        labels = pod(find_resource(resources, "Deployment"))["metadata"]["labels"]
        (policy,) = (
            resource["spec"]
            for resource in resources
            if resource["kind"] == "NetworkPolicy"
            and selects(resource["spec"]["podSelector"]["matchLabels"], labels)
        )
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": 3000}]}]
        (egress,) = policy["egress"]
        assert {(port["protocol"], port["port"]) for port in egress["ports"]} == {
            ("UDP", 53),
            ("TCP", 53),
        }

    def test_smoke_job_runs_after_the_sync_and_may_reach_only_its_service(
        self, overlay: Path, render: Render
    ) -> None:
        resources = render(overlay)
        job, service = find_resource(resources, "Job"), find_resource(resources, "Service")
        hooks = {
            key.removeprefix("argocd.argoproj.io/"): value
            for key, value in job["metadata"]["annotations"].items()
        }
        assert hooks == {"hook": "PostSync", "hook-delete-policy": "BeforeHookCreation"}
        values = {variable["name"]: variable["value"] for variable in container(job)["env"]}
        url = values["SERVICE_URL"].replace("$(SERVICE_NAME)", values["SERVICE_NAME"])
        assert url == f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
        server = pod(find_resource(resources, "Deployment"))["metadata"]["labels"]
        (policy,) = (
            resource["spec"]
            for resource in resources
            if resource["kind"] == "NetworkPolicy"
            and selects(
                resource["spec"]["podSelector"]["matchLabels"], pod(job)["metadata"]["labels"]
            )
        )
        to_service, to_names = policy["egress"]
        (peer,) = to_service["to"]
        assert policy["ingress"] == []
        assert selects(peer["podSelector"]["matchLabels"], server)
        assert to_service["ports"] == [{"protocol": "TCP", "port": 3000}]
        assert {port["port"] for port in to_names["ports"]} == {53}

    def test_a_release_edits_two_files_and_moves_only_image_and_record(
        self, overlay: Path, deploy: Path, render: Render
    ) -> None:
        before, copy = render(overlay), deploy / overlay.relative_to(DEPLOY)
        model, environment = overlay.parts[-2:]
        record = Record(
            model, environment, f"{model}/v9.9.9", "registry.test/m", "sha256:" + "5e" * 32
        )
        edit(copy / "release.yaml", lambda text, path: edit_record(text, path, record))
        edit(
            copy / "kustomization.yaml",
            lambda text, path: edit_pin(text, path, record.image, record.digest),
        )
        after = kustomize.render(copy)
        config = find_resource(after, "ConfigMap")["metadata"]["name"]
        assert config != find_resource(before, "ConfigMap")["metadata"]["name"]
        for kind in WORKLOADS:
            assert container(find_resource(after, kind))["image"] == record.reference
        assert _without_release(after) == _without_release(before)


def edit(path: Path, change: Any) -> None:
    path.write_text(change(path.read_text(), str(path)))


def _without_release(resources: list[Resource]) -> str:
    """The rendering as text, without what a release is meant to change."""
    config = find_resource(resources, "ConfigMap")
    image = container(find_resource(resources, "Deployment"))["image"]
    others = [resource for resource in resources if resource is not config]
    return repr(others).replace(config["metadata"]["name"], "RECORD").replace(image, "IMAGE")


def test_production_survives_the_loss_of_a_pod(project: ProjectConfig, render: Render) -> None:
    for overlay in OVERLAYS:
        if overlay.name == project.environments[-1]:
            assert find_resource(render(overlay), "Deployment")["spec"]["replicas"] >= 2, overlay


UNITS = {"m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def amount(quantity: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", quantity).groups()  # type: ignore[union-attr]
    return float(number) * UNITS.get(unit, 1)


QUOTA = ("pods", "requests.cpu", "requests.memory", "limits.memory")


def needed(template: Any, count: int) -> dict[str, float]:
    """What so many pods of a template take of a quota."""
    (sizes,) = (c["resources"] for c in template["spec"]["containers"])
    of_one = {key: amount(sizes[key.split(".")[0]][key.split(".")[1]]) for key in QUOTA[1:]}
    return {key: count * value for key, value in {"pods": 1.0, **of_one}.items()}


def needed_by_models(environment: str, render: Render) -> dict[str, float]:
    """What every model of an environment takes at its largest, during an update."""
    total = dict.fromkeys(QUOTA, 0.0)
    for overlay in (o for o in OVERLAYS if o.name == environment):
        resources = render(overlay)
        largest = find_resource(resources, "Deployment")["spec"].get("replicas", 1)
        for workload, count in (("Deployment", largest + 1), ("Job", 1)):
            for key, value in needed(pod(find_resource(resources, workload)), count).items():
                total[key] += value
    return total


def quota(environment: str, render: Render) -> dict[str, float]:
    resources = render(DEPLOY / "environments" / environment)
    hard = find_resource(resources, "ResourceQuota")["spec"]["hard"]
    return {key: amount(hard[key]) for key in QUOTA}


def test_a_quota_has_room_for_every_model_at_its_largest_during_an_update(
    project: ProjectConfig, render: Render
) -> None:
    for environment in project.environments:
        room, total = quota(environment, render), needed_by_models(environment, render)
        assert {key: value for key, value in total.items() if value > room[key]} == {}, environment


def test_an_environment_is_closed_by_default(project: ProjectConfig, render: Render) -> None:
    for environment in project.environments:
        resources = render(DEPLOY / "environments" / environment)
        namespace = find_resource(resources, "Namespace")["metadata"]
        policy = find_resource(resources, "NetworkPolicy")["spec"]
        assert namespace["name"] == f"{project.name}-{environment}"
        assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        assert all(
            r["metadata"].get("namespace", namespace["name"]) == namespace["name"]
            for r in resources
        )


def test_an_overlay_is_short_enough_to_read_whole() -> None:
    for overlay in OVERLAYS:
        content = YAML(typ="safe").load(overlay / "kustomization.yaml")
        assert content["resources"] == ["../../base"]
        assert len((overlay / "kustomization.yaml").read_text().splitlines()) <= 32
