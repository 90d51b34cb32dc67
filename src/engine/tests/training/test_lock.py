"""The lock is true, the same everywhere, and says what changed when it is not."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from projects import copy_project
from tagship.config.yaml_file import read_yaml
from tagship.errors import TagshipError
from tagship.training.bundle import load_bundle
from tagship.training.fingerprint import current_inputs
from tagship.training.lock import Lock, lock_text, read_lock, write_lock
from tagship.training.lock_verification import compare, difference

ESTIMATORS = (
    "sklearn.linear_model.LogisticRegression",
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.ensemble.HistGradientBoostingClassifier",
)
TRAIN = """
import dataclasses, json, sys
from pathlib import Path
from tagship.config.model import Candidate
from tagship.config.project_files import load_model
from tagship.training.lock import lock_text
from tagship.training.train import train
files = load_model(Path(sys.argv[1]), "tiny")
for estimator in sys.argv[2:]:
    only = {"only": Candidate(estimator=estimator)}
    model = files.model.model_copy(update={"candidates": only})
    lock = train(dataclasses.replace(files, model=model)).lock
    print(json.dumps([lock.artifact.sha256, lock_text(lock)]))
"""


def train_elsewhere(root: Path, hash_seed: str, threads: str) -> list[list[str]]:
    """The artifact's SHA-256 and the lock of each estimator, from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, str(root), *ESTIMATORS],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": threads},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()[-len(ESTIMATORS) :]]


@pytest.mark.slow
def test_two_clones_with_other_hash_seeds_and_threads_train_the_same_bytes(project, tmp_path):
    other = copy_project(project, tmp_path / "somewhere" / "else")
    first = train_elsewhere(project.root, "1", "1")
    assert len({sha256 for sha256, _ in first}) == len(ESTIMATORS)
    assert first == train_elsewhere(other.root, "2", "2")


def test_verify_says_identical_after_a_run(run_project):
    ran = run_project.tagship("lock", "verify", "tiny")
    assert ran.code == 0, ran.err
    assert "identical" in ran.out


