"""A repository on an emulated GitHub: a small real project, its remote, its workflows."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge import Edge
from hub import Hub, make_repository

from projects import Project, copy_project
from registries import Registry


@pytest.fixture(scope="session")
def _registry() -> Iterator[tuple[str, list[Path]]]:
    with Registry().served() as registry:
        yield registry.host, registry.folders


@pytest.fixture(scope="session", autouse=True)
def _steps(
    tmp_path_factory: pytest.TempPathFactory, _run_once: Project, warm: dict[str, str]
) -> None:
    """The command line that steps call, and an MLflow store that need not be made each time."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copy(_run_once.root / "mlflow.db", folder)
    Edge.tagship = {**warm, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}


@pytest.fixture(scope="session")
def _founded(
    tmp_path_factory: pytest.TempPathFactory,
    _run_once: Project,
    _registry: tuple[str, list[Path]],
) -> Path:
    """The first commit: a locked model, its overlays, nothing released."""
    folder = tmp_path_factory.mktemp("hub")
    make_repository(copy_project(_run_once, folder / "work"), folder / "remote.git", _registry[0])
    return folder


@pytest.fixture(scope="session")
def _tagged(tmp_path_factory: pytest.TempPathFactory, _founded: Path) -> Path:
    """After ``tagship release tiny v1.0.0 --push``."""
    folder = _copy(_founded, tmp_path_factory.mktemp("tagged") / "hub")
    Hub(folder).release("v1.0.0")
    return folder


@pytest.fixture(scope="session")
def _staged(
    tmp_path_factory: pytest.TempPathFactory, _tagged: Path, _registry: tuple[str, list[Path]]
) -> Path:
    """After the release workflow: staging runs v1.0.0, production is proposed."""
    folder = _copy(_tagged, tmp_path_factory.mktemp("staged") / "hub")
    _registry[1].append(folder / "edge")
    ran = Hub(folder).push_tag("release", "tiny/v1.0.0")
    assert ran.ok, ran.log
    return folder


@pytest.fixture(scope="session")
def _shipped(
    tmp_path_factory: pytest.TempPathFactory, _staged: Path, _registry: tuple[str, list[Path]]
) -> Path:
    """After the promotion was merged: production runs v1.0.0."""
    folder = _copy(_staged, tmp_path_factory.mktemp("shipped") / "hub")
    _registry[1].append(folder / "edge")
    ran = Hub(folder).merge("promote/tiny/v1.0.0")
    assert ran.ok, ran.log
    return folder


@pytest.fixture
def founded(_founded: Path, tmp_path: Path, _registry: tuple[str, list[Path]]) -> Hub:
    return _hub(_founded, tmp_path, _registry)


@pytest.fixture
def tagged(_tagged: Path, tmp_path: Path, _registry: tuple[str, list[Path]]) -> Hub:
    return _hub(_tagged, tmp_path, _registry)


@pytest.fixture
def staged(_staged: Path, tmp_path: Path, _registry: tuple[str, list[Path]]) -> Hub:
    return _hub(_staged, tmp_path, _registry)


@pytest.fixture
def shipped(_shipped: Path, tmp_path: Path, _registry: tuple[str, list[Path]]) -> Hub:
    return _hub(_shipped, tmp_path, _registry)


def _hub(source: Path, tmp_path: Path, registry: tuple[str, list[Path]]) -> Hub:
    folder = _copy(source, tmp_path / "hub")
    registry[1].append(folder / "edge")
    return Hub(folder)


def _copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, symlinks=True)
    url = str(target / "remote.git")
    subprocess.run(["git", "remote", "set-url", "origin", url], cwd=target / "work", check=True)
    return target
