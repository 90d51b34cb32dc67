"""`docker compose up` without Docker: its own commands under the conditions that it sets."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from projects import Project
from tools import find_program

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]
ALONE = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture(scope="module")
def composed(_run_once: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What happened to a project as it is cloned, and to two models that are not locked."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("the containers' conditions are made here on Linux as root only")
    if ROOT.is_relative_to("/work"):
        pytest.skip("the containers' /work hides this clone, which lies there: clone elsewhere")
    find_program("unshare", hint="it is in util-linux")
    find_program("setpriv", hint="it is in util-linux")
    folder = tmp_path_factory.mktemp("compose")
    project = Project(folder / "project")
    for name in ("config", "bentos", "src", "data"):
        shutil.copytree(_run_once.root / name, project.root / name)
    shutil.copytree(ROOT / "deploy/image", project.root / "deploy/image")
    shutil.copy(ROOT / "docker-compose.yml", project.root)
    for model in ("fresh", "changed"):
        shutil.copytree(project.path("config/tiny"), project.path(f"config/{model}"))
    project.path("config/fresh/model.lock.yaml").unlink()
    project.edit("config/changed/model.yaml", "{max_depth: 3}", "{max_depth: 2}")
    script = str(Path(__file__).with_name("compose.py"))
    request = json.dumps({"age": 30.5, "visits": 9, "plan": "pro"})
    done = subprocess.run(
        [
            "unshare",
            *ALONE,
            sys.executable,
            script,
            str(project.root),
            str(folder / "run"),
            request,
        ],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_the_conditions_are_those_of_the_containers(composed: dict[str, Any]) -> None:
    assert composed["conditions"] == {"git": False, "root": False, "another user": False}
    assert composed["mlflow healthy"]


def test_the_training_proves_the_lock_and_the_model_answers(composed: dict[str, Any]) -> None:
    assert composed["training"]["code"] == 0, composed["training"]["err"]
    assert "untouched" in composed["training"]["out"]
    assert composed["model healthy"]
    assert composed["answer"]["prediction"] in ("yes", "no")
    assert composed["model ended"] == 0
    assert composed["versions"] == "['tiny']"


def test_what_is_to_stay_is_in_the_volumes(composed: dict[str, Any]) -> None:
    kept = composed["volumes"]
    assert "reports/tiny.html" in kept
    for start in ("bentos/bentoml/bentos/tiny/", "predictions/predictions-", "mlflow/artifacts/"):
        assert any(path.startswith(start) for path in kept), start


def test_a_model_that_is_not_locked_is_refused_before_it_is_trained(
    composed: dict[str, Any],
) -> None:
    refused = composed["not locked"]
    assert refused["code"] == 1
    assert "Traceback" not in refused["err"]
    for text in (
        "config/fresh/model.lock.yaml: must be written, and cannot be here",
        "there is no lock",
        "config/changed/model.lock.yaml: must be written",
        "max_depth: 3 → 2",
        "run `tagship run changed` where config/ can be written",
    ):
        assert text in refused["err"], refused["err"]
    assert "rows" not in refused["out"], "it trained before it looked"
