"""The DAG for Airflow: its stages are commands of this command line, and they really run."""

import ast
import hashlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from projects import Project

DAG = Path(__file__).parents[4] / "docs/examples/airflow_dag.py"
PAGE = DAG.parents[1] / "how-to/airflow.md"
SAID: dict[str, Any] = {
    ast.unparse(node.targets[0]): ast.literal_eval(node.value)
    for node in ast.parse(DAG.read_text(encoding="utf-8")).body
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict | ast.List)
}
STAGES: dict[str, str] = SAID["STAGES"]
COURSE = ["ingest", "validate", "prepare", "train", "evaluate", "gate", "register"]


def table() -> dict[str, dict[str, str]]:
    """The table of the page: what each stage's columns say."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}


def named(cell: str) -> list[str]:
    """What stands in backticks in a cell, for the model of the test."""
    return [text.replace("MODEL", "tiny") for text in re.findall("`([^`]+)`", cell)]


def contents(project: Project) -> dict[str, str]:
    """Every file of a project but locks of processes, with a hash of what it holds."""
    paths = (path for path in project.root.rglob("*") if path.is_file())
    outside = ("locks", "__pycache__")
    return {
        path.relative_to(project.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if not set(outside) & set(path.parts)
    }


def changed(project: Project, before: dict[str, str]) -> list[str]:
    """Files that are new, others or gone."""
    after = contents(project)
    return [path for path in before | after if before.get(path) != after.get(path)]


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


def test_the_table_of_the_page_names_what_the_dag_runs_and_retries() -> None:
    rows = table()
    assert list(rows) == list(STAGES) == COURSE
    for stage, row in rows.items():
        commands = STAGES[stage].format(model="tiny").split(" && ")
        assert named(row["command"]) == commands, stage
        retried = row["retried"]
        assert retried == "yes" if stage in SAID["RETRIED"] else retried.startswith("no: "), stage


@pytest.mark.slow
def test_each_stage_reads_and_leaves_what_the_table_says_and_a_second_run_changes_no_more(
    project: Project,
) -> None:
    for stage, row in table().items():
        assert all((project.root / path).exists() for path in named(row["reads"])), stage
        leaves, before = named(row["leaves"]), contents(project)
        assert set(run(project, stage)) == {0}, stage
        assert all((project.root / path).exists() for path in leaves), stage
        assert [p for p in changed(project, before) if not p.startswith(tuple(leaves))] == [], stage
        before, kept = contents(project), project.kept()
        assert set(run(project, stage)) == {0}, stage
        other = set(named(row["a second run changes"]))
        again = [path for path in changed(project, before) if not other & set(path.split("/"))]
        assert again == [], stage
        assert project.kept()[0] == kept[0]
    versions = [kept for kept in project.kept()[1] if kept[0] == "tiny"]
    assert versions == [("tiny", 1)]
    assert len(list(project.root.glob(".tagship/bentoml/bentos/tiny/*/bento.yaml"))) == 1


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


FLAKY = """
from pathlib import Path

import pandas as pd


def table(folder: str):
    asked = Path(folder) / "asked"
    if not asked.exists():
        asked.touch()
        raise ConnectionError("the server is away")
    return pd.read_csv(Path(folder) / "tiny.csv")
"""


@pytest.mark.slow
def test_a_real_airflow_runs_it_retries_a_server_that_was_away_and_no_verdict(
    project: Project, tmp_path: Path
) -> None:
    """Airflow wants an environment of its own, made by `uv venv` and `uv pip install`."""
    program = os.environ.get("TAGSHIP_AIRFLOW")
    if not program:
        pytest.skip("set TAGSHIP_AIRFLOW to the program `airflow` of an environment of its own")
    (project.root / ".venv" / "bin").mkdir(parents=True)
    tagship = Path(sys.executable).parent / "tagship"
    (project.root / ".venv" / "bin" / "tagship").symlink_to(tagship)
    project.write("src/sources/flaky.py", FLAKY)
    arguments = f"{{folder: {project.root / 'data'}}}"
    source = f"{{kind: python, function: sources.flaky:table, arguments: {arguments}}}"
    project.edit("data", "{kind: csv, path: data/tiny.csv}", source)
    dags = tmp_path / "airflow" / "dags"
    dags.mkdir(parents=True)
    text = DAG.read_text(encoding="utf-8").replace('["churn"]', '["tiny"]')
    (dags / "tagship.py").write_text(text.replace("minutes=5", "seconds=1"), encoding="utf-8")
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PYTHON"))}
    given = {"AIRFLOW_HOME": str(dags.parent), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}

    def airflow(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [program, *arguments],
            env={**outside, **given, "TAGSHIP_PROJECT": str(project.root)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def commands(said: str) -> list[str]:
        return re.findall(r"Running command: .*'(tagship [^']*)'\]", said)

    airflow("db", "migrate")
    assert "No data found" in airflow("dags", "list-import-errors")
    said = airflow("dags", "test", "tagship_tiny")
    stages = [command.format(model="tiny") for command in STAGES.values()]
    assert "state=success" in said
    assert commands(said) == [stages[0], *stages], "the server was away for the first stage"
    assert project.lock.is_file()
    assert list(project.root.glob(".tagship/bentoml/bentos/tiny/*/bento.yaml"))

    project.edit("thresholds", "fail_below: 0.6", "fail_below: 0.999")
    kept = project.kept()
    said = airflow("dags", "test", "tagship_tiny", code=1)
    assert commands(said) == stages[:5], "the gate fails once, and nothing comes after it"
    assert project.kept() == kept
