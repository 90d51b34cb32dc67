"""The training number rises exactly when what is trained may change."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import create_model
from record_digests import (
    CASES,
    PATH,
    RAISE,
    RECORD,
    complaint,
    make_recording,
    moved_parts,
    read_recording,
    record,
)

import tagship
from tagship.config import project_files
from tagship.config.contract import DataConfig, Split
from tagship.config.model import METRICS, Candidate, ModelConfig, Select
from tagship.contract.boundary import Boundary
from tagship.training import cross_validation, export, prepared_table
from tagship.training import train as training
from tagship.training.fingerprint import current_inputs

QUICK = "regression nearly equal"


def test_what_is_trained_is_what_was_recorded_with_the_training_number():
    problem = complaint(read_recording(), make_recording())
    assert not problem, problem


def test_the_cases_use_every_way_to_split_to_encode_and_to_choose():
    text = "\n".join(repr(case) for case in CASES.values())
    for way in ("stratify", "time", "group", "impute: none", "ordinal", "scale", "features=True"):
        assert way in text
    recorded = read_recording()
    winners = {recorded.cases[name]["winner"] for name in CASES}
    assert {"line", "forest", "boosting", "histogram"} <= winners


def flip_a_loss(monkeypatch):
    monkeypatch.setitem(METRICS["regression"], "rmse", True)


def flip_a_score(monkeypatch):
    monkeypatch.setitem(METRICS["binary"], "roc_auc", False)


def encode_otherwise(monkeypatch):
    make = cross_validation.make_pipeline
    monkeypatch.setattr(
        cross_validation,
        "make_pipeline",
        lambda boundary, candidate, seed, jobs: make(
            boundary, candidate.model_copy(update={"encode": "ordinal"}), seed, jobs
        ),
    )


def scale_otherwise(monkeypatch):
    make = cross_validation.make_pipeline
    monkeypatch.setattr(
        cross_validation,
        "make_pipeline",
        lambda *given, **named: make(*given, **named).set_params(
            prepare__numbers__scale__with_mean=False
        ),
    )


def shuffle_otherwise(monkeypatch):
    folds = cross_validation.folds

    def others(table, holdout, data, model):
        select = model.select.model_copy(update={"seed": model.select.seed + 1})
        return folds(table, holdout, data, model.model_copy(update={"select": select}))

    monkeypatch.setattr(cross_validation, "folds", others)


def impute_otherwise_by_default(monkeypatch):
    candidate = create_model("Candidate", __base__=Candidate, impute=(str, "mean"))
    kinds = (dict[str, candidate], ...)
    model = create_model("ModelConfig", __base__=ModelConfig, candidates=kinds)
    monkeypatch.setattr(project_files, "ModelConfig", model)


def make_fewer_folds_by_default(monkeypatch):
    select = create_model("Select", __base__=Select, folds=(int, 4))
    model = create_model("ModelConfig", __base__=ModelConfig, select=(select, ...))
    monkeypatch.setattr(project_files, "ModelConfig", model)


def split_otherwise_by_default(monkeypatch):
    split = create_model("Split", __base__=Split, seed=(int, 43))
    data = create_model("DataConfig", __base__=DataConfig, split=(split, split()))
    monkeypatch.setattr(project_files, "DataConfig", data)


def narrow_the_matrix(monkeypatch):
    matrix = Boundary.matrix
    monkeypatch.setattr(
        Boundary,
        "matrix",
        lambda self, columns: matrix(self, columns).astype(np.float16).astype(np.float32),
    )


def turn_the_columns_round(monkeypatch):
    numeric_names = Boundary.numeric_names.fget
    monkeypatch.setattr(Boundary, "numeric_names", property(lambda self: numeric_names(self)[::-1]))


def number_the_classes_otherwise(monkeypatch):
    encode = prepared_table.encode_target
    monkeypatch.setattr(prepared_table, "encode_target", lambda *given: 1 - encode(*given))


def round_more(monkeypatch):
    monkeypatch.setattr(training, "_DIGITS", 1)


def round_less(monkeypatch):
    monkeypatch.setattr(training, "_DIGITS", 12)


def export_otherwise(monkeypatch):
    monkeypatch.setattr(export, "OPSET", 20)


@pytest.mark.parametrize(
    ("plant", "case", "sentence"),
    [
        (flip_a_loss, "regression random rmse", "the winner moved: line → flat"),
        (flip_a_score, "binary random roc_auc", "the winner moved: forest → line"),
        (encode_otherwise, QUICK, "step prepare__categories moved"),
        (scale_otherwise, QUICK, "step prepare__numbers__scale moved"),
        (shuffle_otherwise, QUICK, "the folds or the holdout moved"),
        (impute_otherwise_by_default, QUICK, "step prepare__numbers__impute moved"),
        (make_fewer_folds_by_default, "regression random rmse", "the folds or the holdout moved"),
        (split_otherwise_by_default, QUICK, "the folds or the holdout moved"),
        (narrow_the_matrix, QUICK, "the matrix or the target that enters fit moved"),
        (turn_the_columns_round, QUICK, "the matrix or the target that enters fit moved"),
        (number_the_classes_otherwise, "binary random roc_auc", "the matrix or the target"),
        (round_more, "binary random roc_auc", "the winner moved: forest → line"),
        (round_less, QUICK, "the winner moved: first → second"),
        (export_otherwise, QUICK, "the structure of the exported graph moved"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_change_that_alters_models_must_raise_the_number(monkeypatch, plant, case, sentence):
    plant(monkeypatch)
    now = make_recording([case])
    recorded = dataclasses.replace(now, cases={case: read_recording().cases[case]})
    problem = complaint(recorded, now)
    assert f"{case}: " in problem
    assert sentence in problem
    assert problem.endswith(f"{RAISE}\n{RECORD}")


@pytest.fixture
def recorded():
    return read_recording()


def other_winner(recording):
    case = recording.cases[QUICK] | {"winner": "other"}
    return dataclasses.replace(recording, cases=recording.cases | {QUICK: case})


def test_a_raised_number_asks_for_a_new_recording(recorded):
    raised = dataclasses.replace(other_winner(recorded), training_number=99)
    problem = complaint(recorded, raised)
    assert RECORD in problem
    assert RAISE not in problem
    assert "only rises" in complaint(raised, recorded)


def test_another_library_asks_for_a_new_recording_and_leaves_the_number(recorded):
    libraries = recorded.libraries | {"scipy": "0.1"}
    problem = complaint(recorded, dataclasses.replace(other_winner(recorded), libraries=libraries))
    assert "→ 0.1: the training number stays" in problem
    assert RECORD in problem
    assert RAISE not in problem


def test_a_case_more_or_less_asks_for_a_new_recording(recorded):
    fewer = {name: case for name, case in recorded.cases.items() if name != QUICK}
    problem = complaint(recorded, dataclasses.replace(recorded, cases=fewer))
    assert f"came or went: {QUICK}: {RECORD}" in problem


def test_last_bits_of_another_processor_are_no_move_and_a_percent_is(recorded):
    case = recorded.cases["binary stratified log_loss"]

    def solved(factor):
        floats = {
            name: [count, *(value * factor for value in values)]
            for name, (count, *values) in case["floats"].items()
        }
        metrics = {name: value * factor for name, value in case["metrics"].items()}
        return case | {"floats": floats, "metrics": metrics}

    assert moved_parts(case, solved(1 + 1e-4)) == []
    moved = "\n".join(moved_parts(case, solved(1.01)))
    assert "the graph's values 9 LinearClassifier.coefficients moved" in moved
    assert "the holdout's log_loss moved" in moved


def test_moved_digests_are_not_recorded_until_the_number_rises(monkeypatch, tmp_path):
    path = tmp_path / "digests.json"
    record(path, [QUICK])
    true = path.read_text(encoding="utf-8")
    record(path, [QUICK])
    assert path.read_text(encoding="utf-8") == true
    content = json.loads(true)
    content["cases"][QUICK]["winner"] = "other"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"nothing is recorded:\n.*the winner moved"):
        record(path, [QUICK])
    assert json.loads(path.read_text(encoding="utf-8")) == content
    monkeypatch.setattr(tagship.training, "TRAINING_NUMBER", tagship.training.TRAINING_NUMBER + 1)
    record(path, [QUICK])
    assert read_recording(path).training_number == tagship.training.TRAINING_NUMBER
    assert read_recording(path).cases == json.loads(true)["cases"]


def test_the_file_that_the_messages_name_is_there():
    assert (PATH.parents[2] / RECORD.rpartition(" ")[2]).is_file()


INPUTS = """
import sys
from pathlib import Path
import tagship
from tagship.config.project_files import load_model
from tagship.training.fingerprint import current_inputs
assert tagship.__file__.startswith(sys.argv[1]), tagship.__file__
print(current_inputs(load_model(Path(sys.argv[2]), "tiny")).model_dump_json())
"""


def test_a_comment_in_any_module_of_the_engine_changes_no_lock(project, tmp_path):
    engine = tmp_path / "engine"
    shutil.copytree(
        Path(tagship.__file__).parent,
        engine / "tagship",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for path in engine.rglob("*.py"):
        path.write_text(path.read_text(encoding="utf-8") + "# A remark.\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", INPUTS, str(engine), str(project.root)],
        cwd=tmp_path,  # Python looks where it runs first
        env={**os.environ, "PYTHONPATH": str(engine)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == current_inputs(project.files).model_dump(mode="json")
