"""What a cluster runs against what Git says; kubectl's answer is made of what is rendered."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from shop import Shop, image
from tagship.errors import TagshipError
from tagship.gitops.cluster import compare_cluster
from tagship.gitops.status import status

Edit = Callable[[dict[str, Any], list[dict[str, Any]]], None]
NAME = "shop-churn-production"


def items(shop: Shop) -> list[dict[str, Any]]:
    """The Applications and resources of a cluster that runs what Git says."""
    snapshot = shop.snapshot()
    objects: list[dict[str, Any]] = []
    for environment in snapshot.environments:
        current = snapshot.history.current("churn", environment)
        assert current is not None
        objects.append(
            {
                "kind": "Application",
                "metadata": {"name": f"shop-churn-{environment}", "namespace": "argocd"},
                "status": {
                    "sync": {"status": "Synced", "revision": current.commit},
                    "health": {"status": "Healthy"},
                    "operationState": {"phase": "Succeeded", "message": "successfully synced"},
                },
            }
        )
        text = snapshot.renderer.render(current.commit, "churn", environment).text
        objects += [each for each in YAML(typ="safe").load_all(text) if each]
    return objects


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Any]], None]:
    """A cluster that answers with these items."""

    def answer(objects: list[Any]) -> None:
        folder = tmp_path / "cluster"
        folder.mkdir(exist_ok=True)
        (folder / "items.json").write_text(json.dumps({"items": objects}))
        program = folder / "kubectl"
        program.write_text(f"#!/bin/sh\ncat {folder / 'items.json'}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")

    return answer


def test_a_cluster_that_runs_what_git_says_is_said_to(
    shipped: Shop, kubectl: Callable[[list[Any]], None]
) -> None:
    kubectl(items(shipped))
    snapshot = shipped.snapshot()
    told = compare_cluster(snapshot)
    assert set(told.values()) == {"as Git says"}
    rows = status(snapshot, None, told).rows
    assert all(row.agrees for row in rows)
    assert {row.cluster for row in status(snapshot).rows} == {"?"}


def _status(**changes: Any) -> Edit:
    def edit(application: dict[str, Any], objects: list[dict[str, Any]]) -> None:
        application["status"].update(changes)

    return edit


def _other_image(application: dict[str, Any], objects: list[dict[str, Any]]) -> None:
    for each in objects:
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["containers"][0]["image"] = image("other")


def _other_record(application: dict[str, Any], objects: list[dict[str, Any]]) -> None:
    for each in objects:
        if each["kind"] == "ConfigMap":
            text = each["data"]["release.yaml"]
            each["data"]["release.yaml"] = text.replace("churn/v1.1.0", "churn/v1.0.0")


def _no_record(application: dict[str, Any], objects: list[dict[str, Any]]) -> None:
    objects[:] = [each for each in objects if each["kind"] != "ConfigMap"]


def _no_pods(application: dict[str, Any], objects: list[dict[str, Any]]) -> None:
    objects[:] = [each for each in objects if each["kind"] != "Deployment"]


def _no_application(application: dict[str, Any], objects: list[dict[str, Any]]) -> None:
    objects.remove(application)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (_status(sync={"status": "Unknown"}), "Unknown"),
        (_status(sync={"status": "Synced", "revision": "0" * 40}), "at 000000000000, not at "),
        (_status(sync={"status": "OutOfSync", "revision": ""}), "OutOfSync"),
        (_status(health={"status": "Degraded"}), "Degraded"),
        (_status(health=None), "Unknown"),
        (_status(operationState={"phase": "Failed", "message": "one or\n more"}), "one or more"),
        (_status(conditions=[{"message": "unable to resolve '*' to a commit SHA"}]), "unable to"),
        (_other_image, "runs registry.example/shop/shop-churn@sha256:"),
        (_other_record, "its record says churn/v1.0.0, not what churn/production/2 holds"),
        (_no_record, "its record says nothing"),
        (_no_pods, "no Deployment churn-model in shop-production"),
        (_no_application, f"no Application {NAME}"),
    ],
)
def test_what_differs_is_named(
    shipped: Shop, kubectl: Callable[[list[Any]], None], edit: Edit, problem: str
) -> None:
    objects = copy.deepcopy(items(shipped))
    (mine,) = [each for each in objects if each["metadata"]["name"] == NAME]
    edit(mine, objects)
    kubectl(objects)
    snapshot = shipped.snapshot()
    told = compare_cluster(snapshot)
    assert problem in told["churn", "production"]
    (row,) = [row for row in status(snapshot, None, told).rows if row.environment == "production"]
    assert not row.agrees


def test_before_the_first_tag_nothing_runs(
    shop: Shop, kubectl: Callable[[list[Any]], None]
) -> None:
    waiting = {"sync": {"status": "Unknown"}, "health": {"status": "Healthy"}}
    kubectl([{"kind": "Application", "metadata": {"name": NAME}, "status": waiting}])
    told = compare_cluster(shop.snapshot())
    assert told["churn", "production"] == "nothing is deployed, as Git says"
    assert told["churn", "staging"] == "no Application shop-churn-staging"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo 'error: no context' >&2; exit 1", "kubectl get: error: no context"),
        ("echo words", "kubectl get: no JSON"),
        ("exit 1", "it did not say why"),
    ],
)
def test_a_cluster_that_does_not_answer_is_an_error(
    shipped: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, problem: str
) -> None:
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    snapshot = shipped.snapshot()
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    with pytest.raises(TagshipError, match=problem):
        compare_cluster(snapshot)
