"""Training: the boundary and the artifact."""

import sys

import numpy as np
import pandas as pd
import pytest

from tagship.config.contract import DataConfig
from tagship.contract.boundary import Boundary
from tagship.data.table import load_table, make_boundary, request_columns
from tagship.errors import TagshipError
from tagship.training import metrics
from tagship.training.bundle import load_bundle, save_bundle
from tagship.training.export import artifact_scorer, to_onnx_bytes
from tagship.training.train import train


def test_many_small_classes_train_without_the_metrics_that_resamples_cannot_define(project):
    """Of 45 classes with one or two holdout rows each, no resample holds all."""
    rng = np.random.default_rng(1)
    wing = np.repeat(np.arange(45.0), 7)
    kinds = [f"k{int(number):02}" for number in wing]
    table = pd.DataFrame({"wing": wing + rng.normal(0, 0.2, len(wing)), "kind": kinds})
    project.write("data/tiny.csv", table.to_csv(index=False))
    project.write(
        "data",
        "source: {kind: csv, path: data/tiny.csv}\ntarget: {column: kind}\n"
        "split: {test: 0.2, stratify: true}\ncolumns:\n  wing: {dtype: float}\n",
    )
    project.edit("model", "binary\nselect: {metric: roc_auc", "multiclass\nselect: {metric: f1")
    project.edit("thresholds", "metrics: {", "metrics: {accuracy: {fail_below: 0.1}, ")
    ran = project.tagship("train", "tiny")
    assert ran.code == 0, ran.err
    assert load_bundle(project.files).lock.metrics.keys().isdisjoint({"roc_auc", "pr_auc"})
    judged = project.tagship("gate", "tiny")
    assert (judged.code, "too many of its resamples" in judged.out) == (1, True), judged


def test_no_holdout_row_is_trained_on(project):
    """A model that memorises its training rows must not know the holdout's."""
    project.write(
        "model",
        "task: binary\nselect: {metric: roc_auc, folds: 3}\n"
        "candidates: {memory: {estimator: sklearn.tree.DecisionTreeClassifier}}\n",
    )
    assert train(project.files).lock.metrics["accuracy"].value < 0.95


def test_candidates_are_compared_on_training_rows_that_each_was_not_fitted_to(project):
    bundle = train(project.files)
    save_bundle(project.files, bundle)
    kept = load_bundle(project.files).out_of_fold
    locked = bundle.lock.candidates
    assert {name: round(np.mean(kept.values[name]), 6) for name in locked} == {
        name: score.mean for name, score in locked.items()
    }
    holdout = bundle.lock.data.holdout_rows
    assert len(kept.fold) == len(kept.target) == bundle.lock.data.rows - holdout
    for name, scores in kept.scores.items():
        assert np.array_equal(scores, bundle.out_of_fold.scores[name])
        of_fold = [
            metrics.value("roc_auc", "binary", kept.target[rows], scores[rows])
            for rows in (kept.fold == number for number in range(3))
        ]
        assert of_fold == kept.values[name]


