"""Each model of this project, served: its answers are scikit-learn's on the whole holdout."""

import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml

from projects import Project
from tagship.config.project_files import load_model
from tagship.config.root import find_root, model_names
from tagship.training.bundle import load_bundle
from tagship.training.lock import read_lock

ROOT = find_root()


@pytest.fixture
def copy(tmp_path):
    """This project's config, features and services in another folder."""
    for name in ("config", "src/features", "bentos"):
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


@pytest.mark.slow
@pytest.mark.parametrize("model", model_names(ROOT))
def test_answers_over_http_equal_scikit_learns(model, copy, serving):
    lock = read_lock(load_model(ROOT, model).lock_path)
    path = copy.root / "config" / model / "model.yaml"
    bring_table(copy, model)
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["candidates"] = {
        name: candidate
        for name, candidate in config["candidates"].items()
        if name == lock.winner.candidate
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    ran = copy.tagship("run", model)
    assert ran.code == 0, ran.out + ran.err
    bundle = load_bundle(load_model(copy.root, model))
    boundary, evidence = bundle.boundary, bundle.evidence
    columns = {
        field.name: as_json(field, evidence.columns[field.name]) for field in boundary.fields
    }
    found = []
    with serving(copy, model) as address:
        for at in range(0, len(evidence.target), 1000):
            part = {name: values[at : at + 1000] for name, values in columns.items()}
            answer = httpx.post(f"{address}/predict", json={"columns": part}, timeout=60)
            assert answer.status_code == 200, answer.text[:500]
            answers = answer.json()["predictions"]
            if boundary.task == "multiclass":
                scores = [answers["probabilities"][name] for name in boundary.classes]
                found.append(np.array(scores).T)
            else:
                name = "prediction" if boundary.task == "regression" else "probability"
                found.append(np.array(answers[name]))
        first = {name: values[0] for name, values in columns.items()}
        single = httpx.post(f"{address}/predict", json=first, timeout=60).json()
    expected = evidence.pipeline_scores
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-5, atol=1e-5)
    if boundary.task == "regression":
        assert single["prediction"] == pytest.approx(expected[0], rel=1e-5)
    elif boundary.task == "binary":
        assert single["probability"] == pytest.approx(expected[0], abs=1e-5)
        over = expected[0] >= boundary.threshold
        assert single["prediction"] == boundary.classes[int(over)]
    else:
        assert single["prediction"] == boundary.classes[int(expected[0].argmax())]
