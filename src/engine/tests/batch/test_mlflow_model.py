"""The model in MLflow takes frames as people have them, and answers as the service does."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from projects import Project
from tracking_servers import mlflow_at


def load(project: Project, version: str = "@gated") -> Any:
    with mlflow_at(f"sqlite:///{project.root}/mlflow.db"):
        return mlflow.pyfunc.load_model(f"models:/tiny{version}")


@pytest.fixture(scope="module")
def project(_run_once: Project) -> Project:
    """The session's run, which nothing here changes."""
    return _run_once


@pytest.fixture
def table(project: Project) -> pd.DataFrame:
    """The raw table, id and target included, with missing ages."""
    return pd.read_csv(project.path("data/tiny.csv"))


def test_the_raw_table_gets_the_answers_of_the_bento(
    project: Project, table: pd.DataFrame, tmp_path: Path
) -> None:
    model = load(project)
    output = tmp_path / "scores.parquet"
    scored = project.tagship("predict", "tiny", "--input", "data/tiny.csv", "--output", str(output))
    assert scored.code == 0, scored.err
    expected = pd.read_parquet(output)[["prediction", "probability"]]
    answers = model.predict(table)
    assert table["age"].isna().any()
    pd.testing.assert_frame_equal(answers, expected, check_dtype=False, check_exact=True)
    shuffled = table.sample(frac=1, random_state=1)[["plan", "bought", "visits", "age"]]
    again = model.predict(shuffled)
    pd.testing.assert_frame_equal(again.sort_index(), answers, rtol=1e-6)


def test_signature_and_example_are_the_contract_s(project: Project) -> None:
    model = load(project)
    assert model.metadata.signature.inputs.input_names() == ["age", "visits", "plan"]
    contract = model.metadata.metadata["contract"]
    assert contract["visits"]["dtype"] == "int"
    assert contract["plan"]["values"] == ["free", "plus", "pro"]
    assert list(model.input_example.columns) == ["age", "visits", "plan"]
    answers = model.predict(model.input_example)
    assert list(answers.columns) == model.metadata.signature.outputs.input_names()


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.astype({"age": "int64"}),
        lambda frame: frame.astype({"visits": "float64"}),
        lambda frame: frame.astype({"visits": "Int16", "age": "Float64"}),
        lambda frame: frame.astype({"plan": "category"}),
        lambda frame: frame.astype({"age": str, "visits": str}),
        lambda frame: frame.astype(object).assign(age=[40, 41.0, "42"]),
        lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
        lambda frame: frame.to_dict(orient="list"),
    ],
    ids=["whole", "fractions", "nullable", "category", "text", "mixed", "arrow", "dict"],
)
def test_whatever_pandas_makes_of_the_columns_the_answers_are_the_same(
    project: Project, change: Any
) -> None:
    plain = pd.DataFrame(
        {"age": [40.0, 41.0, 42.0], "visits": [3, 8, 20], "plan": ["free", "pro", "plus"]}
    )
    model = load(project)
    pd.testing.assert_frame_equal(model.predict(change(plain)), model.predict(plain))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"visits": 51}, "row 0: visits: must be between 0 and 50"),
        ({"visits": 2.5}, "row 0: visits: must be a whole number"),
        ({"visits": None}, "row 0: visits: must not be null"),
        ({"age": [[1]]}, "row 0: age: must be a number"),
    ],
)
def test_a_row_that_breaks_the_contract_refuses_the_frame(
    project: Project, changed: dict[str, Any], says: str
) -> None:
    frame = pd.DataFrame([{"age": 40.0, "visits": 3, "plan": "free"}]).assign(**changed)
    with pytest.raises(MlflowException, match=says):
        load(project).predict(frame)
    with pytest.raises(MlflowException, match="missing inputs"):
        load(project).predict(frame.drop(columns="plan"))


