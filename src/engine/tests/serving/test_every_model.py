"""Each model of this project, served: its answers are scikit-learn's on the whole holdout."""

import shutil
from pathlib import Path

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml

from projects import Project, copy_project
from tagship.config.project_files import load_model
from tagship.config.root import find_root, model_names
from tagship.gates.champion_scores import holdout_rows
from tagship.training.bundle import load_bundle
from tagship.training.lock import read_lock
from tracking_servers import mlflow_at, mlflow_server

ROOT = find_root()


@pytest.fixture
def copy(tmp_path):
    """This project's config, own code and services in another folder."""
    for name in ("config", "src/features", "src/sources", "bentos"):
        shutil.copytree(
            ROOT / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__", "*.lock.yaml"),
        )
    return Project(tmp_path)


def as_json(field, values):
    """A column as JSON writes it."""
    if field.dtype == "category":
        names = [*field.values, None]
        return [names[code] for code in values.tolist()]
    if field.dtype == "datetime":
        return [None if np.isnat(value) else str(value) for value in values]
    if field.dtype == "string":
        return [str(value) for value in values]
    kinds = {"int": int, "bool": bool, "float": float}
    return [None if np.isnan(value) else kinds[field.dtype](value) for value in values.tolist()]


def bring_table(copy, model):
    """Copy the file that a model reads, if it reads one of this project."""
    path = Path(getattr(load_model(ROOT, model).data.source, "path", ""))
    if not path.is_absolute() and (table := ROOT / path).is_file():
        place = copy.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(table, place)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real MLflow server's address."""
    with mlflow_server(tmp_path_factory.mktemp("server")) as address:
        yield address


def by_mlflow(uri, model, frame):
    """What MLflow's model says of a frame, as columns."""
    with mlflow_at(uri):
        return mlflow.pyfunc.load_model(f"models:/{model}@gated").predict(frame)


def as_frame(answers):
    """A service's answers as MLflow's model names them."""
    rows = []
    for answer in answers:
        each = {f"probability_{name}": p for name, p in answer.pop("probabilities", {}).items()}
        rows.append(answer | each)
    return pd.DataFrame(rows)


def run_with(copy, model, candidates):
    """Run a model of this project with other candidates; its bundle."""
    path = copy.root / "config" / model / "model.yaml"
    bring_table(copy, model)
    config = yaml.safe_load(path.read_text(encoding="utf-8")) | {"candidates": candidates}
    config.pop("tune", None)
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    ran = copy.tagship("run", model)
    assert ran.code == 0, ran.out + ran.err
    return load_bundle(load_model(copy.root, model))


def ask(address, bundle):
    """What a service answers to the whole holdout: its scores, and its answers as a frame."""
    boundary, scores, answers = bundle.boundary, [], []
    columns = {
        field.name: as_json(field, bundle.evidence.columns[field.name]) for field in boundary.fields
    }
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for at in range(0, len(records), 1000):
        answer = httpx.post(f"{address}/predict", json=records[at : at + 1000], timeout=60)
        assert answer.status_code == 200, answer.text[:500]
        rows = answer.json()["predictions"]
        if boundary.task == "multiclass":
            scores += [[row["probabilities"][name] for name in boundary.classes] for row in rows]
        else:
            name = "prediction" if boundary.task == "regression" else "probability"
            scores += [row[name] for row in rows]
        answers.append(as_frame(rows))
    return records[0], np.array(scores), pd.concat(answers, ignore_index=True)


@pytest.mark.slow
@pytest.mark.parametrize("model", [name for name in model_names(ROOT) if name != "fraud"])
@pytest.mark.parametrize("library", ["xgboost.XGB", "lightgbm.LGBM"])
def test_boosted_answers_equal_the_library_s_and_two_clones_lock_the_same(
    model, library, copy, serving, tmp_path_factory
):
    pytest.importorskip("lightgbm", reason="the extra `boost` is not installed")
    kind = "Regressor" if load_model(ROOT, model).model.task == "regression" else "Classifier"
    boosted = {
        "estimator": library + kind,
        "params": {"n_estimators": 60, "learning_rate": 0.15, "max_depth": 4},
        "impute": "none",
        "encode": "native",
    }
    gates = copy.root / "config" / model / "thresholds.yaml"
    kept = yaml.safe_load(gates.read_text(encoding="utf-8"))
    kept.pop("robustness")  # which this candidate does not pass on housing
    gates.write_text(yaml.safe_dump(kept), encoding="utf-8")
    clone = copy_project(copy, tmp_path_factory.mktemp("clone"))
    bundle = run_with(copy, model, {"boosted": boosted})
    with serving(copy, model) as address:
        _, scores, _ = ask(address, bundle)
    np.testing.assert_allclose(scores, bundle.evidence.pipeline_scores, rtol=1e-5, atol=1e-5)
    run_with(clone, model, {"boosted": boosted})
    locks = [each.root / "config" / model / "model.lock.yaml" for each in (copy, clone)]
    assert locks[0].read_bytes() == locks[1].read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("model", model_names(ROOT))
def test_answers_over_http_equal_scikit_learns_and_mlflows(
    model, copy, serving, server, monkeypatch
):
    winner = read_lock(load_model(ROOT, model).lock_path).winner.candidate
    path = copy.root / "config" / model / "model.yaml"
    candidates = yaml.safe_load(path.read_text(encoding="utf-8"))["candidates"]
    bundle = run_with(copy, model, {winner: candidates[winner]})
    boundary, evidence = bundle.boundary, bundle.evidence
    with serving(copy, model) as address:
        first, scores, served = ask(address, bundle)
        single = httpx.post(f"{address}/predict", json=first, timeout=60).json()
    expected = evidence.pipeline_scores
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
    if boundary.task == "regression":
        assert single["prediction"] == pytest.approx(expected[0], rel=1e-5)
    elif boundary.task == "binary":
        assert single["probability"] == pytest.approx(expected[0], abs=1e-5)
        over = expected[0] >= boundary.threshold
        assert single["prediction"] == boundary.answers[int(over)]
    else:
        assert single["prediction"] == boundary.answers[int(expected[0].argmax())]

    raw = holdout_rows(load_model(copy.root, model), bundle)
    stored = by_mlflow(f"sqlite:///{copy.root}/mlflow.db", model, raw)
    pd.testing.assert_frame_equal(stored, served, check_dtype=False, rtol=1e-6, atol=1e-7)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    recorded = copy.tagship("record", model)
    assert recorded.code == 0, recorded.err
    pd.testing.assert_frame_equal(by_mlflow(server, model, raw), stored)
