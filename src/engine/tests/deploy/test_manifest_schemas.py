"""Every manifest is valid, and a typo in any kind of it is noticed."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from manifest_schemas import KUBERNETES, Schemas, custom_problem, is_custom, kubernetes_problem
from rendering import DEPLOY, Render, Resource

from tagship.errors import TagshipError
from tagship.gitops import kustomize

FOLDERS = sorted(path.parent for path in DEPLOY.rglob("kustomization.yaml"))
WHOLE = [folder for folder in FOLDERS if "components" not in folder.parts]
COMPONENTS = [folder for folder in FOLDERS if "components" in folder.parts]

TYPOS = [
    ("AnalysisTemplate", "spec/metrics/0/failureLimit", "failureLimits"),
    ("AppProject", "spec/sourceRepos", "sourceRepo"),
    ("ApplicationSet", "spec/template/spec/source/targetRevision", "targetRevison"),
    ("ApplicationSet", "spec/template/spec/source/tagPrefix", "tagprefix"),
    ("ApplicationSet", "spec/syncPolicy/applicationsSync", "applicationSync"),
    ("ApplicationSet", "spec/generators/1/git/template/spec/project", "projects"),
    ("ConfigMap", "data", "dta"),
    ("CronJob", "spec/jobTemplate/spec/template/spec/containers/0/volumeMounts", "volumeMount"),
    ("DaskCluster", "spec/worker/replicas", "replica"),
    ("DaskCluster", "spec/scheduler/spec/containers/0/securityContext/capabilities", "capability"),
    ("DaskCluster", "spec/scheduler/service/ports/0/targetPort", "targetport"),
    ("Deployment", "spec/template/spec/containers/0/livenessProbe", "livenessprobe"),
    ("Deployment", "spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem", "ro"),
    ("HorizontalPodAutoscaler", "spec/maxReplicas", "maxReplica"),
    ("Ingress", "spec/rules/0/host", "hosts"),
    ("Job", "spec/backoffLimit", "backOffLimit"),
    ("LimitRange", "spec/limits/0/defaultRequest", "defaultRequests"),
    ("Namespace", "metadata/labels", "label"),
    ("NetworkPolicy", "spec/policyTypes", "policyType"),
    ("PodDisruptionBudget", "spec/maxUnavailable", "maxUnavailble"),
    ("PrometheusRule", "spec/groups/0/rules/0/expr", "exp"),
    ("ResourceQuota", "spec/hard", "limits"),
    ("Rollout", "spec/strategy/canary/steps/0/setWeight", "setweight"),
    ("Service", "spec/selector", "selectors"),
    ("ServiceAccount", "automountServiceAccountToken", "automountServiceAcountToken"),
    ("ServiceMonitor", "spec/endpoints/0/interval", "intervall"),
]


def named(folder: Path) -> str:
    return str(folder.relative_to(DEPLOY))


def first_overlay(deploy: Path) -> Path:
    return next(iter(sorted(deploy.glob("*/*/release.yaml")))).parent


def in_an_overlay(components: list[Path], deploy: Path) -> list[Resource]:
    """The first overlay of a copy of ``deploy/``, with components added as their heads say."""
    overlay = first_overlay(deploy)
    names = [component.name for component in components]
    if "canary" in names:  # it brings these
        names = [name for name in names if name not in ("service-monitor", "autoscaler")]
    listed = ", ".join(f"../../components/{name}" for name in names)
    pin = overlay / "kustomization.yaml"
    pin.write_text(f"{pin.read_text()}components: [{listed}]\n")
    return kustomize.render(overlay)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("folder", WHOLE, ids=named)
def test_what_a_folder_renders_is_valid_kubernetes(
    folder: Path, version: str, render: Render
) -> None:
    plain = [resource for resource in render(folder) if not is_custom(resource)]
    assert [problem for r in plain if (problem := kubernetes_problem(r, version))] == []


@pytest.mark.parametrize("folder", WHOLE, ids=named)
def test_custom_resources_of_a_folder_are_valid(
    folder: Path, render: Render, crds: Schemas
) -> None:
    custom = [resource for resource in render(folder) if is_custom(resource)]
    assert [problem for r in custom if (problem := custom_problem(r, crds))] == []


@pytest.mark.parametrize("component", COMPONENTS, ids=named)
def test_an_overlay_with_a_component_is_valid(
    component: Path, deploy: Path, render: Render, crds: Schemas
) -> None:
    for resource in in_an_overlay([component], deploy):
        if is_custom(resource):
            assert custom_problem(resource, crds) == ""
        else:
            assert kubernetes_problem(resource, KUBERNETES[-1]) == ""


def whole_items(resource: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Fields that the CRD fills in and that an item of a list lacks: Argo CD would see a change."""
    if isinstance(resource, dict):
        for key, value in resource.items():
            more = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
            if isinstance(more, dict):
                yield from whole_items(value, more, f"{path}.{key}")
    elif isinstance(resource, list) and isinstance(schema.get("items"), dict):
        fields = schema["items"].get("properties", {})
        merged = schema.get("x-kubernetes-list-type") in ("map", "set")
        for number, item in enumerate(resource):
            if isinstance(item, dict) and not merged:
                lacking = (f for f, s in fields.items() if "default" in s and f not in item)
                yield from (f"{path}[{number}].{field}" for field in lacking)
            yield from whole_items(item, schema["items"], f"{path}[{number}]")


