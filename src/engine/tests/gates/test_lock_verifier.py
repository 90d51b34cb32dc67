"""A release trusts the training that is kept here only as far as it is derived again."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from projects import Project, copy_project, own_modules
from tagship.errors import TagshipError
from tagship.gates.lock_verifier import LockVerifier
from tagship.training.bundle import load_bundle
from tagship.training.lock import read_lock, write_lock
from tagship.training.lock_verification import LockVerification, verify_kept


def proven(project: Project) -> LockVerification | str:
    with own_modules(project.root / "src"):
        return verify_kept(project.files)


def doctor(project: Project, **arrays: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change some of the arrays of the evidence."""
    path = project.files.work / "evidence.npz"
    with np.load(path) as held:
        changed = {name: held[name] for name in held.files}
    for name, change in arrays.items():
        changed[name] = change(changed[name])
    stream = io.BytesIO()
    np.savez(stream, **changed)
    path.write_bytes(stream.getvalue())


def test_the_training_that_was_locked_here_proves_its_lock(run_project: Project) -> None:
    verified = proven(run_project)
    assert isinstance(verified, LockVerification), verified
    assert verified.outcome == "identical"
    assert verified.bundle.lock == read_lock(run_project.lock)


def test_a_release_does_not_train_what_it_can_prove_and_says_so(run_project: Project) -> None:
    told: list[str] = []
    with own_modules(run_project.root / "src"):
        LockVerifier(run_project.root, told.append).verify_lock(run_project.files)
        assert told == ["not trained again: the training kept here is proven to be the lock's"]
        path = run_project.files.work / "evidence.npz"
        path.write_bytes(path.read_bytes()[:-100])
        verifier = LockVerifier(run_project.root, told.append)
        verifier.verify_lock(run_project.files)
        verifier.gate(run_project.files, None)
    assert "training it, since none that is kept here proves the lock" in told[1]
    assert any(said.startswith("fetching the data") for said in told)
    assert "cross-validating 2 candidates in 3 folds" in told
    assert any(said.startswith("artifact ") for said in told[2:])
    assert told[-1] == "judging by every gate; no champion"
    assert isinstance(proven(run_project), LockVerification)  # what was trained is kept


def test_a_work_tree_of_another_commit_is_trained_whatever_it_holds(
    run_project: Project, tmp_path: Path
) -> None:
    """As `verify-deployment --retrain` promises: a commit may hold a training of its own."""
    told: list[str] = []
    other = copy_project(run_project, tmp_path / "tree")
    with own_modules(other.root / "src"):
        LockVerifier(run_project.root, told.append).verify_lock(other.files)
    assert "this is a work tree of another commit" in told[0]


ARRAYS = {
    "scores": lambda scores: np.round(1 - scores, 3),
    "target": lambda target: 1 - target,
    "matrix": lambda matrix: matrix + 1,
    "train_target": lambda target: 0 * target,
    "column:visits": lambda visits: visits + 1,
}


@pytest.mark.parametrize("name", ARRAYS)
def test_doctored_evidence_proves_nothing(run_project: Project, name: str) -> None:
    doctor(run_project, **{name: ARRAYS[name]})
    assert load_bundle(run_project.files)  # or else the test would be of something simpler
    assert "not what data and artifact give" in str(proven(run_project))


def test_doctored_evidence_does_not_make_a_gate_pass(run_project: Project) -> None:
    """Scores as good as can be, for a model that is not."""
    run_project.edit("thresholds", "margin: 0.0", "margin: 0.3")
    with np.load(run_project.files.work / "evidence.npz") as held:
        perfect = held["target"].astype(float)
    doctor(run_project, scores=lambda _: perfect, pipeline_scores=lambda _: perfect)
    judged = run_project.tagship("gate", "tiny")
    assert "✓  baseline" in judged.out, "the gate itself believes its own training"
    with own_modules(run_project.root / "src"):
        verdict = LockVerifier(run_project.root).gate(run_project.files, None)
    assert [result.gate for result in verdict.of_status("fail")] == ["baseline"]


