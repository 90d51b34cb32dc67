"""After new libraries or a new engine: the locks of models that stay the same are renewed."""

import json

from projects import Project
from tagship.training.lock import Lock, read_lock, write_lock


def make_stale(project: Project, **changed: object) -> Lock:
    """Write a lock as an older engine with an older library left it; give the true one."""
    lock = read_lock(project.lock)
    libraries = {**lock.inputs.libraries, "scikit-learn": "0.1"}
    inputs = lock.inputs.model_copy(update={"libraries": libraries, "training": 0})
    write_lock(project.lock, lock.model_copy(update={"inputs": inputs, **changed}))
    return lock


def renew(project: Project) -> tuple[int, dict[str, str]]:
    ran = project.tagship("lock", "renew", "--json")
    (renewal,) = json.loads(ran.out)
    return ran.code, renewal


def test_a_model_that_stays_the_same_is_renewed_and_then_current(run_project: Project) -> None:
    lock = make_stale(run_project)
    checked = run_project.tagship("lock", "check")
    assert checked.code == 1
    assert "tiny: stale: " in checked.err
    assert "training number" in checked.err
    assert "library scikit-learn: 0.1 → " in checked.err
    code, renewal = renew(run_project)
    assert (code, renewal["state"]) == (0, "renewed")
    assert "identical" in renewal["why"]
    assert read_lock(run_project.lock) == lock
    assert run_project.tagship("lock", "check").out == "tiny: current\n"
    assert renew(run_project) == (0, {"model": "tiny", "state": "current", "why": ""})


def test_a_model_that_predicts_otherwise_is_left_to_a_person(run_project: Project) -> None:
    probe = [value + 0.01 for value in read_lock(run_project.lock).probe]
    make_stale(run_project, probe=probe)
    before = run_project.lock.read_bytes()
    code, renewal = renew(run_project)
    assert (code, renewal["state"]) == (1, "review")
    assert "probe: a score differs" in renewal["why"]
    assert run_project.lock.read_bytes() == before


def test_a_change_of_one_s_own_is_no_renewal_and_trains_nothing(run_project: Project) -> None:
    make_stale(run_project)
    run_project.edit("model", "max_depth: 3", "max_depth: 4")
    before, bundle = run_project.lock.read_bytes(), run_project.files.work / "lock.yaml"
    trained = bundle.stat().st_mtime_ns
    code, renewal = renew(run_project)
    assert (code, renewal["state"]) == (1, "review")
    assert "not only libraries or the engine: model.yaml: candidates.tree" in renewal["why"]
    assert run_project.lock.read_bytes() == before
    assert bundle.stat().st_mtime_ns == trained
