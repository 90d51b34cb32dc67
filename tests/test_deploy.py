"""What Argo CD would apply: every overlay renders, and Kubernetes would take it."""

import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from conftest import MODELS, ROOT, Run

FOLDERS = sorted(path.parent for path in ROOT.glob("deploy/**/kustomization.yaml"))
COMPLETE = [path for path in FOLDERS if "components" not in path.parts]
OVERLAYS = [path for path in COMPLETE if path.parent.name in MODELS]
CUSTOM = ("argoproj.io/", "kubernetes.dask.org/", "monitoring.coreos.com/")
"""Groups of custom resources, whose schemas the cluster has."""

Render = Any


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="session")
def render(run: Run) -> Render:
    """The resources that a folder renders to."""
    program = ("kustomize", "build") if shutil.which("kustomize") else ("kubectl", "kustomize")

    def resources(folder: Path) -> list[dict[str, Any]]:
        return [resource for resource in yaml.safe_load_all(run(*program, str(folder))) if resource]

    return resources


@pytest.mark.parametrize("folder", COMPLETE, ids=name_of)
def test_kubernetes_takes_what_a_folder_renders_to(folder: Path, render: Render) -> None:
    resources = render(folder)
    assert resources
    for resource in resources:
        if not resource["apiVersion"].startswith(CUSTOM):
            kubernetes_validate.validate(resource, "1.31", strict=True)


@pytest.mark.parametrize("folder", OVERLAYS, ids=name_of)
def test_an_overlay_runs_the_image_that_its_record_names(folder: Path, render: Render) -> None:
    record = yaml.safe_load((folder / "release.yaml").read_text(encoding="utf-8"))
    images = [container["image"] for resource in render(folder) if resource["kind"] == "Deployment"
              for container in resource["spec"]["template"]["spec"]["containers"]]  # fmt: skip
    assert images == [f"{record['image']}@{record['digest']}"]


def test_every_model_has_an_overlay_for_every_environment(model: str) -> None:
    project = yaml.safe_load((ROOT / "config/project.yaml").read_text(encoding="utf-8"))
    for environment in project.get("environments", ["staging", "production"]):
        assert ROOT / "deploy" / model / environment in OVERLAYS
