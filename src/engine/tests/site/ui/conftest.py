"""`tagship ui` in a process of its own, beside a real service and a real remote."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from projects import Project, copy_project
from services import free_port, serve, wait_for_answer


def git(project: Project, *arguments: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *who, *arguments], cwd=project.root, check=True, capture_output=True)


@dataclass(frozen=True)
class Running:
    """A `tagship ui` that runs, and the service that its forms ask."""

    address: str
    service: str
    project: Project


@contextlib.contextmanager
def ui(project: Project, service: str) -> Iterator[str]:
    """The address of a `tagship ui`; the process ends with the block."""
    port = free_port()
    command = [sys.executable, "-m", "tagship", "ui", "--port", str(port), "--service", service]
    log = project.root.parent / "ui.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--every", "0.3"], cwd=project.root, stdout=output, stderr=output
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for_answer(process, address, log)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
    assert process.returncode == 0, log.read_text()


@pytest.fixture(scope="module")
def running(_run_once: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    project = copy_project(_run_once, tmp_path_factory.mktemp("ui") / "project")
    remote = project.root.parent / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", remote], check=True)
    git(project, "init", "-q", "-b", "main")
    ignored = "/site/\n/.tagship/\n/reports/\n/mlruns/\n/mlflow.db*\n/serve.log\n"
    project.write(".gitignore", ignored)
    git(project, "add", "-A")
    git(project, "commit", "-qm", "feat: begin")
    git(project, "remote", "add", "origin", os.fspath(remote))
    git(project, "push", "-q", "origin", "main")
    with serve(project) as service, ui(project, service) as address:
        yield Running(address, service, project)
