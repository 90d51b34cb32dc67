"""A decision threshold that training chooses, and everything that decides by it."""

import numpy as np
import pytest

from projects import Project
from tagship.data.table import load_table
from tagship.gates.holdout import HoldoutPredictions
from tagship.training import metrics
from tagship.training.bundle import load_bundle
from tagship.training.cross_validation import make_splits, score_folds
from tagship.training.lock import read_lock
from tagship.training.prepared_table import prepare
from tagship.training.threshold import THRESHOLDS, choose_threshold, judge_by_chosen

TASK = "task: binary\n"
PRICES = "value: {true_positive: 5, false_positive: -1, false_negative: -50}\n"


def chosen(project: Project, maximise: str, *more: str) -> None:
    project.edit("model", TASK, f"{TASK}threshold: {{maximise: {maximise}}}\n")
    project.write("thresholds", project.path("thresholds").read_text() + "".join(more))


def test_thresholds_are_ascending_and_within_zero_and_one() -> None:
    assert list(THRESHOLDS) == sorted(set(THRESHOLDS))
    assert 0 < min(THRESHOLDS) < max(THRESHOLDS) < 1


@pytest.mark.parametrize("maximise", ["f1", "accuracy", "value"])
def test_it_is_the_best_on_the_training_rows_and_locked(project: Project, maximise: str) -> None:
    chosen(project, maximise, PRICES)
    project.relock()
    bundle, lock = load_bundle(project.files), read_lock(project.lock)
    assert lock.threshold == bundle.boundary.threshold
    folds, prices = bundle.out_of_fold, project.files.thresholds.value
    scores = folds.scores[lock.winner.candidate]
    assert prices is not None

    def goodness(threshold: float) -> float:
        if maximise == "value":
            return float(
                metrics.outcome_values(
                    prices, folds.target, (scores >= threshold).astype(np.int64)
                ).mean()
            )
        return metrics.value(maximise, "binary", folds.target, scores, threshold=threshold)

    best = max(goodness(threshold) for threshold in np.arange(0.01, 1, 0.01))
    assert goodness(lock.threshold) >= best - 1e-9
    measured = lock.metrics["recall"].value
    evidence = bundle.evidence
    assert measured == pytest.approx(
        np.mean(evidence.scores[evidence.target == 1] >= lock.threshold), abs=1e-6
    )
    judge = HoldoutPredictions(project.files.model, bundle.boundary, evidence)
    assert judge.measure("recall") == pytest.approx(measured, abs=1e-6)
    text = project.lock.read_bytes()
    project.relock()
    assert project.lock.read_bytes() == text
    assert "identical" in project.tagship("lock", "verify", "tiny").out


def test_a_fold_is_judged_by_the_choice_of_the_others(project: Project) -> None:
    chosen(project, "f1")
    project.edit("model", "metric: roc_auc", "metric: f1")
    files, frame = project.files, load_table(project.files).frame
    prepared = prepare(files, frame)
    splits = make_splits(files, frame, prepared)
    folds = list(score_folds(files, "tree", files.model.candidates["tree"], prepared, splits))
    judged = judge_by_chosen(files, prepared, folds)
    for number, fold in enumerate(folds):
        others = [other for other in folds if other is not fold]
        expected = metrics.value(
            "f1",
            "binary",
            prepared.target[fold.rows],
            fold.scores,
            threshold=choose_threshold(files, prepared, others),
        )
        assert judged[number].value == expected


def test_another_price_makes_the_lock_stale(project: Project) -> None:
    chosen(project, "value", PRICES)
    project.relock()
    project.edit("thresholds", "false_negative: -50", "false_negative: -60")
    ran = project.tagship("lock", "check", "tiny")
    assert ran.code == 1
    assert "thresholds.yaml: value.false_negative: -50.0 → -60.0" in ran.err


def test_prices_that_choose_nothing_leave_a_lock_as_it_is(project: Project) -> None:
    project.relock()
    assert b"threshold: 0.5" in project.lock.read_bytes()
    assert read_lock(project.lock).threshold is None
    project.write("thresholds", project.path("thresholds").read_text() + PRICES)
    assert project.tagship("lock", "check", "tiny").code == 0


@pytest.mark.parametrize(
    ("maximise", "prices", "says"),
    [
        ("roc_auc", "", ("threshold", "accuracy", "f1")),
        ("value", "", ("thresholds.yaml", "value", "price the outcomes here")),
        ("value", "value: {true_negative: 1, false_positive: 1}\n", ("its opposite",)),
    ],
)
def test_what_chooses_nothing_is_refused(
    project: Project, maximise: str, prices: str, says: tuple[str, ...]
) -> None:
    chosen(project, maximise, prices)
    project.refused("check", says=says)


def test_only_a_binary_task_decides(project: Project) -> None:
    chosen(project, "f1")
    project.edit("model", "task: binary", "task: multiclass")
    project.edit("data", ', positive: "yes"', "")
    project.refused("check", says=("threshold", "multiclass task has no decision threshold"))
