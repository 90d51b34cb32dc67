"""`tagship compare` of a real project: its figures are the locks', and what is missing is said."""

import json
import shutil
from pathlib import Path
from typing import Any

import mlflow
import pytest
from jsonschema import validate

from projects import Project
from tagship.gitops.git import Git
from tagship.gitops.tags import compose
from tagship.training.bundle import load_bundle
from tagship.training.lock import read_lock


def compare(project: Project, *options: str) -> tuple[dict[str, Any], str]:
    """What the command wrote as JSON, and what it printed."""
    ran = project.tagship("compare", *options)
    assert ran.code == 0, ran
    return json.loads(project.path("reports/comparison.json").read_text()), ran.out


def page(project: Project) -> str:
    return project.path("reports/comparison.html").read_text(encoding="utf-8")


def test_the_figures_are_the_lock_s_and_keep_their_schema(run_project: Project) -> None:
    written, printed = compare(run_project)
    assert run_project.tagship("schema").code == 0
    validate(written, json.loads(run_project.path("config/schemas/comparison.json").read_text()))
    lock, tiny = read_lock(run_project.lock), written["models"]["tiny"]
    for name, score in lock.candidates.items():
        figures = tiny["candidates"][name]["metrics"]["roc_auc"]
        assert (figures["mean"], figures["std"]) == (score.mean, score.std)
        assert sum(figures["folds"]) / 3 == pytest.approx(score.mean, abs=1e-6)
    assert tiny["holdout"] == {key: value.model_dump() for key, value in lock.metrics.items()}
    assert tiny["winner"] == lock.winner.candidate
    (artifact,) = tiny["artifacts"]
    assert artifact["sha256"] == lock.artifact.sha256
    assert artifact["bytes"] == lock.artifact.bytes
    assert artifact["quality"] == lock.metrics["roc_auc"].model_dump()
    assert artifact["time"]
    assert artifact["verdict"] == "pass"
    assert tiny["conclusion"][0] in printed
    assert "Holm" in printed
    assert json.loads(run_project.tagship("compare", "--json").out) == written


def test_before_any_run_it_says_what_to_do(project: Project) -> None:
    written, printed = compare(project)
    assert written["models"]["tiny"]["conclusion"] == [
        "tiny has no lock and no training here, so nothing can be compared."
    ]
    assert "tagship run tiny" in printed
    assert {c["state"] for c in written["models"]["tiny"]["candidates"].values()} == {"not trained"}


def test_a_training_without_a_lock_is_compared_and_not_called_locked(run_project: Project) -> None:
    run_project.lock.unlink()
    written, printed = compare(run_project)
    assert "there is no lock, so this is the training here: `tagship run tiny`" in printed
    assert [each["locked"] for each in written["models"]["tiny"]["artifacts"]] == [False]


def test_where_the_training_is_not_here_the_folds_come_from_mlflow(run_project: Project) -> None:
    here, _ = compare(run_project)
    shutil.rmtree(run_project.path(".tagship"))
    written, printed = compare(run_project)
    for name, before in here["models"]["tiny"]["candidates"].items():
        now = written["models"]["tiny"]["candidates"][name]
        assert now["metrics"]["roc_auc"] == before["metrics"]["roc_auc"]
        assert now["seconds"] == before["seconds"]
        if not now["winner"]:
            assert now["against_best"]["rows"] is None
            assert now["against_best"]["folds"] == before["against_best"]["folds"]
    assert "whose scores are not here" in printed


