"""Why a model predicts what it does: the artifact's own scores, taken apart."""

import itertools
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from projects import Project, Ran, copy_project, make_project, make_table
from tagship.explanation.shap_values import attribute
from tagship.formatting import MINUS
from tagship.training.bundle import load_bundle
from tagship.training.export import artifact_scorer
from tagship.training.tracking import log_plots

HEAD = "visitor,age,visits,plan\n"
DERIVE = """\
import numpy as np


def derive(columns):
    return {"eager": columns["visits"] * (columns["plan"] != "free")}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model with a derived feature and a column of personal data."""
    project = make_project(tmp_path_factory.mktemp("explain") / "project")
    project.write("src/features/tiny.py", DERIVE)
    project.edit("model", "task: binary\n", "task: binary\nfeatures: features.tiny:derive\n")
    table = make_table().assign(email=lambda frame: frame["visitor"] + "@secret.example")
    project.write("data/tiny.csv", table.to_csv(index=False))
    project.edit("data", "columns:\n", "columns:\n  email: {dtype: string, pii: drop}\n")
    assert project.tagship("train", "tiny").code == 0
    return project


def explain(project: Project, *arguments: str) -> Any:
    ran = project.tagship("explain", "tiny", *arguments, "--json")
    assert ran.code == 0, ran.err
    assert "secret.example" not in ran.out
    return json.loads(ran.out)


def exact(score: Any, background: Any, row: Any) -> Any:
    """The Shapley values by their definition (Shapley, 1953)."""
    count = len(row)

    def worth(known: tuple[int, ...]) -> Any:
        rows = background.copy()
        rows[:, known] = row[list(known)]
        return score(rows).mean(axis=0)

    values = []
    for feature in range(count):
        others = [other for other in range(count) if other != feature]
        total = 0.0
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for known in itertools.combinations(others, size):
                total = total + weight * (worth((*known, feature)) - worth(known))
        values.append(total)
    return np.array(values)


def test_values_of_an_artifact_are_the_shapley_values(trained: Project) -> None:
    bundle = load_bundle(trained.files)
    score = artifact_scorer(bundle.artifact, "binary")
    matrix = bundle.evidence.matrix
    assert np.isnan(matrix[:20]).any()
    made = attribute(score, matrix[20:50], matrix[:20], 1, 20, lambda _: None)
    wanted = np.array([exact(score, matrix[20:50], row) for row in matrix[:20]])
    assert np.abs(made.values[:, :, 0] - wanted).max() < 0.01
    assert made.base[0] == pytest.approx(score(matrix[20:50]).mean())
    again = attribute(score, matrix[20:50], matrix[:20], 1, 20, lambda _: None)
    assert (again.values == made.values).all()


def test_values_of_several_outputs_are_exact_where_features_meet_in_pairs() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)

    def score(matrix: Any) -> Any:
        pairs = matrix[:, 0] * matrix[:, 1] + 2 * matrix[:, 2]
        return np.column_stack([pairs, -pairs])

    made = attribute(score, rows[:20], rows[20:], 0, 1, lambda _: None)
    wanted = np.array([exact(score, rows[:20], row) for row in rows[20:]])
    assert made.values == pytest.approx(wanted, abs=1e-5)
    assert (made.base + made.values.sum(axis=1)) == pytest.approx(score(rows[20:]), abs=1e-5)