def test_a_second_run_writes_nothing_beside_the_config(run_project):
    def written():
        return {
            path: (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in run_project.lock.parent.iterdir()
        }

    before = written()
    ran = run_project.tagship("run", "tiny")
    assert ran.code == 0, ran.err
    assert "untouched" in ran.out
    assert written() == before
    assert f"export BENTOML_HOME={run_project.root}/.tagship/bentoml" in ran.out


def refused_with(project, text):
    ran = project.tagship("lock", "verify", "tiny")
    assert ran.code == 1
    assert "stale" in ran.err
    assert text in ran.err, ran.err
    assert "tagship run tiny" in ran.err


def test_a_changed_hyperparameter_is_named(run_project):
    run_project.edit("model", "max_depth: 3", "max_depth: 4")
    refused_with(run_project, "model.yaml: candidates.tree.params.max_depth: 3 → 4")


def test_a_changed_split_is_named(run_project):
    run_project.edit("data", "test: 0.2", "test: 0.3")
    refused_with(run_project, "data.yaml: `split` changed")


def test_changed_data_is_named(run_project):
    run_project.rewrite_table(lambda frame: frame.assign(visits=frame["visits"] + 1))
    refused_with(run_project, "(other values)")


@pytest.mark.parametrize(
    "line",
    [
        "from . import scale",
        "from .scale import by",
        "from .. import scale",
        "from ..scale import by",
        "from features.scale import by",
        "import features.scale",
    ],
)
def test_a_changed_module_that_a_feature_function_imports_is_named(project, line):
    package = "deep." if ".." in line else ""
    module = f"src/features/{package.replace('.', '/')}tiny.py"
    project.write(
        module, f"{line}\n\ndef derive(columns):\n    return {{'a': columns['visits']}}\n"
    )
    project.write("src/features/scale.py", "by = 1\n")
    project.write("src/features/deep/__init__.py", "")
    project.edit(
        "model", "task: binary\n", f"task: binary\nfeatures: features.{package}tiny:derive\n"
    )
    before = current_inputs(project.files)
    project.write("src/features/scale.py", "by = 2\n")
    assert current_inputs(project.files).code["features"] != before.code["features"]
    project.write("src/features/scale.py", "by = 1\n")
    assert current_inputs(project.files) == before
    project.write("src/features/__init__.py", "import os\n")
    assert current_inputs(project.files).code["features"] != before.code["features"]


def test_a_changed_library_or_engine_is_named(run_project):
    lock = read_lock(run_project.lock)
    libraries = {**lock.inputs.libraries, "scikit-learn": "0.1"}
    inputs = lock.inputs.model_copy(update={"libraries": libraries, "training": 0})
    write_lock(run_project.lock, lock.model_copy(update={"inputs": inputs}))
    refused_with(run_project, "library scikit-learn: 0.1 → ")
    refused_with(run_project, "training number: none, since an older engine wrote the lock → 2")


def test_thresholds_and_the_card_do_not_make_a_lock_stale(run_project):
    run_project.edit("thresholds", "fail_below: 0.6", "fail_below: 0.55")
    with run_project.path("model").open("a") as file:
        file.write("card: {purpose: Another sentence.}\n")
    assert run_project.tagship("lock", "verify", "tiny").code == 0


def test_a_tampered_lock_is_different(run_project):
    lock = read_lock(run_project.lock)
    artifact = lock.artifact.model_copy(update={"sha256": "0" * 64})
    probe = [value + 0.01 for value in lock.probe]
    write_lock(run_project.lock, lock.model_copy(update={"artifact": artifact, "probe": probe}))
    ran = run_project.tagship("lock", "verify", "tiny")
    assert ran.code == 1
    assert "different" in ran.out


def test_other_bits_with_the_same_predictions_are_equivalent(run_project):
    lock = read_lock(run_project.lock)
    artifact = lock.artifact.model_copy(update={"sha256": "0" * 64})
    probe = [value + 2e-5 for value in lock.probe]
    write_lock(run_project.lock, lock.model_copy(update={"artifact": artifact, "probe": probe}))
    before = run_project.lock.read_bytes()
    ran = run_project.tagship("lock", "verify", "tiny")
    assert ran.code == 0
    assert "equivalent" in ran.out
    assert "untouched" in run_project.relock().out
    assert run_project.lock.read_bytes() == before


def test_another_winner_is_never_equivalent(run_project):
    lock = read_lock(run_project.lock)
    winner = lock.winner.model_copy(update={"candidate": "other"})
    assert compare(lock, lock) == "identical"
    assert compare(lock, lock.model_copy(update={"winner": winner})) == "different"


def test_an_edited_metric_is_different_is_not_built_and_is_put_right(run_project):
    true = run_project.lock.read_text()
    edited, count = re.subn(r"(  recall: .*value:) [\d.]+", r"\1 0.999", true)
    assert count == 1
    run_project.lock.write_text(edited)
    ran = run_project.tagship("lock", "verify", "tiny")
    assert ran.code == 1
    assert "different: model.lock.yaml: metrics.recall.value: the lock says 0.999, " in ran.out
    run_project.tagship("build", "tiny").must_refuse(("metrics.recall.value", "tagship run tiny"))
    assert "renewed" in run_project.tagship("lock", "write", "tiny").out
    assert run_project.lock.read_text() == true


def test_all_that_a_reviewer_reads_in_a_lock_is_compared(run_project):
    cases = {
        "metrics.f1.value": (r"\n  f1: .*", ""),
        "metrics.zeal.value": (r"\n  f1: .*", r"\g<0>\n  zeal: {high: 1.0, low: 1.0, value: 1.0}"),
        "metrics.f1.low": (r"(\n  f1: .*low:) [\d.]+", r"\1 0.1"),
        "candidates.line.mean": (r"(\n  line: \{mean:) [\d.]+", r"\1 0.999"),
        "data.holdout_rows": (r"holdout_rows: \d+", "holdout_rows: 61"),
        "data.rows": (r"\n  rows: \d+", r"\n  rows: 301"),
        "model": (r"\nmodel: tiny", r"\nmodel: huge"),
        "task": (r"\ntask: binary", r"\ntask: regression"),
        "winner.params.C": (r"  params: \{\}\n$", "  params: {C: 2.0}\n"),
        "artifact.bytes": (r"bytes: \d+", "bytes: 7"),
        "artifact.boundary_sha256": (r"boundary_sha256: \w+", f"boundary_sha256: {'f' * 64}"),
        "probe": (r"probe: \[[\d.]+", "probe: [0.123"),
    }
    lock, text = read_lock(run_project.lock), run_project.lock.read_text()
    assert difference(lock, lock) == ""
    for named, (old, new) in cases.items():
        edited, count = re.subn(old, new, text, count=1)
        assert count == 1, named
        run_project.lock.write_text(edited)
        edit = read_lock(run_project.lock)
        assert compare(edit, lock) == "different", named
        assert difference(edit, lock).startswith(f"{named}: ")


def test_last_bits_of_another_processor_are_no_difference(run_project):
    lock = read_lock(run_project.lock)
    found = lock.metrics["roc_auc"]
    near = {"roc_auc": found.model_copy(update={"value": found.value + 1e-6})}
    far = {"roc_auc": found.model_copy(update={"value": found.value + 1e-4})}
    assert compare(lock, lock.model_copy(update={"metrics": lock.metrics | near})) == "identical"
    assert compare(lock, lock.model_copy(update={"metrics": lock.metrics | far})) == "different"


def test_a_lock_survives_its_file_and_holds_no_time_and_no_path(run_project):
    lock = read_lock(run_project.lock)
    text = run_project.lock.read_text()
    assert lock_text(lock) == text
    assert str(run_project.root) not in text
    assert "20" + "26-" not in text
    assert "seconds" not in text
    keys = list(read_yaml(run_project.lock).root)
    assert keys == sorted(keys)


def test_an_edited_lock_that_is_no_lock_names_the_key(run_project):
    text = run_project.lock.read_text().replace("winner:", "winer:")
    run_project.lock.write_text(text)
    with pytest.raises(TagshipError, match="winer: unknown key; did you mean 'winner'"):
        read_lock(run_project.lock)
    assert Lock.model_fields["winner"].is_required()


def test_no_lock_is_named_with_the_way_out(project):
    ran = project.tagship("lock", "verify", "tiny")
    assert ran.code == 1
    assert "there is no lock" in ran.err


def test_a_lock_from_before_locks_named_the_boundary_is_true_and_gets_its_hash(run_project):
    true = run_project.lock.read_text()
    older = re.sub(r"\n  boundary_sha256: .*", "", true)
    assert older != true
    run_project.lock.write_text(older)
    assert lock_text(read_lock(run_project.lock)) == older
    assert compare(read_lock(run_project.lock), load_bundle(run_project.files).lock) == "identical"
    assert "renewed" in run_project.tagship("lock", "write", "tiny").out
    assert run_project.lock.read_text() == true


@pytest.mark.slow
def test_the_same_artifact_from_another_engine_renews_the_lock_and_asks_for_a_commit(run_project):
    lock = read_lock(run_project.lock)
    inputs = lock.inputs.model_copy(update={"code": {"engine": "0" * 12}, "training": 0})
    write_lock(run_project.lock, lock.model_copy(update={"inputs": inputs}))
    ran = run_project.tagship("run", "tiny")
    assert ran.code == 0
    assert "renewed" in ran.out
    assert "review the lock" in ran.out
    assert read_lock(run_project.lock) == lock


@pytest.mark.parametrize(
    "command",
    [("run", "tiny"), ("lock", "verify", "tiny"), ("lock", "write", "tiny"), ("build", "tiny")],
)
def test_the_lock_of_a_newer_engine_is_never_read_or_written_over(run_project, command):
    newer = run_project.lock.read_text().replace("training: 2", "training: 3\n  novelty: x")
    run_project.lock.write_text(newer)
    run_project.refused(
        *command, says=("newer engine", "training number is 3", "make setup", "make update")
    )
    assert run_project.lock.read_text() == newer