@pytest.mark.parametrize("folder", [*WHOLE, *COMPONENTS], ids=named)
def test_no_item_of_a_list_lacks_what_its_crd_fills_in(
    folder: Path, deploy: Path, render: Render, crds: Schemas
) -> None:
    resources = render(folder) if folder in WHOLE else in_an_overlay([folder], deploy)
    lacking = [
        f"{resource['kind']} {field}"
        for resource in resources
        if is_custom(resource)
        for field in whole_items(resource, crds[resource["apiVersion"], resource["kind"]].schema)
    ]
    assert lacking == []


def test_a_list_item_that_lacks_a_default_is_noticed(
    deploy: Path, render: Render, crds: Schemas
) -> None:
    path = deploy / "components/service-monitor/service-monitor.yaml"
    path.write_text(path.read_text().replace(", action: replace", "", 1))
    resources = in_an_overlay([deploy / "components" / "service-monitor"], deploy)
    (monitor,) = (r for r in resources if r["kind"] == "ServiceMonitor")
    schema = crds[monitor["apiVersion"], "ServiceMonitor"].schema
    assert list(whole_items(monitor, schema)) == [".spec.endpoints[0].relabelings[1].action"]


@pytest.mark.parametrize("folder", [*WHOLE, *COMPONENTS], ids=named)
def test_ports_say_their_protocol_where_kubernetes_compares_lists_whole(
    folder: Path, deploy: Path, render: Render
) -> None:
    resources = render(folder) if folder in WHOLE else in_an_overlay([folder], deploy)
    rules = [
        rule
        for resource in resources
        if resource["kind"] == "NetworkPolicy"
        for way in ("ingress", "egress")
        for rule in resource["spec"].get(way, [])
    ]
    assert all("protocol" in port for rule in rules for port in rule.get("ports", []))


@pytest.fixture
def every_kind(render: Render, deploy: Path) -> dict[str, Resource]:
    resources = [resource for folder in WHOLE for resource in render(folder)]
    return {r["kind"]: r for r in [*resources, *in_an_overlay(COMPONENTS, deploy)]}


@pytest.mark.parametrize(("kind", "path", "typo"), TYPOS)
def test_a_typo_is_caught(
    kind: str,
    path: str,
    typo: str,
    every_kind: dict[str, Resource],
    request: pytest.FixtureRequest,
) -> None:
    resource = deepcopy(every_kind[kind])
    *parents, key = path.split("/")
    place: Any = resource
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[typo] = place.pop(key)
    if is_custom(resource):
        assert typo in custom_problem(resource, request.getfixturevalue("crds"))
    else:
        assert typo in kubernetes_problem(resource, KUBERNETES[-1])


def test_every_kind_has_a_planted_typo(every_kind: dict[str, Resource]) -> None:
    assert set(every_kind) == {kind for kind, _, _ in TYPOS}


def test_an_unknown_kind_is_a_problem(crds: Schemas) -> None:
    assert "no such kind" in kubernetes_problem(
        {"apiVersion": "apps/v1", "kind": "Deploymnt"}, KUBERNETES[-1]
    )
    assert "no CRD" in custom_problem({"apiVersion": "argoproj.io/v1", "kind": "Rollout"}, crds)


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_a_typo_in_a_kustomization_is_refused(folder: Path, deploy: Path, render: Render) -> None:
    copy = deploy / folder.relative_to(DEPLOY)
    text = (copy / "kustomization.yaml").read_text()
    (copy / "kustomization.yaml").write_text(text.replace("\nkind:", "\nresourcs: []\nkind:"))
    with pytest.raises(TagshipError, match="resourcs"):
        kustomize.render(copy)
