"""A verdict is about one training: nothing is locked, built or recorded on another's."""

import json

import pytest

from projects import Project


def test_a_verdict_on_another_threshold_locks_builds_and_records_nothing(project: Project) -> None:
    project.edit("thresholds", "metrics: {", "metrics: {recall: {fail_below: 0.3}, ")
    project.relock()
    project.edit("model", "task: binary\n", "task: binary\nthreshold: 0.999\n")
    assert project.tagship("train", "tiny").code == 0  # the same bytes: recall falls to zero
    says = ("tiny", "another training", "tagship gate tiny")
    project.refused("lock", "write", "tiny", says=says)
    project.refused("record", "tiny", says=says)
    judged = project.tagship("gate", "tiny")
    assert (judged.code, "✗  metrics" in judged.out) == (1, True), judged.out
    project.refused("lock", "write", "tiny", says="its verdict fails: metrics (recall)")


def test_a_verdict_on_other_holdout_rows_locks_nothing(run_project: Project) -> None:
    run_project.rewrite_table(lambda table: table.assign(visits=table["visits"] + 1))
    assert run_project.tagship("train", "tiny").code == 0
    run_project.refused("lock", "write", "tiny", says="another training")


def test_a_config_that_changed_since_the_training_is_not_judged(run_project: Project) -> None:
    """Else a verdict by one threshold would be about a training with another."""
    run_project.edit("model", "task: binary\n", "task: binary\nthreshold: 0.6\n")
    says = ("tiny", "changed since", "model.yaml: threshold: 0.5 → 0.6", "tagship train tiny")
    run_project.refused("gate", "tiny", says=says)


@pytest.mark.slow
def test_a_verdict_of_an_older_engine_is_asked_for_again(run_project: Project) -> None:
    path = run_project.files.work / "verdict.json"
    verdict = json.loads(path.read_text(encoding="utf-8"))
    assert verdict.pop("lock_sha256")
    path.write_text(json.dumps(verdict), encoding="utf-8")
    run_project.refused("build", "tiny", says=("another training", "tagship gate tiny"))
    assert run_project.tagship("gate", "tiny").code == 0
    assert run_project.tagship("build", "tiny").code == 0
