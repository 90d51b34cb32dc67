"""The DAG for Airflow: its stages are commands of this command line, and they really run."""

import ast
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from projects import Project

DAG = Path(__file__).parents[4] / "docs/examples/airflow_dag.py"
STAGES: dict[str, str] = next(
    ast.literal_eval(node.value)
    for node in ast.parse(DAG.read_text(encoding="utf-8")).body
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "STAGES"
)
COURSE = ["ingest", "validate", "prepare", "train", "evaluate", "gate", "register"]


def run(project: Project, stage: str) -> list[int]:
    """A stage's commands, each until one fails."""
    codes = []
    for command in STAGES[stage].format(model="tiny").split(" && "):
        program, *arguments = shlex.split(command)
        assert program == "tagship"
        codes.append(project.tagship(*arguments).code)
        if codes[-1]:
            break
    return codes


@pytest.mark.slow
def test_the_stages_of_the_course_run_one_after_another_from_what_is_on_disk(
    project: Project,
) -> None:
    assert list(STAGES) == COURSE
    left = {
        "ingest": "reports/tiny-data.html",
        "train": ".tagship/models/tiny/lock.yaml",
        "evaluate": ".tagship/models/tiny/verdict.json",
        "gate": "config/tiny/model.lock.yaml",
        "register": "reports/tiny.html",
    }
    for stage in COURSE:
        path = project.root / left.get(stage, "config")
        assert stage not in left or not path.exists(), stage
        assert set(run(project, stage)) == {0}, stage
        assert path.exists(), stage
    assert project.kept()[1], "nothing is in MLflow"
    assert list(project.root.glob(".tagship/bentoml/bentos/tiny/*/bento.yaml"))


@pytest.mark.slow
def test_a_model_that_fails_a_gate_stops_it(project: Project) -> None:
    project.edit("thresholds", "fail_below: 0.6", "fail_below: 0.999")
    assert run(project, "train") == [0]
    before = project.kept()
    assert [run(project, stage) for stage in ("evaluate", "gate")] == [[1]] * 2
    assert project.kept() == before
    assert run(project, "register") == [0, 1], "the failure is recorded, and nothing is built"
    assert project.kept()[0] == before[0]
    assert not list(project.root.glob(".tagship/bentoml/bentos/tiny/*/bento.yaml"))


def test_a_stage_out_of_order_refuses(project: Project) -> None:
    for stage in ("evaluate", "gate", "register"):
        assert run(project, stage) == [1], stage


@pytest.mark.slow
def test_a_real_airflow_parses_and_runs_it(project: Project, tmp_path: Path) -> None:
    """Airflow wants an environment of its own, made by `uv venv` and `uv pip install`."""
    program = os.environ.get("TAGSHIP_AIRFLOW")
    if not program:
        pytest.skip("set TAGSHIP_AIRFLOW to the program `airflow` of an environment of its own")
    (project.root / ".venv" / "bin").mkdir(parents=True)
    tagship = Path(sys.executable).parent / "tagship"
    (project.root / ".venv" / "bin" / "tagship").symlink_to(tagship)
    dags = tmp_path / "airflow" / "dags"
    dags.mkdir(parents=True)
    text = DAG.read_text(encoding="utf-8")
    (dags / "tagship.py").write_text(text.replace('["churn"]', '["tiny"]'), encoding="utf-8")
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PYTHON"))}
    given = {"AIRFLOW_HOME": str(dags.parent), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}

    def airflow(*arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments],
            env={**outside, **given, "TAGSHIP_PROJECT": str(project.root)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    airflow("db", "migrate")
    assert "No data found" in airflow("dags", "list-import-errors")
    said = airflow("dags", "test", "tagship_tiny")
    assert "state=success" in said
    assert project.lock.is_file()
    assert list(project.root.glob(".tagship/bentoml/bentos/tiny/*/bento.yaml"))