def test_over_the_holdout_it_gives_a_table_and_a_page(trained: Project) -> None:
    ran = trained.tagship("explain", "tiny")
    assert ran.code == 0, ran.err
    assert "reports/tiny-explain.html; plots not in MLflow, which has no run here" in ran.out
    named = re.findall(r"^(\w+)  +[\d.]+$", ran.out, re.MULTILINE)
    assert sorted(named) == ["age", "eager", "plan", "visits"]
    page = trained.path("reports/tiny-explain.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 1 + 1 + 4
    assert "secret.example" not in page
    assert not trained.path("mlflow.db").exists()
    features = explain(trained)["features"]
    assert [feature["feature"] for feature in features] == named


@pytest.mark.slow  # MLflow makes its tables
def test_plots_join_the_last_run_of_the_artifact(trained: Project) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{trained.path('mlflow.db')}")
    try:
        where = trained.path("mlruns").as_uri()
        experiment = client.create_experiment("tiny", artifact_location=where)
        sha256 = load_bundle(trained.files).lock.artifact.sha256
        client.create_run(experiment, tags={"model_sha256": "another"})
        plots = {"bar": b"png"}
        assert "no run of this artifact" in log_plots(trained.files, sha256, plots, "explain")
        run = client.create_run(experiment, tags={"model_sha256": sha256}).info.run_id
        assert log_plots(trained.files, sha256, plots, "explain") == f"in MLflow under run {run}"
        assert [file.path for file in client.list_artifacts(run, "explain")] == ["explain/bar.png"]
    finally:
        trained.path("mlflow.db").unlink()


def test_rows_of_every_kind_of_file_are_read_as_predict_reads_them(trained: Project) -> None:
    frame = make_table().drop(columns=["bought"]).head(6)
    frame.to_csv(trained.path("in.csv"), index=False)
    frame.to_parquet(trained.path("in.parquet"))
    frame.to_json(trained.path("in.json"), orient="records")
    frame.to_json(trained.path("in.jsonl"), orient="records", lines=True)
    answers = explain(trained, "--input", "in.csv")
    frame.to_excel(trained.path("in.xlsx"), index=False)
    frame.to_orc(trained.path("in.orc"))
    for name in ("in.parquet", "in.json", "in.jsonl", "in.xlsx", "in.orc"):
        assert explain(trained, "--input", name) == answers
    bundle = load_bundle(trained.files)
    assert [answer["row"] for answer in answers] == [1, 2, 3, 4, 5, 6]
    for answer in answers:
        parts = [reason["shap"] for reason in answer["reasons"]]
        assert answer["sum"] == pytest.approx(answer["base"] + sum(parts))
        assert answer["sum"] == pytest.approx(answer["score"], abs=1e-6)
        assert answer["prediction"] == ("yes" if answer["score"] >= 0.5 else "no")
        assert sorted(parts, key=abs, reverse=True) == parts
    (third,) = explain(trained, "--input", "in.csv", "--row", "3")
    assert (third["row"], third["score"]) == (3, answers[2]["score"])
    values = {reason["feature"]: reason["value"] for reason in third["reasons"]}
    assert values["plan"] == frame["plan"][2]
    assert float(values["visits"]) == frame["visits"][2]
    assert values.keys() == set(bundle.boundary.names)


def test_a_row_of_the_table_is_told_in_lines(trained: Project) -> None:
    ran = trained.tagship("explain", "tiny", "--row", "2")
    first, *lines = ran.out.strip().splitlines()
    assert re.fullmatch(r"row 2: (yes|no); P\(yes\) = [\d.]+, from a base of [\d.]+", first)
    assert all(
        re.fullmatch(rf" *[+{MINUS}][\d.e{MINUS}]+  \w+ = .+", line) for line in lines
    ), lines
    assert any(re.search(r"plan = (free|plus|pro)$", line) for line in lines)


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (HEAD + "v,1,5,pro\nv,40,99,pro\n", (), ("row 1: age:", "row 2: visits: must be")),
        (HEAD + "v,1,5,pro\nv,40,5,pro\n", ("--row", "1"), "row 1: age:"),
        (HEAD + "v,40,5\nv,40,5,pro\n", (), "row 1: has 3 values, the header 4"),
        ("visitor,age,plan\nv,40,pro\n", (), "has no column 'visits'"),
        (HEAD + "v,40,5,pro\n", ("--row", "2"), "has 1 rows, and no row 2"),
        (HEAD, (), "has 0 rows"),
        (HEAD + "v,40,5,pro\n" * 1001, (), "more than 1,000 rows"),
    ],
)
def test_rows_that_break_the_contract_are_refused_by_row_and_column(
    trained: Project, content: str, arguments: tuple[str, ...], says: tuple[str, ...] | str
) -> None:
    trained.write("bad.csv", content)
    trained.refused("explain", "tiny", "--input", "bad.csv", *arguments, says=says)