def test_no_frame_is_too_small(project: Project, table: pd.DataFrame) -> None:
    model = load(project)
    answers = model.predict(table)
    for at in (0, 7):
        pd.testing.assert_frame_equal(model.predict(table.iloc[[at]]), answers.iloc[[at]])
    none = model.predict(table.iloc[:0])
    assert (len(none), list(none.columns)) == (0, ["prediction", "probability"])


def test_a_changed_artifact_is_not_loaded(project: Project, tmp_path: Path) -> None:
    with mlflow_at(f"sqlite:///{project.root}/mlflow.db"):
        place = mlflow.artifacts.download_artifacts("models:/tiny@gated", dst_path=str(tmp_path))
    [artifact] = Path(place).glob("artifacts/**/model.onnx")
    artifact.write_bytes(artifact.read_bytes()[:-1] + b"\0")
    with pytest.raises(Exception, match="is not the recorded"):
        mlflow.pyfunc.load_model(place)


WITHOUT_TAGSHIP = """
import importlib.util, sys
engine = sys.argv[1]
sys.path = [path for path in sys.path if path not in ("", engine)]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
assert importlib.util.find_spec("tagship") is None
import mlflow
mlflow.set_tracking_uri(sys.argv[2])
model = mlflow.pyfunc.load_model("models:/tiny@gated")
print(model.predict(model.input_example).to_json())
"""


def in_another_process(script: str, *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-c", script, *words]
    environment = {**os.environ, "PYTHONPATH": ""}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_it_is_loaded_where_tagship_is_not_installed(project: Project, tmp_path: Path) -> None:
    engine = str(Path(__file__).parents[2])
    uri = f"sqlite:///{project.root}/mlflow.db"
    done = in_another_process(WITHOUT_TAGSHIP, engine, uri, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    model = load(project)
    assert done.stdout.strip() == model.predict(model.input_example).to_json()


FEATURE = """
from features.limit import OFTEN

def derive(columns):
    return {"often": (columns["visits"] > OFTEN) * 1.0}
"""
VERSIONS = """
import sys
import mlflow
import pandas as pd
from tagship.errors import TagshipError
mlflow.set_tracking_uri(sys.argv[1])
table = pd.read_csv(sys.argv[2])
for version in sys.argv[3:]:
    try:
        model = mlflow.pyfunc.load_model(f"models:/tiny/{version}")
    except TagshipError as refusal:
        print(refusal)
    else:
        print(model.predict(table)["probability"].round(5).tolist())
"""


@pytest.mark.slow
def test_a_version_answers_by_its_own_functions_or_not_at_all(run_project: Project) -> None:
    """Both import ``features.tiny`` and ``features.limit``; a process holds one of each."""
    run_project.edit("model", "task: binary", "task: binary\nfeatures: features.tiny:derive")
    run_project.write("src/features/tiny.py", FEATURE)
    for often in (5, 25):
        run_project.write("src/features/limit.py", f"OFTEN = {often}\n")
        run_project.relock()
        ran = run_project.tagship("record", "tiny")
        assert ran.code == 0, ran.err
    words = [f"sqlite:///{run_project.root}/mlflow.db", str(run_project.path("data/tiny.csv"))]
    together = in_another_process(VERSIONS, *words, "2", "3", "2", cwd=run_project.root)
    assert together.returncode == 0, together.stderr
    first, *refusal, again = together.stdout.splitlines()
    assert "features.tiny:derive was imported from" in refusal[0]
    assert "in a process of its own" in refusal[-1]
    assert first == again
    apart = in_another_process(VERSIONS, *words, "3", cwd=run_project.root)
    assert apart.returncode == 0, apart.stderr
    assert apart.stdout.strip() not in ("", first)


@pytest.mark.slow
def test_a_version_from_an_older_engine_is_followed_by_one_that_takes_columns(
    run_project: Project,
) -> None:
    uri = f"sqlite:///{run_project.root}/mlflow.db"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    client.delete_model_version_tag("tiny", "1", "takes")
    for _ in range(2):
        assert run_project.tagship("record", "tiny").code == 0
        assert int(client.get_model_version_by_alias("tiny", "gated").version) == 2
