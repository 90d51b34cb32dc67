"""XGBoost and LightGBM are candidates like any other: equal in ONNX, repeatable, locked."""

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from projects import Project, copy_project, make_table
from tagship.config.model import Candidate
from tagship.training.bundle import load_bundle
from tagship.training.estimators import make_estimator, make_pipeline
from tagship.training.export import artifact_scorer, to_onnx_bytes
from tagship.training.lock import read_lock
from tagship.training.train import train

pytest.importorskip("lightgbm", reason="the extra `boost` is not installed")

CANDIDATES = """\
candidates:
  boosted:
    estimator: ESTIMATOR
    params: {n_estimators: 30, max_depth: 3, learning_rate: 0.1}
    impute: none
    encode: ordinal
"""
ESTIMATORS = {
    "binary": ["xgboost.XGBClassifier", "lightgbm.LGBMClassifier"],
    "multiclass": ["xgboost.XGBClassifier", "lightgbm.LGBMClassifier"],
    "regression": ["xgboost.XGBRegressor", "lightgbm.LGBMRegressor"],
}
CASES = [(task, estimator) for task, names in ESTIMATORS.items() for estimator in names]
OUTCOMES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "binary": lambda pull: pd.Series(np.where(pull > 10, "yes", "no")),
    "multiclass": lambda pull: pd.cut(pull, [-99, 6, 12, 99], labels=["low", "mid", "high"]),
    "regression": lambda pull: pull,
}
METRICS = {"binary": "roc_auc", "multiclass": "f1", "regression": "r2"}


def boosted(project: Project, task: str, estimator: str) -> Project:
    """Tiny with a task's target and a boosting estimator; ages are missing, plans categories."""
    metric = METRICS[task]

    def outcome(frame: pd.DataFrame) -> pd.DataFrame:
        noise = np.random.default_rng(3).normal(0, 1, len(frame))
        pull = frame["visits"] + 3.0 * (frame["plan"] == "pro") + noise
        return frame.assign(bought=OUTCOMES[task](pull))

    project.rewrite_table(outcome)
    select = project.path("model").read_text().partition("candidates:")[0]
    select = select.replace("binary", task).replace("roc_auc", metric)
    project.write("model", select + CANDIDATES.replace("ESTIMATOR", estimator))
    if task != "binary":
        project.edit("data", ', positive: "yes"', "")
    if task == "regression":
        project.edit("data", ", stratify: true", "")
    project.edit("thresholds", "roc_auc", metric)
    project.edit("thresholds", "metric: f1", f"metric: {metric}")
    return project


@pytest.mark.parametrize(("task", "estimator"), CASES)
def test_a_boosted_model_is_locked_with_the_library_s_own_scores(
    project: Project, tmp_path: Path, task: str, estimator: str
) -> None:
    """Ages are missing and plans are categories; two clones lock the same bytes."""
    boosted(project, task, estimator)
    clone = copy_project(project, tmp_path / "clone")
    project.relock()
    evidence = load_bundle(project.files).evidence
    assert np.isnan(evidence.matrix).any()
    np.testing.assert_allclose(evidence.scores, evidence.pipeline_scores, rtol=1e-5, atol=1e-6)
    assert len(np.unique(evidence.scores)) > 10
    clone.relock()
    assert clone.lock.read_bytes() == project.lock.read_bytes()
    libraries = read_lock(project.lock).inputs.libraries
    named = {"xgboost": "xgboost-cpu", "lightgbm": "lightgbm"}[estimator.partition(".")[0]]
    assert libraries[named] == metadata.version(named)
    assert libraries["onnxmltools"] == metadata.version("onnxmltools")


