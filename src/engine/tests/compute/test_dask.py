"""On a Dask cluster the same comes out, and what is lost there is said or made good."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clusters import Cluster, free_port
from projects import ROWS, Project, copy_project
from tagship.batch.artifact import Artifact
from tagship.compute import dask_cluster
from tagship.compute.tasks import ADDRESS, open_compute

SLOW_ESTIMATOR = '''
import time

from skl2onnx import update_registered_converter
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from skl2onnx.operator_converters.linear_classifier import convert_sklearn_linear_classifier
from sklearn.linear_model import LogisticRegression


class Slow(LogisticRegression):
    """Takes its time."""

    def fit(self, X, y, sample_weight=None):
        time.sleep(SECONDS)
        return super().fit(X, y, sample_weight)


update_registered_converter(
    Slow,
    "Slow",
    calculate_linear_classifier_output_shapes,
    convert_sklearn_linear_classifier,
    options={
        "zipmap": [True, False, "columns"],
        "nocl": [True, False],
        "output_class_labels": [False, True],
        "raw_scores": [True, False],
    },
)
'''


def with_slow_estimator(project: Project, seconds: float) -> None:
    project.write("src/features/__init__.py", "")
    project.write("src/features/slow.py", SLOW_ESTIMATOR.replace("SECONDS", str(seconds)))
    project.edit("model", "sklearn.linear_model.LogisticRegression", "features.slow.Slow")


def test_the_lock_is_the_same_as_here(
    run_project: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = run_project.lock.read_bytes()
    run_project.lock.unlink()
    ran = run_project.tagship("run", "tiny")
    assert ran.code == 0, ran
    assert f"on Dask: {cluster.address}, 2 workers, 2 threads; its page: http://127" in ran.out
    assert run_project.lock.read_bytes() == kept
    monkeypatch.delenv(ADDRESS)
    run_project.write("config/project.yaml", PROJECT.format("{dask: {workers: 2}}"))
    verified = run_project.spawn("lock", "verify", "tiny")
    assert "on Dask: 2 processes of this machine" in verified.out, verified
    assert "identical: the same bytes" in verified.out


PROJECT = """\
name: little-shop
title: Little Shop
owner: shopkeepers
registry: ghcr.io/shopkeepers
compute: {}
"""


def test_local_holds_against_the_environment(project: Project, cluster: Cluster) -> None:
    project.write("config/project.yaml", PROJECT.format("local"))
    assert "Dask" not in project.tagship("train", "tiny").out


def test_a_search_tries_the_same_and_gains_the_same(
    run_project: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = run_project.path("model")
    space = "tune: {trials: 6, candidate: tree, space: {max_depth: {int: [1, 8]}}}\n"
    model.write_text(model.read_text() + space)
    there = run_project.tagship("tune", "tiny", "--workers=1", "--json")
    assert there.code in (0, 6), there
    for journal in (run_project.root / ".tagship").rglob("*.journal*"):
        journal.unlink()
    monkeypatch.delenv(ADDRESS)
    here = run_project.tagship("tune", "tiny", "--json")
    told, expected = json.loads(there.out), json.loads(here.out)
    for key in ("params", "trial", "trials", "pruned", "before", "after", "gain", "curve", "state"):
        assert told[key] == expected[key], key


def test_files_are_scored_to_the_same_bytes(
    run_project: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pd.read_csv(run_project.path("data/tiny.csv")).drop(columns="bought")
    many = pd.concat([table] * 200, ignore_index=True)
    many.loc[7, "visits"] = -3
    many.to_csv(run_project.path("many.csv"), index=False)
    many.to_parquet(run_project.path("many.parquet"), index=False)
    outputs = {}
    for name in ("many.csv", "many.parquet"):
        file = str(run_project.path(name))
        there = run_project.tagship("predict", "tiny", "--input", file, "--output", "there.csv")
        with monkeypatch.context() as local:
            local.delenv(ADDRESS)
            here = run_project.tagship("predict", "tiny", "--input", file, "--output", "here.csv")
        assert (there.code, here.code) == (0, 0), there
        outputs[name] = [
            run_project.path(f"{place}{end}.csv").read_bytes()
            for end in ("", ".rejected")
            for place in ("there", "here")
        ]
        there_answers, here_answers, there_reasons, here_reasons = outputs[name]
        assert there_answers == here_answers
        assert there_reasons == here_reasons
        assert there_answers.count(b"\n") == ROWS * 200  # the header, and all rows but the bad one


def test_workers_hand_each_other_what_they_share(run_project: Project, cluster: Cluster) -> None:
    def score_slowly(scorer: Any, item: int) -> tuple[str, str]:  # sent as it is: no module has it
        import time

        from distributed import get_worker

        time.sleep(0.3)
        return get_worker().address, scorer.boundary.sha256

    artifact = Artifact(next((run_project.root / ".tagship").rglob("src/artifact")))
    with open_compute(run_project.root, lambda _: None) as compute:
        answers = list(compute.map(score_slowly, compute.share(artifact), range(8)))
    assert {sha256 for _, sha256 in answers} == {artifact.boundary.sha256}
    assert len({worker for worker, _ in answers}) == 2


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_its_tasks_alone(project: Project, tmp_path: Path) -> None:
    with_slow_estimator(project, 1.5)
    with Cluster.started(tmp_path / "cluster") as own:
        here = project.spawn("train", "tiny", "--json")
        assert here.code == 0, here
        process = project.start("train", "tiny", "--json", **{ADDRESS: own.address})
        killed = own.wait_until_busy()
        os.kill(next(iter(killed.values())), signal.SIGKILL)
        out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    assert json.loads(out)[0]["artifact"] == json.loads(here.out)[0]["artifact"]
    assert json.loads(out)[0]["metrics"] == json.loads(here.out)[0]["metrics"]


@pytest.mark.slow
def test_a_task_that_ends_every_worker_is_refused_by_name(project: Project, tmp_path: Path) -> None:
    with_slow_estimator(project, 0.0)
    dying = "__import__('os')._exit(9) if len(X) < 240 else None"  # not on made-up rows
    project.edit("src/features/slow.py", "time.sleep(0.0)", dying)
    with Cluster.started(tmp_path / "cluster") as own:
        refused = project.spawn("train", "tiny", **{ADDRESS: own.address})
    refused.must_refuse(("compute: a task ended each worker that took it", "more memory"))


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_run_which_can_be_repeated(
    project: Project, tmp_path: Path
) -> None:
    with_slow_estimator(project, 1.5)
    with Cluster.started(tmp_path / "cluster") as own:
        process = project.start("train", "tiny", **{ADDRESS: own.address})
        own.wait_until_busy()
        own.processes[0].kill()
        own.processes[0].wait()
        _, err = process.communicate(timeout=180)
        assert process.returncode == 1
        assert f"error: compute: the scheduler of {own.address} is gone" in err
        assert "run the command again" in err
        assert not project.path(".tagship/models/tiny/model.onnx").exists()
        own.start_scheduler()
        own.start_worker()
        again = project.spawn("train", "tiny", **{ADDRESS: own.address})
    assert again.code == 0, again


@pytest.mark.slow
def test_a_trial_that_hangs_is_ended_with_its_worker(project: Project, tmp_path: Path) -> None:
    with_slow_estimator(project, 0.0)
    asleep = "600 if self.C > 1 and len(X) < 240 else 0"  # not when it is tried on made-up rows
    project.edit("src/features/slow.py", "sleep(0.0)", f"sleep({asleep})")
    model = project.path("model")
    plan = "trials: 4, trial_seconds: 8, folds: 2, candidate: line, space: {C: {float: [0.1, 9]}}"
    model.write_text(model.read_text() + f"tune: {{{plan}}}\n")
    with Cluster.started(tmp_path / "cluster") as own:
        ran = project.spawn("tune", "tiny", "--json", **{ADDRESS: own.address})
    assert ran.code in (0, 6), ran
    told = json.loads(ran.out)
    assert told["trials"] == 4, ran
    assert any("took longer than 8 s" in reason for reason in told["failed"])


def test_no_scheduler_no_workers_and_no_address_are_refused(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    project.write("config/project.yaml", PROJECT.format(f'{{dask: {{scheduler: "{address}"}}}}'))
    monkeypatch.setattr(dask_cluster, "_PATIENCE", "1s")
    project.refused("train", "tiny", says=(f"no Dask scheduler answers at {address}", "start it"))
    unsigned = PROJECT.format('{dask: {scheduler: "tls://127.0.0.1:1"}}')
    project.write("config/project.yaml", unsigned)
    project.refused("train", "tiny", says=("no Dask scheduler answers at tls://", "TLS"))
    project.write("config/project.yaml", PROJECT.format("{dask: {workers: 0}}"))
    project.refused("train", "tiny", says="compute")
    project.write("config/project.yaml", PROJECT.format("{dask: {}}"))
    project.refused("train", "tiny", says=("names no scheduler and no workers", ADDRESS))
    project.write("config/project.yaml", PROJECT.format("{dask: {workers: 2, scheduler: tcp://a}}"))
    project.refused("train", "tiny", says=("compute", "keep one"))
    with Cluster.started(tmp_path / "cluster", workers=0) as own:
        monkeypatch.setenv(ADDRESS, own.address)
        monkeypatch.setattr(dask_cluster, "_PATIENCE", "10s")
        project.write("config/project.yaml", PROJECT.format("{dask: {}}"))
        project.refused("train", "tiny", says=("has no workers", "dask worker"))


def test_a_worker_with_another_library_is_refused_by_its_name(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other/scikit_learn-1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: scikit-learn\nVersion: 1.0\n")
    with Cluster.started(tmp_path / "cluster", workers=0) as own:
        own.start_worker(PYTHONPATH=str(other.parent))
        monkeypatch.setenv(ADDRESS, own.address)
        says = ("the worker tcp://127.0.0.1:", "scikit-learn 1.0 (here 1.", "same uv.lock")
        project.refused("train", "tiny", says=says)


def test_a_worker_that_imported_other_code_is_refused(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_slow_estimator(project, 0.0)
    other = copy_project(project, tmp_path / "other")
    with Cluster.started(tmp_path / "cluster", workers=1) as own:
        monkeypatch.setenv(ADDRESS, own.address)
        assert project.tagship("train", "tiny").code == 0
        project.edit("src/features/slow.py", "Takes its time", "Takes more time")
        project.refused("train", "tiny", says=("estimators under src/ are not those", "again"))
        other.refused("train", "tiny", says=("has the code of another project", "again"))


def test_what_a_worker_refuses_is_refused_with_its_way_out(
    project: Project, cluster: Cluster
) -> None:
    project.edit("model", "max_depth: 3", "max_depth: -3")
    project.refused("train", "tiny", says=("candidates.tree", "max_depth", "→"))
