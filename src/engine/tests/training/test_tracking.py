"""MLflow holds what a training did: in sqlite, and on a real server."""

import os

import mlflow
import numpy as np
import pandas as pd
import pytest

from tagship.training.lock import read_lock
from tagship.training.mlflow_store import check_tracking, mlflow_client
from tracking_servers import mlflow_at, mlflow_server


def check_recorded(uri, lock):
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    parent = parents[0]
    children = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert {run.info.run_name for run in children} == {"line", "tree"}
    for run in children:
        folds = client.get_metric_history(run.info.run_id, "fold_roc_auc")
        assert [each.step for each in folds] == [0, 1, 2]
        mean = sum(each.value for each in folds) / 3
        assert run.data.metrics["cv_roc_auc"] == pytest.approx(mean, abs=1e-6)
    assert parent.data.tags["model_sha256"] in lock.read_text()
    assert parent.data.tags["data_sha256"] in lock.read_text()
    assert parent.data.tags["verdict"] == "pass"
    assert {"roc_auc", "roc_auc_low", "roc_auc_high", "seconds"} <= parent.data.metrics.keys()
    assert parent.inputs.dataset_inputs[0].dataset.name == "tiny"
    names = {file.path for file in client.list_artifacts(parent.info.run_id, "plots")}
    assert "plots/roc.png" in names
    version = client.get_model_version_by_alias("tiny", "gated")
    assert version.tags["model_sha256"] == parent.data.tags["model_sha256"]
    return client, version


def test_a_run_is_recorded_in_sqlite_and_an_equal_artifact_is_registered_once(run_project):
    uri = f"sqlite:///{run_project.root}/mlflow.db"
    client, version = check_recorded(uri, run_project.lock)
    with mlflow_at(uri):
        signature = mlflow.models.get_model_info("models:/tiny@gated").signature
    assert signature.inputs.input_names() == ["age", "visits", "plan"]
    assert signature.outputs.input_names() == ["prediction", "probability"]
    assert run_project.tagship("run", "tiny").code == 0
    versions = client.search_model_versions("name = 'tiny'")
    assert [v.version for v in versions] == [version.version]


def test_a_command_leaves_mlflow_s_variables_as_they_were(run_project, monkeypatch):
    """MLflow writes both for child processes; a later one would ask this project's registry."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:///somewhere-else.db")
    assert run_project.tagship("record", "tiny").code == 0
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert os.environ["MLFLOW_REGISTRY_URI"] == "sqlite:///somewhere-else.db"
    assert not run_project.path("somewhere-else.db").exists()


def test_the_alias_names_what_is_locked(run_project):
    uri = f"sqlite:///{run_project.root}/mlflow.db"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    run_project.edit("model", "{max_depth: 3}", "{max_depth: 2}")
    run_project.edit("model", "scale: true", "scale: true, params: {C: 0.5}")
    for command, version in (
        ("train", 1),
        ("gate", 1),
        ("record", 1),
        ("lock write", 1),
        ("record", 2),
    ):
        ran = run_project.tagship(*command.split(), "tiny")
        assert ran.code == 0, ran.err
        gated = client.get_model_version_by_alias("tiny", "gated")
        assert int(gated.version) == version, command


@pytest.mark.slow
def test_labels_of_any_characters_are_recorded(project):
    """MLflow refuses most signs in a metric's name; two labels may then look alike."""
    labels = ["R&D", "R+D", "<=50K", "50 % (net)", "a/../b", "low", "Größe", "x" * 300]
    rng = np.random.default_rng(1)
    size = np.repeat(np.arange(float(len(labels))), 40)
    table = pd.DataFrame({"size": size + rng.normal(0, 0.3, len(size)), "kind": ""})
    table["kind"] = np.repeat(labels, 40)
    project.write("data/tiny.csv", table.to_csv(index=False))
    project.write(
        "data",
        "source: {kind: csv, path: data/tiny.csv}\ntarget: {column: kind}\n"
        "split: {test: 0.25, stratify: true}\ncolumns:\n  size: {dtype: float}\n",
    )
    chosen = "multiclass\nselect: {metric: 'f1[R&D]'"
    project.edit("model", "binary\nselect: {metric: roc_auc", chosen)
    ran = project.tagship("run", "tiny")
    assert ran.code == 0, ran.err
    uri = f"sqlite:///{project.root}/mlflow.db"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id], "tags.verdict = 'pass'")
    [found] = [run.data.metrics for run in runs]
    known = ["R_D", "R_D_2", "__50K", "50 _ _net_", "a_.._b", "low_2", "Größe", "x" * 193]
    assert {f"recall_{name}" for name in known} <= found.keys()
    locked = read_lock(project.lock).metrics
    assert found["recall_R_D"] == locked["recall[R&D]"].value
    assert found["recall_R_D_2"] == locked["recall[R+D]"].value
    assert found["recall_low"] == locked["recall"].low
    assert found["recall_low_2_high"] == locked["recall[low]"].high
    assert len(found) == 3 * len(locked) + 3


def test_a_model_that_fails_its_gates_is_recorded_but_not_registered(project):
    project.edit("thresholds", "fail_below: 0.6", "fail_below: 0.999")
    ran = project.tagship("run", "tiny")
    assert ran.code == 1
    assert not project.lock.exists()
    assert not list(project.root.glob(".tagship/bentoml/bentos/tiny/*"))
    uri = f"sqlite:///{project.root}/mlflow.db"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id], "tags.verdict = 'fail'")
    assert len(runs) == 1
    assert client.search_registered_models() == []


@pytest.mark.slow
def test_a_real_mlflow_server_gets_the_same_record(project, tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    with mlflow_server(folder) as address:
        ran = project.spawn("run", "tiny", MLFLOW_TRACKING_URI=address)
        assert ran.code == 0, ran.err
        check_recorded(address, project.lock)
    assert not (project.root / "mlflow.db").exists()


def test_a_new_database_waits_for_the_disk_once_and_later_each_time(tmp_path):
    from sqlalchemy import Engine, event

    waits = {"making": set(), "later": set()}
    phase = "making"

    def watch(connection, cursor, statement, *_):
        if any(word in statement for word in ("CREATE TABLE", "INSERT")):
            kept = connection.connection.dbapi_connection.execute("PRAGMA synchronous").fetchone()
            waits[phase].add(kept[0])

    event.listen(Engine, "before_cursor_execute", watch)
    try:
        check_tracking(tmp_path)
        phase = "later"
        with mlflow_client(tmp_path) as client:
            client.create_experiment("later")
    finally:
        event.remove(Engine, "before_cursor_execute", watch)
    assert waits == {"making": {0}, "later": {2}}
