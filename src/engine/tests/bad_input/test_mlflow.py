"""MLflow stores that are down, locked or damaged: known before anything is trained."""

import contextlib
import sqlite3
from pathlib import Path

import mlflow
import pytest

from projects import Project


def test_a_server_that_is_down_is_known_before_training(
    run_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:s3cret@127.0.0.1:9")
    before = run_project.kept()
    ran = run_project.tagship("run", "tiny")
    ran.must_refuse(("MLflow at", "127.0.0.1:9", "connection refused", "MLFLOW_TRACKING_URI"))
    assert "s3cret" not in ran.err
    assert "rows" not in ran.out, "it trained before it looked"
    assert run_project.kept() == before


def test_a_database_that_another_program_locks_is_known_before_training(
    run_project: Project,
) -> None:
    before = run_project.kept()
    with contextlib.closing(sqlite3.connect(run_project.path("mlflow.db"))) as other:
        other.execute("begin exclusive")
        ran = run_project.tagship("run", "tiny")
    ran.must_refuse(("mlflow.db", "database is locked", "another program may hold"))
    assert "rows" not in ran.out, "it trained before it looked"
    assert run_project.kept() == before


@pytest.mark.slow
def test_a_database_that_is_locked_for_writing_leaves_the_lock_as_it_was(
    run_project: Project,
) -> None:
    run_project.edit("model", "{max_depth: 3}", "{max_depth: 2}")
    run_project.edit("model", "scale: true", "scale: true, params: {C: 0.5}")
    before = run_project.kept()
    with contextlib.closing(sqlite3.connect(run_project.path("mlflow.db"))) as other:
        other.execute("begin immediate")
        ran = run_project.tagship("run", "tiny")
    ran.must_refuse(("mlflow.db", "database is locked", "another program may hold"))
    assert run_project.kept() == before
    assert run_project.tagship("run", "tiny").code == 0


def test_a_damaged_database_is_refused_with_the_way_out(run_project: Project) -> None:
    lock = run_project.lock.read_bytes()
    run_project.write("mlflow.db", b"no database" * 1000)
    run_project.tagship("run", "tiny").must_refuse(("mlflow.db", "not a database", "move it away"))
    assert run_project.lock.read_bytes() == lock


def test_a_store_of_an_unknown_kind_is_refused(
    run_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "pigeon://loft")
    run_project.refused("run", "tiny", says=("MLflow at pigeon://loft", "MLFLOW_TRACKING_URI"))


def test_a_training_is_recorded_where_there_is_no_git(
    run_project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = run_project.tagship("record", "tiny")
    assert ran.code == 0, ran.err
    client = mlflow.MlflowClient(f"sqlite:///{run_project.root}/mlflow.db")
    [tiny] = [found for found in client.search_experiments() if found.name == "tiny"]
    [run, *_] = client.search_runs([tiny.experiment_id], "tags.verdict = 'pass'")
    assert run.data.tags["mlflow.source.git.commit"] == "none"


def test_a_file_that_cannot_be_written_is_not_said_to_be_the_server_s_fault(
    run_project: Project,
) -> None:
    place = run_project.path("mlruns")
    place.rename(run_project.path("kept"))
    place.write_text("in the way", encoding="utf-8")
    ran = run_project.tagship("record", "tiny")
    ran.must_refuse((f"{place}/tiny", "check the path"))
    assert "MLflow server" not in ran.err
