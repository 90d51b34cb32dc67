"""With --json a program reads the answer on the output stream, and nothing but it."""

import json
from typing import Any

import pytest

from projects import Project


def answer(project: Project, *command: str, code: int = 0) -> Any:
    ran = project.tagship(*command, "--json")
    assert ran.code == code, ran
    return json.loads(ran.out)


def test_the_steps_of_a_model_answer_one_after_another(run_project: Project) -> None:
    assert answer(run_project, "check") == {"models": ["tiny"], "problems": []}
    assert answer(run_project, "validate")[0]["rows"] == 300
    (trained,) = answer(run_project, "train")
    assert trained["winner"]["candidate"] in ("line", "tree")
    assert set(trained["metrics"]["roc_auc"]) == {"value", "low", "high"}
    assert answer(run_project, "gate")[0]["status"] == "pass"
    assert answer(run_project, "lock", "write") == [{"model": "tiny", "lock": "untouched"}]
    assert answer(run_project, "lock", "check") == [{"model": "tiny", "problem": ""}]
    written = [f"config/schemas/{name}.json" for name in ("comparison", "site")]
    assert answer(run_project, "schema") == {"written": written}
    assert answer(run_project, "schema") == {"written": []}


@pytest.mark.slow
def test_the_long_steps_answer_too(run_project: Project) -> None:
    assert answer(run_project, "lock", "verify")[0]["outcome"] == "identical"
    assert answer(run_project, "gate")[0]["status"] == "pass"
    assert answer(run_project, "record")[0]["report"] == "reports/tiny.html"
    assert answer(run_project, "build")[0]["bento"].startswith("tiny:")


@pytest.mark.slow
def test_a_whole_run_answers(run_project: Project) -> None:
    (ran,) = answer(run_project, "run")
    assert (ran["model"], ran["verdict"], ran["lock"]) == ("tiny", "pass", "untouched")
    assert ran["problem"] == ""


@pytest.mark.parametrize(
    ("command", "file", "old", "new", "key"),
    [
        (("check",), "model", "roc_auc", "roc_auk", "problems"),
        (("validate",), "data/tiny.csv", "free", "fee", "problem"),
        (("lock", "check"), "model", "max_depth: 3", "max_depth: 4", "problem"),
        (("run",), "data/tiny.csv", "free", "fee", "problem"),
    ],
    ids=["check", "validate", "lock check", "run"],
)
def test_a_refusal_is_in_the_answer_too(
    run_project: Project, command: tuple[str, ...], file: str, old: str, new: str, key: str
) -> None:
    run_project.edit(file, old, new)
    said = answer(run_project, *command, code=1)
    assert (said[0] if isinstance(said, list) else said)[key]