@pytest.mark.parametrize("estimator", ESTIMATORS["binary"])
def test_native_categories_are_the_library_s_own_and_equal_in_the_artifact(
    project: Project, estimator: str
) -> None:
    """Plans are missing, and of one no row is trained on; both are scored as the library does."""
    plans = [f"p{number}" for number in range(12)]

    def outcome(frame: pd.DataFrame) -> pd.DataFrame:
        random = np.random.default_rng(3)
        plan = random.choice(plans[:-1], len(frame)).astype(object)
        odd = np.isin(plan, plans[::2]) ^ (random.random(len(frame)) < 0.05)
        plan[random.random(len(frame)) < 0.1] = None
        age = random.uniform(18, 99, len(frame))
        return frame.assign(age=age, plan=plan, bought=np.where(odd, "yes", "no"))

    project.rewrite_table(lambda _: outcome(make_table(2600, seed=5)))
    names = f"[{', '.join(plans)}]"
    project.edit("data", "values: [free, plus, pro]", f"values: {names}, missing: 0.5")
    select = project.path("model").read_text().partition("candidates:")[0]
    native = CANDIDATES.replace("ordinal", "native").replace("ESTIMATOR", estimator)
    project.write("model", select + native)
    bundle = train(project.files)
    evidence = bundle.evidence
    np.testing.assert_allclose(evidence.scores, evidence.pipeline_scores, rtol=1e-5, atol=1e-6)
    assert bundle.lock.metrics["roc_auc"].value > 0.8

    boundary, candidate = bundle.boundary, project.files.model.candidates["boosted"]
    pipeline = make_pipeline(boundary, candidate, 42, 1)
    pipeline.fit(evidence.matrix, evidence.target)
    if estimator.startswith("lightgbm"):
        assert "'decision_type': '=='" in str(pipeline[-1].booster_.dump_model())
    else:
        assert pipeline[-1].get_booster().feature_types[-1] == "c"
    unseen = evidence.matrix.copy()
    unseen[:, -1] = len(plans) - 1
    score = artifact_scorer(to_onnx_bytes(pipeline, len(boundary.names)), "binary")
    own = pipeline.predict_proba(unseen)[:, 1]
    np.testing.assert_allclose(score(unseen), own, rtol=1e-5, atol=1e-6)


def test_native_categories_of_another_library_are_refused(project: Project) -> None:
    project.edit("model", "params: {max_depth: 3}", "encode: native")
    project.tagship("check").must_refuse(
        ("candidates.tree", "encode: native", "one_hot or ordinal")
    )


@pytest.mark.parametrize(
    "estimator",
    [*ESTIMATORS["regression"], "sklearn.ensemble.HistGradientBoostingRegressor"],
)
def test_splits_between_neighbouring_float32_values_go_the_same_way(estimator: str) -> None:
    """The library's split points lie between them; ONNX holds none that is no float32."""
    first = np.float32(45.4)
    values = (first.view(np.int32) + np.arange(240)).astype(np.int32).view(np.float32)[:, None]
    target = np.random.default_rng(5).permutation(240).astype(float)
    fitted = make_pipeline_of(estimator).fit(values, target)
    score = artifact_scorer(to_onnx_bytes(fitted, 1), "regression")
    np.testing.assert_allclose(score(values), fitted.predict(values), rtol=1e-5)
    assert len(np.unique(score(values))) > 20


def make_pipeline_of(estimator: str) -> Pipeline:
    """An unfitted estimator as training makes it."""
    return Pipeline([("estimate", make_estimator(Candidate(estimator=estimator), 1, 1))])


@pytest.mark.parametrize("estimator", ESTIMATORS["binary"])
@pytest.mark.parametrize(
    ("params", "says"),
    [
        ("{max_dept: 3}", "did you mean 'max_depth' instead of 'max_dept'?"),
        ("{eta_: 0.1}", "it takes: "),
        ("{max_depth: deep}", "deep"),
    ],
)
def test_a_parameter_that_it_would_only_warn_of_is_refused(
    project: Project, estimator: str, params: str, says: str
) -> None:
    boosted(project, "binary", estimator)
    project.edit("model", "{n_estimators: 30, max_depth: 3, learning_rate: 0.1}", params)
    project.refused("check", says=("candidates.boosted", says))


def test_a_boosting_regressor_is_no_classifier(project: Project) -> None:
    boosted(project, "binary", "lightgbm.LGBMRegressor")
    project.refused("check", says=("candidates.boosted", "is not a classifier"))


@pytest.mark.parametrize("estimator", ["xgboost.XGBRanker", "lightgbm.LGBMRanker"])
def test_a_ranker_is_no_candidate(project: Project, estimator: str) -> None:
    boosted(project, "regression", estimator)
    project.refused("check", says=("candidates.boosted", "is not a regressor"))