def test_without_mlflow_and_training_the_lock_is_all_and_nothing_is_guessed(
    run_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(run_project.path(".tagship"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:s3cret@127.0.0.1:9")
    written, printed = compare(run_project)
    assert "shown without MLflow's runs: MLflow at 127.0.0.1:9: connection refused" in printed
    assert "s3cret" not in printed + page(run_project)
    for figures in written["models"]["tiny"]["candidates"].values():
        assert figures["metrics"]["roc_auc"]["folds"] is None
        assert figures["seconds"] is None
    assert "cannot be told" in written["models"]["tiny"]["conclusion"][0]
    assert "not recorded" in page(run_project)


def test_a_lock_without_a_run_and_a_damaged_training(run_project: Project) -> None:
    run_project.path("mlflow.db").unlink()
    run_project.write(".tagship/models/tiny/folds.npz", b"PK no archive")
    written, printed = compare(run_project)
    assert "no run in MLflow is of this artifact: `tagship run tiny`" in printed
    assert "incomplete" in printed
    assert not run_project.path("mlflow.db").exists(), "it made a store"
    assert written["models"]["tiny"]["artifacts"][0]["locked"]


def test_another_training_than_the_locked_one_is_not_compared(run_project: Project) -> None:
    run_project.edit("model", "{max_depth: 3}", "{max_depth: 2}")
    assert run_project.tagship("train", "tiny").code == 0
    written, printed = compare(run_project)
    assert "the training here is not the locked one" in printed
    assert "which is stale (model.yaml: candidates.tree.params.max_depth: 3 → 2)" in printed
    assert written["models"]["tiny"]["candidates"]["tree"]["state"] == "changed"


def test_candidates_that_came_and_went(run_project: Project) -> None:
    run_project.edit(
        "model", "  tree: {estimator: sklearn.tree", "  bush: {estimator: sklearn.tree"
    )
    written, _ = compare(run_project)
    states = {n: c["state"] for n, c in written["models"]["tiny"]["candidates"].items()}
    assert states == {"line": "trained", "tree": "removed", "bush": "not trained"}


def test_a_removed_model_is_left_out_with_a_sentence(
    run_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(run_project.path("config/tiny"), run_project.path("config/other"))
    run_project.path("config/other/model.lock.yaml").unlink()
    shutil.rmtree(run_project.path("config/tiny"))
    written, printed = compare(run_project)
    assert written["removed"] == {"tiny": 1}
    assert list(written["models"]) == ["other"]
    assert "tiny: left out, it was removed from config/; MLflow has 1 training" in printed
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{run_project.root}/mlflow.db")
    assert compare(run_project)[0]["removed"] == {}, "a server has other projects' models"


def test_releases_are_read_from_the_tags_of_this_clone(run_project: Project) -> None:
    lock = read_lock(run_project.lock)
    git = Git(run_project.root)
    for command in (["init", "-q", "-b", "main"], ["add", "config"], ["commit", "-qm", "a lock"]):
        git.run("-c", "user.name=Ann", "-c", "user.email=ann@shop.example", *command)
    git.run("config", "user.name", "Ann")
    git.run("config", "user.email", "ann@shop.example")
    said = {
        "Model": "tiny", "Release": "tiny/v1.0.0", "Model-SHA256": lock.artifact.sha256,
        "Data-SHA256": lock.data.sha256, "Config-SHA256": "c" * 64, "Lock-SHA256": "d" * 64,
        "Verdict": "pass", "Verdict-SHA256": "e" * 64, "Champion": "none", "Actor": "Ann",
    }  # fmt: skip
    head = git.resolve("HEAD")
    assert head
    message = compose("Release tiny/v1.0.0", "", said)
    git.keep("tiny/v1.0.0", git.tag("tiny/v1.0.0", head, message))
    written, _ = compare(run_project)
    (artifact,) = written["models"]["tiny"]["artifacts"]
    assert artifact["releases"] == ["tiny/v1.0.0"]
    assert "tiny/v1.0.0" in page(run_project)


def test_the_learning_curve_is_kept_for_the_training_that_it_is_of(run_project: Project) -> None:
    lock = read_lock(run_project.lock)
    measured, _ = compare(run_project, "--learning-curve")
    curve = measured["models"]["tiny"]["learning_curve"]
    best = measured["models"]["tiny"]["candidates"][lock.winner.candidate]["metrics"]["roc_auc"]
    rows = [point["rows"] for point in curve["points"]]
    assert rows == sorted(rows)
    assert rows[-1] == (lock.data.rows - lock.data.holdout_rows) * 2 / 3, "of three folds"
    assert curve["points"][-1]["mean"] == pytest.approx(best["mean"], abs=1e-6)
    later, printed = compare(run_project)
    assert later == measured
    assert "learning curve is not recorded" not in printed
    run_project.edit("model", "folds: 3", "folds: 4")
    ran = run_project.tagship("compare", "--learning-curve")
    ran.must_refuse(("model.lock.yaml is stale", "folds", "tagship run tiny"))
    assert run_project.relock().code == 0
    assert compare(run_project)[0]["models"]["tiny"]["learning_curve"] is None


def test_names_from_mlflow_are_escaped_and_tunings_are_shown(run_project: Project) -> None:
    hostile = "<script>alert(1)</script>"
    client = mlflow.MlflowClient(f"sqlite:///{run_project.root}/mlflow.db")
    experiment = client.get_experiment_by_name("tiny").experiment_id
    for candidate in (hostile, "tree"):
        tags = {"tagship.kind": "tuning", "candidate": candidate}
        parent = client.create_run(experiment, tags=tags).info.run_id
        for value, state, depth in ((0.6, "complete", 2), (0.8, "complete", 3), (0.9, "pruned", 4)):
            tags = {"mlflow.parentRunId": parent, "state": state}
            trial = client.create_run(experiment, tags=tags).info.run_id
            client.log_metric(trial, "value", value)
            client.log_param(trial, "max_depth", depth)
        client.set_terminated(parent)
    tiny = compare(run_project)[0]["models"]["tiny"]
    tuning = tiny["tuning"][1]
    assert tuning["values"] == [0.6, 0.8]
    assert (tuning["best"], tuning["params"]) == (0.8, {"max_depth": "3"})
    assert tuning["states"] == {"complete": 2, "pruned": 1}
    assert (tiny["candidates"]["tree"]["tuned"], tiny["candidates"]["line"]["tuned"]) == (
        True,
        False,
    )
    assert hostile not in page(run_project)
    assert "&lt;script&gt;alert(1)" in page(run_project)


def test_a_damaged_lock_is_refused(run_project: Project) -> None:
    run_project.lock.write_text("model: tiny\n")
    run_project.tagship("compare").must_refuse(("model.lock.yaml", "required"))
    assert not Path(run_project.root, "reports/comparison.json").exists()


def test_a_chosen_threshold_decides_the_metrics_of_the_folds(project):
    """Where model.yaml names what the threshold maximises, it holds no number."""
    project.edit("model", "task: binary\n", "task: binary\nthreshold: {maximise: f1}\n")
    project.edit("model", "metric: roc_auc", "metric: f1")
    assert project.tagship("train", "tiny").code == 0
    compared = project.tagship("compare", "tiny", "--json")
    assert compared.code == 0, compared.err
    bundle = load_bundle(project.files)
    kept, threshold = bundle.out_of_fold, bundle.boundary.threshold
    figures = json.loads(compared.out)["models"]["tiny"]["candidates"]
    for name, scores in kept.scores.items():
        rows = kept.fold == 0
        called = scores[rows] >= threshold
        own = float((called == kept.target[rows].astype(bool)).mean())
        assert figures[name]["metrics"]["accuracy"]["folds"][0] == pytest.approx(own)
