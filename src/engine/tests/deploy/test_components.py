"""What the opt-in components change."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rendering import DEPLOY, Render, Resource
from ruamel.yaml import YAML
from test_manifest_schemas import in_an_overlay
from test_overlays import OVERLAYS, container, find_resource, pod, selects
from typer.main import get_command

from tagship.cli import make_app


@pytest.fixture
def canary(deploy: Path, render: Render) -> list[Resource]:
    return in_an_overlay([DEPLOY / "components" / "canary"], deploy)


def test_no_component_is_used_unasked(render: Render) -> None:
    kinds = {resource["kind"] for overlay in OVERLAYS for resource in render(overlay)}
    assert kinds.isdisjoint({"Rollout", "AnalysisTemplate", "Ingress", "CronJob", "DaskCluster"})


def test_the_service_monitor_selects_its_model_s_service_alone(
    deploy: Path, render: Render
) -> None:
    resources = in_an_overlay([DEPLOY / "components" / "service-monitor"], deploy)
    selector = find_resource(resources, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert selects(selector, find_resource(resources, "Service")["metadata"]["labels"])
    model = find_resource(resources, "Service")["metadata"]["labels"]["app.kubernetes.io/name"]
    assert selector["app.kubernetes.io/name"] == model


def test_with_keys_the_service_starts_only_with_them_and_the_smoke_test_brings_one(
    deploy: Path, render: Render
) -> None:
    resources = in_an_overlay([DEPLOY / "components" / "keys"], deploy)
    server = container(find_resource(resources, "Deployment"))
    said = {each["name"]: each.get("value") for each in server["env"]}
    mounts = {each["name"]: each["mountPath"] for each in server["volumeMounts"]}
    assert said["TAGSHIP_REQUIRE_KEYS"] == "true"
    assert said["TAGSHIP_API_KEYS_FILE"] == f"{mounts['keys']}/keys"
    assert {*said} > {"TAGSHIP_LOG_DIR", "BENTOML_HOME"}, "what the base says stays"
    volumes = {
        each["name"]: each
        for each in pod(find_resource(resources, "Deployment"))["spec"]["volumes"]
    }
    assert volumes["keys"]["secret"]["secretName"] == "model-keys"
    given = {each["name"]: each for each in container(find_resource(resources, "Job"))["env"]}
    source = given["TAGSHIP_API_KEY"]["valueFrom"]["secretKeyRef"]
    assert (source["name"], "optional" in source) == ("model-keys", False)


def test_the_autoscaler_scales_the_deployment(deploy: Path, render: Render) -> None:
    resources = in_an_overlay([DEPLOY / "components" / "autoscaler"], deploy)
    deployment, scaler = find_resource(resources, "Deployment"), find_resource(
        resources, "HorizontalPodAutoscaler"
    )
    assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


def test_canary_takes_the_pods_of_the_deployment_over(canary: list[Resource]) -> None:
    rollout, deployment = find_resource(canary, "Rollout"), find_resource(canary, "Deployment")
    assert rollout["spec"]["workloadRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
        "scaleDown": "onsuccess",
    }
    labels = pod(deployment)["metadata"]["labels"]
    assert selects(rollout["spec"]["selector"]["matchLabels"], labels)
    assert rollout["spec"]["selector"] == deployment["spec"]["selector"]
    assert "template" not in rollout["spec"]
    assert "replicas" not in rollout["spec"]


def test_canary_keeps_no_sync_waiting_for_a_hook(canary: list[Resource]) -> None:
    hooks = [r for r in canary if "argocd.argoproj.io/hook" in r["metadata"].get("annotations", {})]
    assert hooks == []


def test_canary_autoscaler_scales_the_rollout(canary: list[Resource]) -> None:
    assert find_resource(canary, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "name": find_resource(canary, "Rollout")["metadata"]["name"],
    }


def test_canary_is_analysed_with_every_argument_its_template_needs(canary: list[Resource]) -> None:
    template = find_resource(canary, "AnalysisTemplate")
    needed = {argument["name"] for argument in template["spec"]["args"] if "value" not in argument}
    steps = find_resource(canary, "Rollout")["spec"]["strategy"]["canary"]["steps"]
    analyses = [step["analysis"] for step in steps if "analysis" in step]
    assert analyses
    for analysis in analyses:
        assert analysis["templates"] == [{"templateName": template["metadata"]["name"]}]
        assert {argument["name"] for argument in analysis["args"]} == needed


def test_canary_measures_its_own_predictions_by_bentoml_metrics(canary: list[Resource]) -> None:
    metrics: dict[str, Any] = {
        metric["name"]: metric
        for metric in find_resource(canary, "AnalysisTemplate")["spec"]["metrics"]
    }
    names = {
        "error-rate": "bentoml_service_request_total",
        "p99": "bentoml_service_request_duration_seconds_bucket",
    }
    assert set(metrics) == set(names)
    for name, metric in metrics.items():
        query = metric["provider"]["prometheus"]["query"]
        assert query.count(names[name]) == query.count('rollouts_pod_template_hash="{{args.pods}}"')
        assert query.count('endpoint="/predict"') == query.count(names[name])
    monitor = find_resource(canary, "ServiceMonitor")["spec"]
    assert monitor["podTargetLabels"] == ["rollouts-pod-template-hash"]


def test_canary_without_numbers_neither_succeeds_nor_fails(canary: list[Resource]) -> None:
    for metric in find_resource(canary, "AnalysisTemplate")["spec"]["metrics"]:
        for condition in (metric["successCondition"], metric["failureCondition"]):
            assert condition.startswith("len(result) > 0 && !isNaN(result[0]) && ")
        assert "inconclusiveLimit" not in metric


def test_ingress_opens_predictions_and_the_release_only(deploy: Path, render: Render) -> None:
    resources = in_an_overlay([DEPLOY / "components" / "ingress"], deploy)
    service = find_resource(resources, "Service")["metadata"]["name"]
    (rule,) = find_resource(resources, "Ingress")["spec"]["rules"]
    assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [
        ("/predict", "Exact"),
        ("/info", "Exact"),
    ]
    assert {path["backend"]["service"]["name"] for path in rule["http"]["paths"]} == {service}


@pytest.fixture
def watched(deploy: Path, render: Render) -> list[Resource]:
    return in_an_overlay([DEPLOY / "components" / "monitor"], deploy)


def test_the_monitor_looks_at_its_overlays_model_and_environment(watched: list[Resource]) -> None:
    job = find_resource(watched, "CronJob")["spec"]["jobTemplate"]["spec"]
    labels = pod({"spec": job})["metadata"]["labels"]
    record = YAML(typ="safe").load(find_resource(watched, "ConfigMap")["data"]["release.yaml"])
    given = {e["name"]: e for e in container({"spec": job})["env"]}
    named = {"MODEL": "app.kubernetes.io/name", "ENVIRONMENT": "environment"}
    for name, label in named.items():
        path = given[name]["valueFrom"]["fieldRef"]["fieldPath"]
        assert path == f"metadata.labels['{label}']"
        assert labels[label] == record[name.lower()]


def test_the_monitor_is_no_pod_of_the_service_and_is_locked_down(watched: list[Resource]) -> None:
    job = find_resource(watched, "CronJob")["spec"]["jobTemplate"]["spec"]
    labels = pod({"spec": job})["metadata"]["labels"]
    assert not selects(find_resource(watched, "Service")["spec"]["selector"], labels)
    assert not selects(
        find_resource(watched, "Deployment")["spec"]["selector"]["matchLabels"], labels
    )
    policies = [r["spec"] for r in watched if r["kind"] == "NetworkPolicy"]
    assert [p["ingress"] for p in policies if selects(p["podSelector"]["matchLabels"], labels)] == [
        []
    ]
    served = container(find_resource(watched, "Deployment"))
    security = container({"spec": job})["securityContext"]
    assert security == served["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    image = container({"spec": job})["image"]
    assert "-monitor@sha256:" in image
    assert image != served["image"]


@pytest.mark.parametrize(("code", "fails"), [(0, False), (1, True), (3, False), (5, False)])
def test_the_monitors_job_fails_only_when_the_look_did(
    code: int, fails: bool, watched: list[Resource], tmp_path: Path
) -> None:
    """Its own script, with git and python that only note what they were asked."""
    job = find_resource(watched, "CronJob")["spec"]["jobTemplate"]["spec"]
    shell, options, script = container({"spec": job})["command"]
    script = script.replace("/work/project", str(tmp_path / "project"))
    for name, answer in (("git", 'mkdir "$4"'), ("python", f"exit {code}")):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/asked\n{answer}\n')
        program.chmod(0o755)
    given = {"MODEL": "tiny", "ENVIRONMENT": "staging", "REPOSITORY": "r", "PUSHGATEWAY": "p"}
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run([shell, options, script], env={**given, "PATH": path})
    assert (done.returncode != 0) is fails
    _, *words = (tmp_path / "asked").read_text().splitlines()[1].split(" -m tagship ")[1].split()
    command = get_command(make_app()).commands["monitor"]
    context = command.make_context("monitor", words)
    assert context.params["models"] == ["tiny"]
    assert (context.params["env"], context.params["pushgateway"]) == ("staging", "p")