def test_a_value_on_a_split_point_goes_the_same_way_in_the_artifact():
    """Histogram boosting splits at float64 midpoints that round to a float32 value in the data."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline

    values = np.float32([1.0, np.nextafter(np.float32(1.0), np.float32(2.0))])
    matrix = np.tile(values, 200).reshape(-1, 1)
    target = np.tile([0, 1], 200)
    estimator = HistGradientBoostingClassifier(min_samples_leaf=1, max_iter=5)
    pipeline = Pipeline([("estimate", estimator)]).fit(matrix, target)
    before = pipeline.predict_proba(matrix)
    artifact = to_onnx_bytes(pipeline, 1)
    np.testing.assert_array_equal(pipeline.predict_proba(matrix), before)
    np.testing.assert_allclose(artifact_scorer(artifact, "binary")(matrix), before[:, 1], atol=1e-6)


def test_the_boundary_is_the_same_after_its_journey_through_json(project):
    files = project.files
    frame = load_table(files).frame.iloc[:50]
    boundary = make_boundary(files, frame)
    again = Boundary.from_json(boundary.to_json())
    assert again == boundary
    columns = request_columns(frame, files.data)
    matrix = again.matrix(columns)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, boundary.matrix(columns))
    assert matrix.shape == (50, len(boundary.names))


def test_a_bundle_survives_its_folder_and_a_changed_artifact_is_refused(project):
    files = project.files
    bundle = train(files)
    save_bundle(files, bundle)
    again = load_bundle(files)
    assert again.lock == bundle.lock
    np.testing.assert_array_equal(again.evidence.matrix, bundle.evidence.matrix)
    (files.work / "model.onnx").write_bytes(bundle.artifact + b" ")
    with pytest.raises(TagshipError, match="the artifact was changed"):
        load_bundle(files)


def test_a_peak_memory_that_the_system_does_not_count_is_unknown(run_project, monkeypatch):
    import mlflow

    uri = f"sqlite:///{run_project.root}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    before = client.search_runs([experiment], "tags.verdict = 'pass'")
    assert all(run.data.metrics["peak_memory_mb"] > 0 for run in before)
    monkeypatch.setitem(sys.modules, "resource", None)  # importing it fails, as on Windows
    assert "peak memory unknown" in run_project.tagship("train", "tiny").out
    assert load_bundle(run_project.files).cost.peak_memory_mb is None
    ran = run_project.tagship("run", "tiny")
    assert ran.code == 0, ran.err
    report = run_project.path("reports/tiny.html").read_text(encoding="utf-8")
    assert "<dt>Peak memory</dt><dd>unknown</dd>" in report
    newest, *others = client.search_runs([experiment], "tags.verdict = 'pass'")
    assert len(others) == len(before)
    assert "artifact_mb" in newest.data.metrics
    assert "peak_memory_mb" not in newest.data.metrics


def test_dropped_personal_data_never_reaches_the_bundle(project):
    project.rewrite_table(lambda f: f.assign(email=[f"p{i}@example.org" for i in range(len(f))]))
    project.edit("data", "columns:\n", "columns:\n  email: {dtype: string, pii: drop}\n")
    files = project.files
    assert isinstance(files.data, DataConfig)
    folder = save_bundle(files, train(files))
    for path in folder.rglob("*"):
        assert not path.is_file() or b"example.org" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("file", "key", "old", "new"),
    [
        ("model", "select.metric", "metric: roc_auc", "metric: 'f1[R&d]'"),
        ("thresholds", "metrics", "roc_auc: {fail_below: 0.6}", "'recall[RnD]': {fail_below: 0.1}"),
        ("thresholds", "baseline.metric", "metric: f1", "metric: 'f1[RnD]'"),
    ],
)
def test_a_metric_of_a_class_that_the_data_has_not_is_refused(project, file, key, old, new):
    project.rewrite_table(
        lambda frame: frame.assign(bought=frame["bought"].map({"yes": "R&D", "no": "Sales"}))
    )
    project.edit("data", ', positive: "yes"', "")
    project.edit("model", "task: binary", "task: multiclass")
    assert project.tagship("train", "tiny").code == 0
    project.edit(file, old, new)
    says = (f"{file}.yaml: {key}: '", "is of no class of 'bought'", "[R&D]'")
    project.refused("train", "tiny", says=says)
    project.refused("gate", "tiny", says=says)


def threads():
    """The threads of each kind of pool."""
    from threadpoolctl import threadpool_info

    return {(pool["user_api"], pool["num_threads"]) for pool in threadpool_info()}


def test_a_small_fit_uses_one_thread_and_gives_what_many_would():
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    from tagship.training.threads import quick_threads

    rng = np.random.default_rng(0)
    tiny, small, large = (np.zeros((size, 8), np.float32) for size in (2000, 5000, 200_000))
    tiny += rng.normal(size=tiny.shape)
    target = tiny[:, 0] + rng.normal(size=len(tiny)) > 0
    kinds = (HistGradientBoostingClassifier, LogisticRegression)
    many = [kind().fit(tiny, target).predict_proba(tiny) for kind in kinds]
    before = threads()
    with quick_threads(tiny, "sklearn.linear_model.LogisticRegression"):
        assert threads() == {("openmp", 1), ("blas", 1)}
        few = [kind().fit(tiny, target).predict_proba(tiny) for kind in kinds]
    with quick_threads(small, "sklearn.linear_model.LogisticRegression"):
        assert {pool for pool in threads() if pool[0] == "openmp"} == {("openmp", 1)}
        assert {pool for pool in threads() if pool[0] == "blas"} <= before
    with quick_threads(large, "sklearn.linear_model.LogisticRegression"):
        assert threads() == before
    assert all(np.array_equal(*pair) for pair in zip(many, few, strict=True))


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_library_s_own_threads_make_no_other_trees(library):
    from tagship.config.model import Candidate
    from tagship.training.estimators import make_estimator
    from tagship.training.threads import quick_jobs

    path = f"{library}.{'XGB' if library == 'xgboost' else 'LGBM'}Classifier"
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 8)).astype(np.float32)
    target = rows[:, 0] + rng.normal(size=3000) > 0
    candidate = Candidate(estimator=path, params={"n_estimators": 20})
    alone, many = (
        make_estimator(candidate, 0, jobs).fit(rows, target).predict_proba(rows) for jobs in (1, 2)
    )
    assert np.array_equal(alone, many)
    assert quick_jobs(rows, path) == 1
    assert quick_jobs(np.zeros((200_000, 8), np.float32), path) == -1
    assert quick_jobs(rows, "sklearn.ensemble.RandomForestClassifier") == -1
    assert quick_jobs(rows[:200], "sklearn.ensemble.RandomForestClassifier") == 1
