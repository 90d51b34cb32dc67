"""A request that keeps the contract, and for which the model has no number, gets no answer."""

import asyncio
import contextlib
import json

import numpy as np
import pandas as pd
import pytest
from prometheus_client import REGISTRY

from projects import make_project, own_modules
from tagship.files import sha256_of_bytes
from tagship.serving.answering import Answering, Refused
from tagship.serving.predictor import Predictor
from tagship.serving.settings import Settings
from tagship.training.train import train

DATA = """\
source: {kind: csv, path: data/tiny.csv}
target: {column: bought, positive: "yes"}
columns:
  a: {dtype: float}
  b: {dtype: float, min: 0}
  x: {dtype: float, missing: 0.05}
  f: {dtype: float}
  note: {dtype: string, missing: 0.5}
"""
MODEL = """\
task: binary
features: features.tiny:derive
select: {metric: roc_auc, folds: 3}
candidates:
  line: {estimator: sklearn.linear_model.LogisticRegression, impute: IMPUTE, scale: true}
"""
DERIVE = '"""Tiny."""\n\ndef derive(columns):\n    return {"ratio": columns["a"] / columns["b"]}\n'
TWICE = '"""Tiny."""\n\ndef derive(columns):\n    return {"ratio": columns["x"] * columns["a"]}\n'
GOOD = {"a": 1.0, "b": 2.0, "x": 0.5, "f": -1.0, "note": "short"}


@contextlib.contextmanager
def answering(root, derive, impute):
    """What a service answers with, for a model whose training table knows no trouble.

    Training refuses a gap that gets no score: without an imputer only the service allows one.
    """
    project = make_project(root)
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(5, 1, (300, 4)), columns=["a", "b", "x", "f"])
    chance = random.normal(0, 1, 300)
    table["note"] = "short"
    table["bought"] = np.where(table["a"] + table["x"] + chance > 10, "yes", "no")
    project.write("data/tiny.csv", table.to_csv(index=False))
    project.write("data", DATA.replace(", missing: 0.05", "") if impute == "none" else DATA)
    project.write("model", MODEL.replace("IMPUTE", impute))
    project.write("src/features/tiny.py", derive)
    with own_modules(project.root / "src"):
        bundle = train(project.files)
        folder = project.root / "artifact"
        record = {"release": "tiny/v1.0.0", "model_sha256": sha256_of_bytes(bundle.artifact)}
        project.write("artifact/model.onnx", bundle.artifact)
        boundary = json.loads(bundle.boundary.to_json())
        for field in boundary["fields"]:
            field["nullable"] |= field["name"] == "x"
        project.write("artifact/boundary.json", json.dumps(boundary))
        project.write("artifact/record.json", json.dumps(record))
        known = set(REGISTRY._collector_to_names)
        made = Answering(Predictor(folder), Settings())
        for counter in REGISTRY._collector_to_names.keys() - known:
            REGISTRY.unregister(counter)  # a process has one service, but these tests have two
        yield made


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A model without an imputer, and a division that nobody guards."""
    with answering(tmp_path_factory.mktemp("plain") / "project", DERIVE, "none") as made:
        yield made


def ask(answers, content):
    return asyncio.run(answers.predict(json.dumps(content).encode()))[1]


def refused(answers, content):
    with pytest.raises(Refused) as caught:
        ask(answers, content)
    assert (caught.value.status, caught.value.reason) == (422, "contract")
    return [(at["row"], at["field"], at["problem"]) for at in caught.value.body["fields"]]


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("change", [{"b": 0.0}, {"a": 0.0, "b": 0.0}, {"b": 1e-310}])
def test_a_derived_value_that_is_no_number_is_refused_by_name(plain, change):
    said = "is derived, and is no finite number for these values"
    bad = GOOD | change
    assert b'"probability"' in ask(plain, GOOD)
    assert refused(plain, bad) == [(0, "ratio", said)]
    assert refused(plain, [GOOD, GOOD, bad]) == [(2, "ratio", said)]


def test_a_score_that_is_no_number_is_refused_and_says_what_is_missing(plain):
    said = "the model gives no finite score for these values; missing: x"
    bad = GOOD | {"x": None}
    assert refused(plain, bad) == [(0, "x", said)]
    assert refused(plain, [GOOD, bad, GOOD, bad]) == [(1, "x", said), (3, "x", said)]


@pytest.mark.parametrize("value", [1e200, -1e200])
def test_a_number_that_no_float32_holds_is_refused_though_the_contract_names_no_limit(plain, value):
    found = refused(plain, GOOD | {"f": value})
    assert [(row, field) for row, field, _ in found] == [(0, "f")]
    assert "must be between -3.40282e+38 and 3.40282e+38" in found[0][2]


def test_a_missing_input_still_reaches_the_imputer_and_so_does_what_is_derived_of_it(tmp_path):
    with answering(tmp_path / "project", TWICE, "median") as answers:
        found = json.loads(ask(answers, [GOOD, GOOD | {"x": None}]))["predictions"]
        assert all(np.isfinite(one["probability"]) for one in found)
        assert "probability" in json.loads(ask(answers, GOOD | {"x": None, "note": None}))
