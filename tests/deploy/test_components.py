"""What the opt-in components change."""

from pathlib import Path
from typing import Any

import pytest
from rendering import DEPLOY, Render, Resource
from test_manifest_schemas import in_an_overlay
from test_overlays import OVERLAYS, one, pod, selects


@pytest.fixture
def canary(deploy: Path, render: Render) -> list[Resource]:
    return in_an_overlay([DEPLOY / "components" / "canary"], deploy)


def test_no_component_is_used_unasked(render: Render) -> None:
    kinds = {resource["kind"] for overlay in OVERLAYS for resource in render(overlay)}
    assert kinds.isdisjoint({"Rollout", "AnalysisTemplate", "Ingress"})


def test_canary_takes_the_pods_of_the_deployment_over(canary: list[Resource]) -> None:
    rollout, deployment = one(canary, "Rollout"), one(canary, "Deployment")
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


def test_canary_autoscaler_scales_the_rollout(canary: list[Resource]) -> None:
    assert one(canary, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "name": one(canary, "Rollout")["metadata"]["name"],
    }


def test_canary_is_analysed_with_every_argument_its_template_needs(canary: list[Resource]) -> None:
    template = one(canary, "AnalysisTemplate")
    needed = {argument["name"] for argument in template["spec"]["args"] if "value" not in argument}
    steps = one(canary, "Rollout")["spec"]["strategy"]["canary"]["steps"]
    analyses = [step["analysis"] for step in steps if "analysis" in step]
    assert analyses
    for analysis in analyses:
        assert analysis["templates"] == [{"templateName": template["metadata"]["name"]}]
        assert {argument["name"] for argument in analysis["args"]} == needed


def test_canary_measures_its_own_predictions_by_bentoml_metrics(canary: list[Resource]) -> None:
    metrics: dict[str, Any] = {
        metric["name"]: metric for metric in one(canary, "AnalysisTemplate")["spec"]["metrics"]
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
    monitor = one(canary, "ServiceMonitor")["spec"]
    assert monitor["podTargetLabels"] == ["rollouts-pod-template-hash"]


def test_canary_without_numbers_neither_succeeds_nor_fails(canary: list[Resource]) -> None:
    for metric in one(canary, "AnalysisTemplate")["spec"]["metrics"]:
        for condition in (metric["successCondition"], metric["failureCondition"]):
            assert condition.startswith("len(result) > 0 && !isNaN(result[0]) && ")
        assert "inconclusiveLimit" not in metric


def test_ingress_opens_predictions_and_the_release_only(deploy: Path, render: Render) -> None:
    resources = in_an_overlay([DEPLOY / "components" / "ingress"], deploy)
    service = one(resources, "Service")["metadata"]["name"]
    (rule,) = one(resources, "Ingress")["spec"]["rules"]
    assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [
        ("/predict", "Exact"),
        ("/info", "Exact"),
    ]
    assert {path["backend"]["service"]["name"] for path in rule["http"]["paths"]} == {service}