@pytest.mark.parametrize("file", ["model.onnx", "boundary.json", "lock.yaml", "reference.json"])
def test_a_file_that_was_changed_proves_nothing(run_project: Project, file: str) -> None:
    path = run_project.files.work / file
    if file == "boundary.json":
        boundary = json.loads(path.read_text())
        path.write_text(json.dumps({**boundary, "threshold": 0.9}))
    elif file == "lock.yaml":
        lock = read_lock(path)
        better = {name: m.model_copy(update={"value": 1.0}) for name, m in lock.metrics.items()}
        write_lock(path, lock.model_copy(update={"metrics": better}))
    else:
        path.write_bytes(path.read_bytes() + b" ")
    says = {
        "model.onnx": "the artifact was changed",
        "boundary.json": "boundary.json: it was changed",
        "lock.yaml": "another training than the lock's",
        "reference.json": "reference.json",
    }
    assert says[file] in str(proven(run_project))
    path.unlink()
    assert isinstance(proven(run_project), str)


def test_a_lock_that_names_no_boundary_is_proven_by_training_alone(run_project: Project) -> None:
    for path in (run_project.lock, run_project.files.work / "lock.yaml"):
        lock = read_lock(path)
        artifact = lock.artifact.model_copy(update={"boundary_sha256": None})
        write_lock(path, lock.model_copy(update={"artifact": artifact}))
    assert proven(run_project) == "its lock names no boundary"


def test_a_lock_of_another_training_than_the_kept_one_is_trained(run_project: Project) -> None:
    lock = read_lock(run_project.lock)
    near = {
        name: m.model_copy(update={"value": m.value + 1e-6}) for name, m in lock.metrics.items()
    }
    write_lock(run_project.lock, lock.model_copy(update={"metrics": near}))
    assert proven(run_project) == "another training than the lock's is kept here"


@pytest.mark.parametrize("what", ["data", "config", "reference"])
def test_what_is_stale_is_refused_without_training(run_project: Project, what: str) -> None:
    if what == "data":
        run_project.rewrite_table(lambda table: table.assign(visits=table["visits"] + 1))
    elif what == "config":
        run_project.edit("model", "max_depth: 3", "max_depth: 4")
    else:
        run_project.files.reference_path.unlink()
    with pytest.raises(TagshipError, match=r"stale|reference\.json"):
        proven(run_project)


@pytest.mark.slow
def test_a_verified_lock_is_judged_recorded_and_built_without_another_training(
    run_project: Project, tmp_path: Path
) -> None:
    """As in a clone of the workflows: nothing was trained there before."""
    project = copy_project(run_project, tmp_path / "clone")
    for file in project.files.work.iterdir():
        file.unlink() if file.is_file() else None
    told = project.path("reports/tiny.md")
    told.unlink(missing_ok=True)
    verified = project.tagship("lock", "verify", "--markdown=reports/tiny.md", "--", "tiny")
    assert "tiny: identical" in verified.out, verified.err
    assert project.tagship("gate", "--markdown=reports/tiny.md", "--", "tiny").code == 0
    assert "tiny: identical: the same bytes\n```\n\n### `tiny`: pass" in told.read_text()
    recorded = project.tagship("record", "tiny")
    assert "tiny: recorded, its verdict is pass" in recorded.out, recorded.err
    built = project.tagship("build", "tiny", "--release=tiny/v1.0.0")
    assert built.code == 0, built.err


def test_a_verdict_that_fails_is_recorded_as_such_and_builds_nothing(run_project: Project) -> None:
    run_project.edit("thresholds", "fail_below: 0.6", "fail_below: 0.999")
    assert run_project.tagship("gate", "tiny").code == 1
    before = len(run_project.kept()[1])
    recorded = run_project.tagship("record", "tiny")
    assert "tiny: recorded, its verdict is fail; reports/tiny.html" in recorded.out, recorded.err
    assert len(run_project.kept()[1]) > before
    report = run_project.path("reports/tiny.html").read_text()
    assert "fail" in report
    assert "Worst rows" not in report, "it is uploaded"
    run_project.refused("build", "tiny", says="its verdict fails")


def test_a_refused_lock_is_told_in_the_report(run_project: Project) -> None:
    run_project.edit("model", "max_depth: 3", "max_depth: 4")
    told = run_project.path("reports/told.md")
    ran = run_project.tagship("lock", "verify", "--markdown", str(told), "tiny")
    assert ran.code == 1
    assert "The lock of `tiny` is refused.\n\n```text\nconfig/tiny/model.lock.yaml is stale" in (
        told.read_text()
    )
