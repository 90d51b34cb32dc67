"""The search: repeatable, resumable, never stopped by a bad trial, blind to the holdout."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from projects import copy_project
from tagship.data.table import load_table
from tagship.training.cross_validation import make_splits
from tagship.training.prepared_table import prepare
from tagship.tuning.study import ended_trials, refold
from tagship.tuning.tune import tune, with_confirming_folds

TUNE = """\
tune:
  candidate: tree
  trials: 14
  space:
    max_depth: {int: [1, 12]}
    min_samples_leaf: {int: [1, 60], log: true}
    ccp_alpha: {float: [0.0, 0.05]}
"""
OWN = """\
import time

from skl2onnx import update_registered_converter
from sklearn.tree import DecisionTreeClassifier


class Moody(DecisionTreeClassifier):
    def __init__(self, max_depth=3, mood="good", random_state=None):
        super().__init__(max_depth=max_depth, random_state=random_state)
        self.mood = mood

    def fit(self, x, y, **more):
        if len(x) < 240:  # not when it is tried on made-up rows, which are 240
            if self.mood == "angry":
                raise RuntimeError("not <today>")
            if self.mood == "asleep":
                time.sleep(3600)
            if self.mood == "dying":
                import os

                os._exit(9)
        return super().fit(x, y, **more)


def convert(scope, operator, container):
    raise AssertionError("a search converts nothing")


update_registered_converter(Moody, "Moody", lambda operator: None, convert)
"""


def say(_):
    pass


@pytest.fixture
def tuned(project):
    project.write("model", project.path("model").read_text() + TUNE)
    return project


def trials(study):
    return [(each.state.name, each.params, each.value) for each in ended_trials(study)]


def test_a_search_that_was_killed_goes_on_to_the_trials_of_an_uninterrupted_one(tuned, tmp_path):
    whole = copy_project(tuned, tmp_path / "whole")
    result, _, study = tune(whole.files, say)
    assert result.unrepeatable == ""
    command = [sys.executable, "-m", "tagship", "tune", "tiny"]
    process = subprocess.Popen(
        command, cwd=tuned.root, stderr=subprocess.PIPE, start_new_session=True
    )
    journals = tuned.files.work / "tune"
    while not any(b'"op_code":6' in p.read_bytes() for p in journals.glob("*.journal")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again, _, resumed = tune(tuned.files, say)
    assert len(ended_trials(resumed)) == 14
    assert trials(resumed) == trials(study)
    assert (again.params, again.gain, again.curve) == (result.params, result.gain, result.curve)


def test_no_trial_and_no_judgement_of_one_sees_the_holdout(tuned):
    files = tuned.files
    frame = load_table(files).frame
    prepared = prepare(files, frame)
    chosen = make_splits(refold(files, 3, 42), frame, prepared)
    others = make_splits(with_confirming_folds(files), frame, prepared)
    for fit, judged in (*chosen, *others):
        assert not np.isin([*fit, *judged], prepared.holdout.test).any()
    assert len(others) == 10
    assert not any(np.array_equal(judged, other) for _, judged in others for _, other in chosen)


def test_bad_trials_are_counted_with_their_reasons_and_the_others_go_on(project):
    project.write("src/features/__init__.py", "")
    project.write("src/features/moody.py", OWN)
    project.edit("model", "sklearn.tree.DecisionTreeClassifier", "features.moody.Moody")
    text = project.path("model").read_text()
    moods = "{candidate: tree, trials: 5, trial_seconds: 6, space: {mood: {choice: [%s]}}}\n"
    for mood, reason in (("asleep", "longer than 6 s"), ("dying", "ended"), ("angry", "<today>")):
        project.write("model", text + "tune: " + moods % f"good, {mood}")
        ran = project.tagship("tune", "tiny", "--json")
        assert ran.code == 6, ran.err
        answer = json.loads(ran.out)
        assert answer["trials"] == 5
        assert reason in " ".join(answer["failed"])
        assert ("took too long" in answer["unrepeatable"]) == (mood == "asleep")
    page = (project.root / "reports/tiny-tuning.html").read_text()
    assert "not &lt;today&gt;" in page
    assert "<today>" not in page
    project.write("model", text + "tune: " + moods % "angry, dying")
    project.tagship("tune", "tiny").must_refuse(
        ("no trial of tree was completed", "first one said")
    )


def test_a_time_limit_and_several_workers_are_said_not_to_be_repeatable(tuned):
    tuned.edit("model", "trials: 14", "trials: 100000, seconds: 1".replace(", ", "\n  "))
    limited, _, _ = tune(tuned.files, say)
    assert limited.unrepeatable == "the time limit ended it"
    assert 0 < limited.trials < 100000
    tuned.edit("model", "trials: 100000\n  seconds: 1", "trials: 6\n  folds: 2")
    several, _, _ = tune(tuned.files, say, workers=2)
    assert (several.trials, several.unrepeatable) == (6, "several trials ran at once")


def test_other_data_is_another_search_and_a_damaged_journal_is_refused(tuned):
    tuned.edit("model", "trials: 14", "trials: 3")
    _, first, _ = tune(tuned.files, say)
    tuned.rewrite_table(lambda table: table.iloc[1:])
    _, second, study = tune(tuned.files, say)
    assert first.fingerprint != second.fingerprint
    assert len(ended_trials(study)) == 3
    for path in (tuned.files.work / "tune").glob("*.journal"):
        path.write_text("{broken\n{broken\n")
    tuned.tagship("tune", "tiny").must_refuse(("the study cannot be read", "delete it"))
    where = "postgresql://me:hush@127.0.0.1:1/x"
    refused = tuned.tagship("tune", "tiny", f"--storage={where}")
    refused.must_refuse("look at --storage")
    assert "hush" not in refused.err


def test_two_processes_cannot_work_on_one_search_but_two_machines_can(tuned, tmp_path):
    from tagship.files import only_one

    tuned.edit("model", "trials: 14", "trials: 3")
    with only_one(tuned.root, "tune-tiny"):
        tuned.tagship("tune", "tiny").must_refuse("another tagship command")
    database = f"sqlite:///{tmp_path}/study.db"
    tune(tuned.files, say, storage=database)
    elsewhere = copy_project(tuned, tmp_path / "elsewhere")
    joined, _, _ = tune(elsewhere.files, say, storage=database)
    assert joined.trials == 3
