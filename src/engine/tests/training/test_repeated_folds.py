"""Folds that are drawn again, by another seed each time."""

import numpy as np

from projects import Project
from tagship.data.table import load_table
from tagship.training.bundle import load_bundle
from tagship.training.cross_validation import make_splits, score_folds
from tagship.training.lock import read_lock
from tagship.training.prepared_table import prepare
from tagship.training.threshold import choose_threshold, judge_by_chosen

FOLDS = "folds: 3"


def test_each_repeat_judges_every_training_row_once_by_other_folds(project: Project) -> None:
    prepared = prepare(project.files, load_table(project.files).frame)
    [*once] = make_splits(project.files, load_table(project.files).frame, prepared)
    project.edit("model", FOLDS, "folds: 3, repeats: 2")
    files, frame = project.files, load_table(project.files).frame
    splits = make_splits(files, frame, prepared)
    assert len(splits) == 6
    for first, alone in zip(splits, once, strict=False):
        np.testing.assert_array_equal(first[1], alone[1])
    for repeat in (splits[:3], splits[3:]):
        judged = np.sort(np.concatenate([rows for _, rows in repeat]))
        np.testing.assert_array_equal(judged, prepared.holdout.train)
    assert not any(np.array_equal(splits[0][1], rows) for _, rows in splits[3:])


def test_mean_and_deviation_are_over_all_folds(project: Project) -> None:
    project.edit("model", FOLDS, "folds: 3, repeats: 2")
    project.relock()
    lock, bundle = read_lock(project.lock), load_bundle(project.files)
    values = bundle.out_of_fold.values["tree"]
    assert len(values) == 6
    assert lock.candidates["tree"].mean == round(float(np.mean(values)), 6)
    assert lock.inputs.model["select"]["repeats"] == 2


def test_a_lock_without_repeats_stays_true(project: Project) -> None:
    project.relock()
    assert "repeats" not in read_lock(project.lock).inputs.model["select"]
    project.edit("model", FOLDS, "folds: 3, repeats: 1")
    assert project.tagship("lock", "check", "tiny").code == 0


def test_a_threshold_is_chosen_by_other_rows_only(project: Project) -> None:
    project.edit("model", FOLDS, "folds: 3, repeats: 2")
    project.edit("model", "metric: roc_auc", "metric: accuracy")
    project.edit("model", "task: binary", "task: binary\nthreshold: {maximise: accuracy}")
    files, frame = project.files, load_table(project.files).frame
    prepared = prepare(files, frame)
    splits = make_splits(files, frame, prepared)
    folds = list(score_folds(files, "tree", files.model.candidates["tree"], prepared, splits))
    judged = judge_by_chosen(files, prepared, folds)
    threshold = choose_threshold(files, prepared, [folds[4], folds[5]])
    hits = prepared.target[folds[3].rows] == (folds[3].scores >= threshold)
    assert judged[3].value == np.mean(hits)


def test_folds_by_time_have_one_cut(project: Project) -> None:
    project.edit("data", "split: {test: 0.2, stratify: true}", "split: {test: 0.2, time: visits}")
    project.edit("model", FOLDS, "folds: 3, repeats: 2")
    project.refused("check", says=("select.repeats", "split by time"))
