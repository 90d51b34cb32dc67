"""Who gets another decision than from the champion: real trainings, through the command line."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from projects import Project, copy_project, make_project
from released import deploy, git
from tagship.formatting import signed
from tagship.gates.behaviour import moved_rows
from tagship.gates.champion_artifact import keep_bundle
from tagship.gates.holdout import ChampionScores, HoldoutScores
from tagship.training.bundle import load_bundle

THRESHOLDS = """\
metrics: {accuracy: {fail_below: 0.4}}
baseline: {metric: accuracy, margin: 0.0}
parity: {max_difference: 1.0e-4}
champion: {metric: accuracy, max_drop: 0.02}
slices: {by: [plan], metric: accuracy, fail_below: 0.1, min_rows: 50}
value: {true_positive: 10, false_positive: -4}
"""
TREE = "{estimator: sklearn.tree.DecisionTreeClassifier, params: {%s}}"
SHALLOW, DEEP = TREE % "max_depth: 1", TREE % "max_depth: 9"
AS_DEEP = TREE % "max_depth: 10, max_features: 2"
"""As good as ``DEEP``; both learn by heart what they cannot know of the plan `pro`."""


def make_shop(rows: int = 2_400) -> pd.DataFrame:
    """Visitors who buy when they visit often; on the plan `pro` it is a coin."""
    rng = np.random.default_rng(5)
    plan = rng.choice(["free", "plus", "pro"], rows, p=[0.45, 0.4, 0.15])
    visits, age = rng.integers(0, 50, rows), rng.uniform(18, 90, rows).round(1)
    often = np.where(plan == "free", visits > 30, visits > 15)
    bought = np.where(plan == "pro", rng.random(rows) < 0.5, often)
    table = {"visitor": [f"v{number:05d}" for number in range(rows)], "age": age}
    return pd.DataFrame(
        table | {"visits": visits, "plan": plan, "bought": np.where(bought, "yes", "no")}
    )


def choose(project: Project, candidate: str) -> None:
    """Make one estimator the model's only candidate."""
    model = project.path("model").read_text(encoding="utf-8")
    lines = re.sub(r"candidates:.*", "candidates:\n", model, flags=re.DOTALL)
    project.write("model", f"{lines}  only: {candidate}\n")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("behaviour") / "project")
    project.write("data/tiny.csv", make_shop().to_csv(index=False))
    project.edit("data", "rows: {min: 50}", "rows: {min: 50, duplicates: 1}")
    project.edit("model", "metric: roc_auc", "metric: accuracy")
    project.write("thresholds", THRESHOLDS)
    project.write(".gitignore", ".tagship\ndata\nmlflow.db\nmlruns\nreports\n")
    git(project, "init", "-q", "-b", "main")
    return project


def release_as_champion(shop: Project, folder: Path, candidate: str) -> Project:
    """A project whose production runs one estimator."""
    project = copy_project(shop, folder)
    choose(project, candidate)
    project.relock()
    keep_bundle(project.root, project.files, load_bundle(project.files))
    deploy(project, "tiny/v1.0.0", 1)
    return project


