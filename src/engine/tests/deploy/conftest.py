"""Rendering for the manifests' tests: one run of kustomize per folder."""

import shutil
from functools import cache
from pathlib import Path

import pytest
from manifest_schemas import Schemas, crd_folder, load_crds
from rendering import DEPLOY, ROOT, Render

from tagship.config.project import ProjectConfig
from tagship.config.yaml_file import parse, read_yaml
from tagship.gitops import kustomize
from tools import need_kustomize


@pytest.fixture(scope="session")
def project() -> ProjectConfig:
    return parse(read_yaml(ROOT / "config" / "project.yaml"), ProjectConfig)


@pytest.fixture(scope="session")
def render() -> Render:
    """Renders a folder once. Without kustomize: a skip, or a failure where tools are required."""
    need_kustomize()
    return cache(kustomize.render)


@pytest.fixture(scope="session")
def crds() -> Schemas:
    """The closed schemas of the custom resources."""
    folder = crd_folder(ROOT)
    if folder is None:
        pytest.skip("no schemas of custom resources: set TAGSHIP_CRDS to a folder of CRDs")
    return load_crds(folder)


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """A copy of ``deploy/`` to change."""
    return Path(shutil.copytree(DEPLOY, tmp_path / "deploy"))
