"""Candidates whose probabilities are calibrated."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB

from projects import Project
from tagship.data.table import load_table
from tagship.training.bundle import load_bundle
from tagship.training.calibration import Probabilities, calibrate
from tagship.training.cross_validation import fit
from tagship.training.prepared_table import prepare

LINE = "line: {estimator: sklearn.linear_model.LogisticRegression, scale: true}"
FOREST = "sklearn.ensemble.RandomForestClassifier, params: {n_estimators: 10, max_depth: 4}"
EXTRA = "sklearn.ensemble.ExtraTreesClassifier, params: {max_depth: 4}"
BOOSTED = "sklearn.ensemble.HistGradientBoostingClassifier, params: {max_iter: 20}"


def only(project: Project, estimator: str, method: str) -> None:
    head = project.path("model").read_text().partition("candidates:")[0]
    declared = f"{{estimator: {estimator}, calibrate: {method}}}"
    project.write("model", f"{head}candidates:\n  whole: {declared}\n")
    project.edit("thresholds", "metric: f1", "metric: roc_auc")


@pytest.mark.parametrize(
    ("estimator", "method"), [(FOREST, "isotonic"), (BOOSTED, "isotonic"), (EXTRA, "sigmoid")]
)
def test_the_artifact_equals_scikit_learn_and_trains_to_the_same_bytes(
    project: Project, estimator: str, method: str
) -> None:
    only(project, estimator, method)
    project.edit("thresholds", "1.0e-4", "1.0e-5")
    project.relock()
    evidence = load_bundle(project.files).evidence
    np.testing.assert_allclose(evidence.scores, evidence.pipeline_scores, atol=1e-5)
    lock = project.lock.read_bytes()
    project.relock()
    assert project.lock.read_bytes() == lock


def test_an_xgboost_or_lightgbm_candidate_may_be_calibrated(project: Project) -> None:
    pytest.importorskip("lightgbm", reason="the extra `boost` is not installed")
    only(project, "lightgbm.LGBMClassifier, params: {n_estimators: 5}", "isotonic")
    project.edit("thresholds", "1.0e-4", "1.0e-5")
    project.relock()


def test_each_class_of_several_is_calibrated(project: Project) -> None:
    def in_three(table: pd.DataFrame) -> None:
        table["bought"] = pd.cut(table["visits"], 3, labels=["few", "some", "many"])

    project.rewrite_table(in_three)
    only(project, FOREST, "isotonic")
    project.edit("model", "binary", "multiclass")
    project.edit("data", ', positive: "yes"', "")
    project.edit("data", "min: 50", "min: 50, duplicates: 1")
    project.edit("thresholds", "1.0e-4", "1.0e-5")
    project.relock()
    scores = load_bundle(project.files).evidence.scores
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_sigmoid_is_scikit_learn_s_and_makes_certain_scores_honest() -> None:
    random = np.random.default_rng(0)
    target = random.integers(0, 2, 2000)
    rows = np.repeat(target[:, None] + random.normal(0, 1.5, (2000, 1)), 8, axis=1)
    folds = StratifiedKFold(5, shuffle=True, random_state=3)
    theirs = CalibratedClassifierCV(Probabilities(GaussianNB()), cv=folds, ensemble=False)
    theirs.fit(rows[:1000], target[:1000])
    ours = calibrate(GaussianNB(), "sigmoid", 3).fit(rows[:1000], target[:1000])
    new, true = rows[1000:], target[1000:]
    np.testing.assert_array_equal(ours.predict_proba(new), theirs.predict_proba(new))
    bare = GaussianNB().fit(rows[:1000], target[:1000])
    for method in ("sigmoid", "isotonic"):
        made = calibrate(GaussianNB(), method, 3).fit(rows[:1000], target[:1000])
        brier = np.mean((made.predict_proba(new)[:, 1] - true) ** 2)
        assert brier < 0.9 * np.mean((bare.predict_proba(new)[:, 1] - true) ** 2)


def test_the_rows_of_a_group_are_calibrated_together(project: Project) -> None:
    def memorable(table: pd.DataFrame) -> None:  # each group has its own place and its own answer
        shop = np.arange(len(table)) // 8
        table["age"] = 20.0 + shop * 0.05
        table["bought"] = np.where(np.random.default_rng(1).random(400)[shop] < 0.5, "yes", "no")
        table["shop"] = shop.astype(str)

    project.rewrite_table(memorable)
    only(project, "sklearn.tree.DecisionTreeClassifier", "sigmoid")
    project.edit("data", ", stratify: true", ", group: shop")
    project.edit("data", "columns:", "columns:\n  shop: {dtype: string, feature: false}")
    files = project.files
    prepared = prepare(files, load_table(files).frame)
    fitted = fit(files, "whole", files.model.candidates["whole"], prepared, prepared.holdout.train)
    scores = fitted.predict_proba(prepared.matrix[prepared.holdout.train])[:, 1]
    assert np.abs(scores - 0.5).max() < 0.25, "a tree that knows each group by heart is not certain"


def test_a_split_by_time_is_not_calibrated(project: Project) -> None:
    only(project, FOREST, "sigmoid")
    project.edit("data", ", stratify: true", ", time: day")
    project.edit("data", "columns:", "columns:\n  day: {dtype: datetime, feature: false}")
    project.refused("check", says=("candidates.whole.calibrate", "split by time", "later rows"))


def test_a_method_that_there_is_not_is_refused(project: Project) -> None:
    project.edit("model", LINE, LINE.replace("true}", "true, calibrate: platt}"))
    project.refused("check", says=("candidates.line.calibrate", "sigmoid", "isotonic"))


def test_a_regression_has_nothing_to_calibrate(project: Project) -> None:
    only(project, "sklearn.linear_model.Ridge", "sigmoid")
    project.edit("model", "task: binary", "task: regression")
    project.refused("check", says=("candidates.whole.calibrate", "no probabilities"))


def test_too_few_rows_of_a_class_are_refused(project: Project) -> None:
    def rare(table: pd.DataFrame) -> None:
        table["bought"] = ["yes" if row < 6 else "no" for row in range(len(table))]

    project.rewrite_table(rare)
    only(project, FOREST, "sigmoid")
    project.refused("train", "tiny", says=("candidates.whole", "5-fold"))
