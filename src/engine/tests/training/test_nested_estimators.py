"""Estimators that are made of others, and labels among the parameters."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from projects import Project
from tagship.config.model import Candidate
from tagship.training.bundle import load_bundle
from tagship.training.estimators import make_estimator
from tagship.training.lock import read_lock

LINE = "line: {estimator: sklearn.linear_model.LogisticRegression, scale: true}"
BOOSTED = "{estimator: sklearn.ensemble.HistGradientBoostingClassifier, params: {max_iter: 20}}"
STACKED = f"""
    estimator: sklearn.ensemble.StackingClassifier
    params:
      estimators:
        boosted: {BOOSTED}
        line: {{estimator: sklearn.linear_model.LogisticRegression}}
      final_estimator: {{estimator: sklearn.linear_model.LogisticRegression, params: {{C: 0.5}}}}
"""
VOTING = f"""
    estimator: sklearn.ensemble.VotingClassifier
    params:
      voting: soft
      estimators:
        boosted: {BOOSTED}
        tree: {{estimator: sklearn.tree.DecisionTreeClassifier, params: {{max_depth: 3}}}}
"""
CALIBRATED = f"""
    estimator: sklearn.calibration.CalibratedClassifierCV
    params: {{method: sigmoid, estimator: {BOOSTED}}}
"""


def only(project: Project, candidate: str) -> None:
    head = project.path("model").read_text().partition("candidates:")[0]
    project.write("model", f"{head}candidates:\n  whole:{candidate}")
    project.edit("thresholds", "metric: f1", "metric: roc_auc")


@pytest.mark.parametrize("candidate", [STACKED, VOTING, CALIBRATED])
def test_an_estimator_of_estimators_is_locked_with_scikit_learn_s_scores(
    project: Project, candidate: str
) -> None:
    only(project, candidate)
    project.relock()
    evidence = load_bundle(project.files).evidence
    np.testing.assert_allclose(evidence.scores, evidence.pipeline_scores, rtol=1e-5, atol=1e-6)
    lock = project.lock.read_bytes()
    project.relock()
    assert project.lock.read_bytes() == lock


def test_what_it_is_made_of_is_locked_by_its_library_s_version(project: Project) -> None:
    pytest.importorskip("lightgbm", reason="the extra `boost` is not installed")
    boosted = "{estimator: lightgbm.LGBMClassifier, params: {n_estimators: 5}}"
    only(project, VOTING.replace(BOOSTED, boosted))
    project.relock()
    assert {"lightgbm", "onnxmltools"} <= read_lock(project.lock).inputs.libraries.keys()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("max_iter: 20", "max_itre: 20", "did you mean 'max_iter' instead of 'max_itre'?"),
        ("HistGradientBoostingClassifier", "HistGradientBoostingClasifier", "did you mean"),
        ("sklearn.ensemble.HistGradientBoostingClassifier", "boosting", "whole: estimator: "),
        (
            "sklearn.tree.DecisionTreeClassifier",
            "sklearn.semi_supervised.LabelSpreading",
            "ONNX cannot express LabelSpreading",
        ),
        ("sklearn.ensemble.VotingClassifier", "sklearn.model_selection.GridSearchCV", "a search"),
        ("voting: soft", "voting: hard", "gives no probabilities"),
    ],
)
def test_a_part_that_cannot_be_used_is_refused(
    project: Project, old: str, new: str, says: str
) -> None:
    only(project, VOTING.replace(old, new).replace("{max_depth: 3}", "{}"))
    project.refused("check", says=("candidates.whole", says))


def test_labels_stay_labels(project: Project) -> None:
    project.edit(
        "model", LINE, LINE.replace("true}", 'true, params: {class_weight: {"yes": 3, "no": 1}}}')
    )
    project.relock()
    assert read_lock(project.lock).candidates["line"].mean > 0.6


@pytest.mark.parametrize(
    ("classes", "weights"),
    [
        (["no", "yes"], {"yes": 3, "no": 1}),
        (["0", "1"], {0: 1, 1: 3}),
        (["false", "true"], {True: 3, False: 1}),
    ],
)
def test_weights_are_of_the_labels_that_they_name(classes, weights) -> None:
    candidate = Candidate(
        estimator="sklearn.linear_model.LogisticRegression", params={"class_weight": weights}
    )
    made = make_estimator(candidate, 1, 1, classes)
    assert isinstance(made, LogisticRegression)
    assert made.class_weight == {0: 1, 1: 3}


def test_a_weight_of_a_label_that_there_is_not_is_refused(project: Project) -> None:
    weights = 'true, params: {class_weight: {"yess": 3}}}'
    project.edit("model", LINE, LINE.replace("true}", weights))
    project.refused("train", "tiny", says=("candidates.line", "no label 'yess'", "'yes'"))
