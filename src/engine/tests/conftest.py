"""Fixtures that any test may use: a small real project, fresh or already run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; see cli/__init__.py
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from clusters import Cluster
from object_stores import ObjectStore, object_store
from projects import Project, copy_project, make_project
from warm import start


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A sound project with the model ``tiny``, on which no command has run yet."""
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def _run_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("run-once") / "project")
    ran = project.tagship("run", "tiny")
    assert ran.code == 0, ran.out + ran.err
    return project


@pytest.fixture
def run_project(_run_once: Project, tmp_path: Path) -> Project:
    """The project after one `tagship run`: locked, recorded in MLflow, its bento built."""
    return copy_project(_run_once, tmp_path / "project")


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What lets a process start without its imports: see ``warm``."""
    process, socket, client = start(tmp_path_factory.mktemp("warm"))
    yield {"WARM_CLIENT": str(client), "TAGSHIP_WARM": str(socket)}
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Dask scheduler and two workers."""
    with Cluster.started(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Two workers, which every command of a test uses."""
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", shared_cluster.address)
    return shared_cluster


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A real S3 server for all tests of a process."""
    with object_store(tmp_path_factory.mktemp("store")) as served:
        yield served