@pytest.fixture(scope="module")
def deep_champion(shop: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return release_as_champion(shop, tmp_path_factory.mktemp("deep") / "project", DEEP)


def challenge(project: Project, candidate: str) -> tuple[dict[str, Any], str]:
    """What the gate says of another estimator's behaviour as JSON, and in a comment."""
    choose(project, candidate)
    assert project.tagship("train", "tiny").code == 0
    project.path("reports/tiny.md").unlink(missing_ok=True)
    ran = project.tagship("gate", "tiny", "--json", "--markdown", "reports/tiny.md")
    (answer,) = json.loads(ran.out)
    kept = json.loads((project.files.work / "behaviour.json").read_text(encoding="utf-8"))
    assert answer["behaviour"] == kept
    return answer, project.path("reports/tiny.md").read_text(encoding="utf-8")


def test_a_better_model_says_whom_it_treats_differently_and_that_it_is_right(
    shop: Project, tmp_path: Path
) -> None:
    project = release_as_champion(shop, tmp_path / "project", SHALLOW)
    answer, comment = challenge(project, DEEP)
    behaviour = answer["behaviour"]["difference"]
    assert answer["status"] == "pass"
    assert behaviour["overall"]["mended"] > behaviour["overall"]["broken"]
    assert behaviour["value"]["change"]["low"] > 0
    by_plan = {group["value"]: group for group in behaviour["slices"]}
    assert by_plan["free"]["flipped"] == 0
    assert by_plan["plus"]["flips"] == [
        {"before": "no", "after": "yes", "rows": by_plan["plus"]["mended"]}
    ]
    importance = {i["feature"]: (i["before"], i["after"]) for i in behaviour["importance"]}
    assert importance["plan"][0] == 0 < importance["plan"][1]
    assert "#### Who is treated differently now?" in comment
    assert "None changes where `plan = free`." in comment


def test_a_worse_model_says_whom_it_treats_wrongly(deep_champion: Project) -> None:
    answer, comment = challenge(deep_champion, SHALLOW)
    behaviour = answer["behaviour"]["difference"]
    assert answer["status"] == "fail"
    assert behaviour["overall"]["broken"] > behaviour["overall"]["mended"]
    assert behaviour["value"]["change"]["high"] < 0
    assert "wrong now and were right" in comment


def test_a_model_that_is_equal_overall_shows_the_one_slice_that_it_treats_differently(
    deep_champion: Project,
) -> None:
    answer, comment = challenge(deep_champion, AS_DEEP)
    behaviour = answer["behaviour"]["difference"]
    drop = next(r for r in answer["results"] if r["gate"] == "champion")
    assert (answer["status"], drop["value"]) == ("pass", 0.0)
    flipped = {group["value"]: group["flipped"] for group in behaviour["slices"]}
    assert (
        flipped["pro"] == behaviour["overall"]["flipped"] > 0 == flipped["free"] + flipped["plus"]
    )
    assert behaviour["overall"]["mended"] == behaviour["overall"]["broken"]
    assert re.search(r"The most where `plan = pro`: (\d+) of", comment)


def test_without_a_champion_nothing_is_compared_and_an_older_comparison_goes(
    shop: Project, tmp_path: Path
) -> None:
    project = copy_project(shop, tmp_path / "project")
    project.write("thresholds", THRESHOLDS + "behaviour: {flips: {fail_above: 0}}\n")
    choose(project, SHALLOW)
    assert project.tagship("train", "tiny").code == 0
    old = project.files.work / "behaviour.json"
    old.write_text("{}", encoding="utf-8")
    ran = project.tagship("gate", "tiny", "--json")
    (answer,) = json.loads(ran.out)
    assert (answer["status"], answer["behaviour"]) == ("pass", None)
    assert "behaviour" not in {result["gate"] for result in answer["results"]}
    assert not old.exists()


def test_a_champion_that_cannot_be_scored_fails_the_gate_and_the_comment_says_why(
    deep_champion: Project, tmp_path: Path
) -> None:
    project = copy_project(deep_champion, tmp_path / "project")
    project.write("thresholds", THRESHOLDS + "behaviour: {flips: {fail_above: 1}, by: plan}\n")
    project.edit("data", "  visits: {dtype: int, min: 0, max: 50}\n", "")
    project.rewrite_table(lambda frame: frame.drop(columns="visits"))
    answer, comment = challenge(project, SHALLOW)
    failed = {r["gate"]: r["value"] for r in answer["results"] if r["status"] == "fail"}
    assert failed.items() >= {"champion": None, "behaviour": None}.items()
    assert "Not computed: `tiny/v1.0.0 cannot be scored: it needs the column 'visits'" in comment
    assert "visits" in answer["behaviour"]["problem"]


@pytest.mark.slow  # MLflow
def test_the_report_that_ci_uploads_shows_the_difference_and_no_row(deep_champion: Project) -> None:
    challenge(deep_champion, AS_DEEP)
    recorded = deep_champion.tagship("record", "tiny")
    assert recorded.code == 0, recorded.err
    report = deep_champion.path("reports/tiny.html").read_text(encoding="utf-8")
    assert "Who is treated differently now?" in report
    assert "whose score moved most" not in report


def test_rows_that_moved_are_for_a_person_at_the_machine(
    deep_champion: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge(deep_champion, SHALLOW)
    files, bundle = deep_champion.files, load_bundle(deep_champion.files)
    scores = np.zeros(len(bundle.evidence.target))
    champion = ChampionScores("tiny/v1.0.0", lambda: HoldoutScores(scores, 0.5))
    monkeypatch.delenv("CI", raising=False)
    rows = moved_rows(files, bundle, champion)
    assert rows[0].distance == signed(float(bundle.evidence.scores.max()))
    assert (rows[0].before, rows[0].predicted) == ("no", "yes")
    assert rows[0].columns.keys() == {"age", "visits", "plan"}
    monkeypatch.setenv("CI", "true")
    assert moved_rows(files, bundle, champion) == []