def test_the_other_row_of_a_broken_file_is_explained(trained: Project) -> None:
    trained.write("bad.csv", HEAD + "v,1,5,pro\nv,40,5,pro\n")
    (answer,) = explain(trained, "--input", "bad.csv", "--row", "2")
    assert answer["row"] == 2


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("bad.json", '[{"age": 40, "visits": 5}]', "has no column 'plan'"),
        ("bad.json", '[{"age": 40, "visits": 5.5, "plan": "pro"}]', "row 1: visits: must be"),
        ("bad.json", "{", "--input"),
        ("no.json", None, "--input"),
        ("rows.xlsx", "", "not a workbook"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(
    trained: Project, name: str, content: str | None, says: str
) -> None:
    if content is not None:
        trained.write(name, content)
    trained.refused("explain", "tiny", "--input", name, says=says)


def test_what_changed_since_the_training_is_refused(trained: Project, tmp_path: Path) -> None:
    project = copy_project(trained, tmp_path / "project")
    project.edit("model", "max_depth: 3", "max_depth: 2")
    project.refused("explain", "tiny", says=("changed since its last training", "tagship train"))
    project.edit("model", "max_depth: 2", "max_depth: 3")
    project.rewrite_table(lambda frame: frame.head(290))
    project.refused("explain", "tiny", says="the data changed since its last training here")


def test_rows_count_from_one(trained: Project) -> None:
    trained.refused("explain", "tiny", "--row", "0", says="the table: has 300 rows, and no row 0")
    trained.write("in.csv", HEAD + "v,40,5,pro\n")
    arguments = ("--input", "in.csv", "--row", "0")
    trained.refused("explain", "tiny", *arguments, says="has 1 rows, and no row 0")


WITHOUT_SHAP = """
import sys

class Hider:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "shap":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hider())
sys.argv[0] = "tagship"
from tagship.cli import main
main()
"""


def test_without_the_library_it_says_how_to_have_it(trained: Project) -> None:
    command = [sys.executable, "-c", WITHOUT_SHAP, "explain", "tiny", "--row", "1"]
    done = subprocess.run(command, cwd=trained.root, capture_output=True, text=True, check=False)
    ran = Ran(done.returncode, done.stdout, done.stderr)
    ran.must_refuse(("needs the library shap", 'uv add "tagship[explain]"'))


@pytest.mark.parametrize(
    ("task", "kind", "metric", "bound"),
    [
        ("multiclass", "Classifier", "f1", "{fail_below: 0.1}"),
        ("regression", "Regressor", "rmse", "{fail_above: 9999}"),
    ],
)
def test_classes_and_numbers_are_explained_too(
    tmp_path: Path, task: str, kind: str, metric: str, bound: str
) -> None:
    project = make_project(tmp_path / "project")
    frame = make_table()
    pull = frame["visits"] - 8.0
    grades = np.select([pull < -2, pull < 2], ["<low>", "mid"], "high")
    frame["bought"] = grades if task == "multiclass" else 100 * pull + frame["age"].fillna(0)
    project.write("data/tiny.csv", frame.to_csv(index=False))
    project.edit("data", ', positive: "yes"', "")
    project.edit("data", "stratify: true", "seed: 1")
    project.edit("data", "rows: {min: 50}", "rows: {min: 50, duplicates: 1}")
    tree = f"{{estimator: sklearn.tree.DecisionTree{kind}, params: {{max_depth: 3}}}}"
    project.write(
        "model",
        f"task: {task}\nselect: {{metric: {metric}, folds: 3}}\ncandidates:\n  tree: {tree}\n",
    )
    project.write(
        "thresholds",
        f"metrics: {{{metric}: {bound}}}\nbaseline: {{metric: {metric}, margin: 0}}\n"
        "parity: {max_difference: 1.0e-4}\n",
    )
    ran = project.tagship("train", "tiny")
    assert ran.code == 0, ran.err
    (answer,) = explain(project, "--row", "1")
    assert answer["sum"] == pytest.approx(answer["score"], rel=1e-5)
    assert answer["reasons"][0]["feature"] == "visits"
    assert answer["of"] == ("bought" if task == "regression" else f"P({answer['prediction']})")
    assert len(explain(project)["base"]) == (3 if task == "multiclass" else 1)
    assert "<low>" not in project.path("reports/tiny-explain.html").read_text(encoding="utf-8")
