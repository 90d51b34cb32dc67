"""`tagship predict`: every row answered or rejected with a reason, and no half-written output."""

import functools
import gzip
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from projects import Project, make_table
from tagship.batch.scoring import score_file
from tagship.bento.store import latest_bento
from tagship.contract.boundary import Boundary
from tagship.data.table import load_table, request_columns
from tagship.files import only_one, sha256_of_bytes
from tagship.training.export import artifact_scorer
from tagship.training.train import train

HEAD = "visitor,age,visits,plan\n"
GOOD = "v1,40.5,12,pro\n"


def predict(project: Project, source: str = "in.csv", output: str = "out.csv") -> Any:
    return project.tagship("predict", "tiny", "--input", source, "--output", output)


def refused(project: Project, *says: str, source: str = "in.csv", output: str = "out.csv") -> str:
    return project.refused("predict", "tiny", "--input", source, "--output", output, says=says)


def rejected(project: Project, name: str = "out.rejected.csv") -> list[list[str]]:
    frame = pd.read_csv(project.root / name, dtype=str, keep_default_na=False)
    assert list(frame.columns) == ["row", "column", "problem", "value"]
    return frame.to_numpy().tolist()


def expected(files: Any, boundary: Boundary, artifact: bytes) -> np.ndarray[Any, Any]:
    """The artifact's scores of the training table, as training reads it."""
    columns = request_columns(load_table(files).frame, files.data)
    return artifact_scorer(artifact, files.model.task)(boundary.matrix(columns))


def artifact_of(project: Project) -> Path:
    return latest_bento(project.root, "tiny").path / "src" / "artifact"


@pytest.mark.parametrize("kind", ["csv", "parquet", "csv.gz", "tsv", "xlsx", "arrow", "jsonl"])
def test_the_training_table_is_scored_whole_and_as_training_scores_it(
    run_project: Project, kind: str
) -> None:
    table = pd.read_csv(run_project.root / "data/tiny.csv")
    path = run_project.root / f"all.{kind}"
    if kind == "parquet":
        table.astype({"plan": "category"}).to_parquet(path)
    elif kind == "arrow":
        table.to_feather(path)
    elif kind == "xlsx":
        table.to_excel(path, index=False)
    elif kind == "jsonl":
        table.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        table.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    ran = predict(run_project, path.name)
    assert ran.code == 0, ran
    assert "300 rows of 300 scored" in ran.out
    found = pd.read_csv(run_project.root / "out.csv")
    assert list(found.columns) == ["visitor", "row", "prediction", "probability", "release"]
    assert found["visitor"].tolist() == table["visitor"].tolist()
    assert found["row"].tolist() == list(range(1, 301))
    assert set(found["release"]) == {"unreleased"}
    folder = artifact_of(run_project)
    boundary = Boundary.from_json((folder / "boundary.json").read_text("utf-8"))
    scores = expected(run_project.files, boundary, (folder / "model.onnx").read_bytes())
    np.testing.assert_allclose(found["probability"], scores, atol=1e-6)
    assert found["prediction"].tolist() == np.where(scores >= 0.5, "yes", "no").tolist()
    assert not (run_project.root / "out.rejected.csv").exists()
    assert run_project.leftovers() == []


def test_parquet_holds_what_csv_holds(run_project: Project) -> None:
    for name in ("out.csv", "deep/er/out.parquet"):
        assert predict(run_project, "data/tiny.csv", name).code == 0
    deep = pq.read_table(run_project.root / "deep/er/out.parquet").to_pandas()
    flat = pd.read_csv(run_project.root / "out.csv", dtype={"probability": "float32"})
    pd.testing.assert_frame_equal(deep, flat, check_dtype=False)


def test_the_threshold_is_compared_as_the_service_compares_it(project: Project) -> None:
    made = train(project.files)
    scores = expected(project.files, made.boundary, made.artifact).astype(np.float64)
    done = score_bundle(project, made, "data/tiny.csv", threshold=0.7)
    assert done["prediction"].tolist() == np.where(scores >= 0.7, "yes", "no").tolist()
    exact = float(scores[0]) + 1e-10  # rounds to the score in float32
    done = score_bundle(project, made, "data/tiny.csv", threshold=exact)
    assert done["prediction"][0] == "no"


def score_bundle(project: Project, bundle: Any, source: str, **changes: Any) -> pd.DataFrame:
    """Score with a training's artifact, as a bento holds it."""
    folder = project.root / "made" / "artifact"
    folder.mkdir(parents=True, exist_ok=True)
    boundary = json.loads(bundle.boundary.to_json()) | changes
    (folder / "boundary.json").write_text(json.dumps(boundary), "utf-8")
    (folder / "model.onnx").write_bytes(bundle.artifact)
    record = {"release": "tiny/v1.2.3", "model_sha256": sha256_of_bytes(bundle.artifact)}
    (folder / "record.json").write_text(json.dumps(record), "utf-8")
    output = project.root / "out.parquet"
    path = str(project.root / source)
    done = score_file(project.root, project.files.data, folder, path, output, lambda _: None)
    assert done.release == "tiny/v1.2.3"
    found = pq.read_table(output).to_pandas()
    assert set(found["release"]) == {"tiny/v1.2.3"}
    return found


MULTICLASS = """\
task: multiclass
select: {metric: f1, folds: 3}
candidates:
  line: {estimator: sklearn.linear_model.LogisticRegression, scale: true}
"""
REGRESSION = """\
task: regression
select: {metric: rmse, folds: 3}
candidates:
  line: {estimator: sklearn.linear_model.Ridge, scale: true}
"""


def test_a_multiclass_model_writes_every_class(project: Project) -> None:
    project.write("model", MULTICLASS)
    project.edit("data", '{column: bought, positive: "yes"}', "{column: plan}")
    project.edit("data", "  plan: {dtype: category, values: [free, plus, pro]}\n", "")
    project.edit("data", "  visits", '  bought: {dtype: category, values: ["yes", "no"]}\n  visits')
    project.edit("thresholds", "roc_auc: {fail_below: 0.6}", "f1: {fail_below: 0.0}")
    made = train(project.files)
    found = score_bundle(project, made, "data/tiny.csv")
    scores = expected(project.files, made.boundary, made.artifact)
    each = [f"probability_{label}" for label in ("free", "plus", "pro")]
    assert list(found.columns) == [
        "visitor", "row", "prediction", "probability", *each, "release"
    ]  # fmt: skip
    np.testing.assert_allclose(found[each], scores, atol=1e-6)
    np.testing.assert_allclose(found["probability"], scores.max(axis=1), atol=1e-6)
    assert found["prediction"].tolist() == [made.boundary.classes[n] for n in scores.argmax(axis=1)]


def test_a_regression_writes_values(project: Project) -> None:
    project.write("model", REGRESSION)
    project.edit("data", '{column: bought, positive: "yes"}', "{column: visits}")
    project.edit("data", "  visits: {dtype: int, min: 0, max: 50}\n", "")
    project.edit("data", ", stratify: true", "")
    project.edit("data", "  plan", '  bought: {dtype: category, values: ["yes", "no"]}\n  plan')
    project.edit("thresholds", "roc_auc: {fail_below: 0.6}", "rmse: {fail_above: 1000}")
    project.edit("thresholds", "metric: f1", "metric: rmse")
    made = train(project.files)
    found = score_bundle(project, made, "data/tiny.csv")
    assert list(found.columns) == ["visitor", "row", "prediction", "release"]
    scores = expected(project.files, made.boundary, made.artifact)
    np.testing.assert_allclose(found["prediction"], scores, rtol=1e-5)


@pytest.mark.slow
def test_the_features_are_those_of_the_bento(project: Project) -> None:
    code = '"""Tiny."""\n\ndef derive(columns):\n    return {"often": columns["visits"] * 2.0}\n'
    project.write("src/features/tiny.py", code)
    project.edit("model", "task: binary\n", "task: binary\nfeatures: features.tiny:derive\n")
    project.relock()
    assert project.tagship("build", "tiny").code == 0
    assert predict(project, "data/tiny.csv", "before.csv").code == 0
    project.write("src/features/tiny.py", code.replace("* 2.0", "* -9.0"))
    assert predict(project, "data/tiny.csv", "after.csv").code == 0
    before, after = ((project.root / f"{name}.csv").read_bytes() for name in ("before", "after"))
    assert before == after
    bento = latest_bento(project.root, "tiny").path / "src" / "features" / "tiny.py"
    bento.write_text(code.replace('columns["visits"] * 2.0', "1 / 0"), "utf-8")
    refused(project, "features.tiny:derive raised ZeroDivisionError", source="data/tiny.csv")
    shutil.rmtree(bento.parent)
    refused(project, "features.tiny is not there", "build the bento", source="data/tiny.csv")


def test_rows_that_break_the_contract_are_named_with_their_reasons(run_project: Project) -> None:
    lines = [GOOD, "v2,17,3,pro\n", "v3,,3,gold\n", "v4,old,2.5,free\n", "\n", "v5,1\n"]
    lines += [GOOD, f"v6,40,,{'x' * 100}\n", "v7,40,1,pro,more\n", '"v8\nv8",40,1,free\n']
    run_project.write("in.csv", HEAD + "".join(lines))
    ran = predict(run_project)
    assert ran.code == 0, ran
    assert "4 rows of 9 scored" in ran.out
    assert "5 rows rejected: out.rejected.csv" in ran.err
    assert "plan: 1 unusual or unknown values, answered all the same" in ran.err
    assert rejected(run_project) == [
        ["2", "age", "must be between 18 and 100", "17"],
        ["4", "age", "must be a number", "old"],
        ["4", "visits", "must be a whole number", "2.5"],
        ["5", "", "has 2 values, the header 4", ""],
        ["7", "visits", "must not be null", ""],
        ["8", "", "has 5 values, the header 4", ""],
    ]
    found = pd.read_csv(run_project.root / "out.csv")
    assert found["row"].tolist() == [1, 3, 6, 9]
    assert found["visitor"].tolist() == ["v1", "v3", "v1", "v8\nv8"]
    assert run_project.leftovers() == []


VISITS = "visits: {dtype: float, min: 0}"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_rows_that_get_no_number_are_rejected(project: Project) -> None:
    """A derived value that divides by zero, and a model that takes no missing value.

    Training would refuse the latter: here its contract is loosened afterwards.
    """
    code = '"""Tiny."""\n\ndef derive(columns):\n    return {"rate": 1.0 / columns["visits"]}\n'
    project.write("src/features/tiny.py", code)
    line = "  line: {estimator: sklearn.linear_model.LogisticRegression, impute: none, scale: true}"
    head = project.path("model").read_text("utf-8").split("  line:")[0]
    project.write(
        "model", head.replace("binary\n", "binary\nfeatures: features.tiny:derive\n") + line
    )
    project.edit("data", "visits: {dtype: int, min: 0, max: 50}", VISITS)
    project.edit("data", "max: 100, missing: 0.2", "max: 100")
    project.rewrite_table(
        lambda table: table.assign(age=table["age"].fillna(40.0), visits=table["visits"] + 1)
    )
    project.relock()
    assert project.tagship("build", "tiny").code == 0
    boundary = latest_bento(project.root, "tiny").path / "src/artifact/boundary.json"
    loose = json.loads(boundary.read_text("utf-8"))
    for field in loose["fields"]:
        field["nullable"] |= field["name"] == "age"
    boundary.write_text(json.dumps(loose), "utf-8")
    lines = [GOOD, "v2,40,0,pro\n", "v3,,3,pro\n", "v4,,0,free\n", "v5,41,1e200,pro\n", GOOD]
    (project.root / "in.csv").write_text(HEAD + "".join(lines), "utf-8")
    ran = predict(project)
    assert (ran.code, "2 rows of 6 scored" in ran.out) == (0, True), ran
    found = pd.read_csv(project.root / "out.csv")
    assert found["row"].tolist() == [1, 6]
    assert np.isfinite(found["probability"]).all()
    derived = "is derived, and is no finite number for these values"
    assert rejected(project) == [
        ["2", "rate", derived, ""],
        ["3", "", "the model gives no finite score for these values", ""],
        ["4", "rate", derived, ""],
        ["5", "visits", "must be between 0 and 3.40282e+38", "1e200"],
    ]


def test_row_numbers_hold_over_many_blocks(run_project: Project) -> None:
    count = 400_000  # three blocks of text
    lines = [GOOD] * count
    for row in range(999, count, 1000):
        lines[row] = "v2,short\n" if row % 3 else "v2,40,99,pro\n"
    run_project.write("in.csv", HEAD + "".join(lines))
    assert predict(run_project, output="out.parquet").code == 0
    found = pq.read_table(run_project.root / "out.parquet")["row"].to_numpy()
    numbers = np.arange(1, count + 1)
    np.testing.assert_array_equal(found, numbers[numbers % 1000 != 0])
    assert [int(row) for row, *_ in rejected(run_project)] == list(range(1000, count + 1, 1000))


def test_when_all_rows_are_rejected_no_output_is_written_but_the_reasons_are(
    run_project: Project,
) -> None:
    run_project.write("out.csv", "yesterday's\n")
    run_project.write("in.csv", HEAD + "v1,40,99,pro\nv2,40\n")
    refused(run_project, "all 2 rows are rejected", "out.rejected.csv")
    assert (run_project.root / "out.csv").read_text() == "yesterday's\n"
    assert [row for row, *_ in rejected(run_project)] == ["1", "2"]


def test_the_reasons_of_an_earlier_run_do_not_stay(run_project: Project) -> None:
    run_project.write("in.csv", HEAD + GOOD + "v1,40,99,pro\n")
    assert predict(run_project).code == 0
    assert rejected(run_project)
    run_project.write("in.csv", HEAD + GOOD)
    assert predict(run_project).code == 0
    assert not (run_project.root / "out.rejected.csv").exists()


MAIL = "ann@example.org"


def test_columns_that_are_not_used_and_personal_data_are_written_nowhere(
    run_project: Project,
) -> None:
    run_project.edit("data", "  age:", "  mail: {dtype: string, pii: drop}\n  age:")
    lines = f"v1,40,9,pro,{MAIL},s3cret\nv2,40,99,pro,{MAIL},s3cret\n{MAIL},s3cret\n"
    run_project.write("in.csv", HEAD.strip() + ",mail,bought\n" + lines)
    ran = predict(run_project)
    assert ran.code == 0, ran
    written = [path.read_text() for path in run_project.root.glob("out*.csv")]
    assert len(written) == 2
    for text in (*written, ran.out, ran.err):
        assert MAIL not in text
        assert "s3cret" not in text


def test_a_value_is_not_shown_once_its_column_became_personal(run_project: Project) -> None:
    run_project.edit("data", "age: {dtype: float", "age: {pii: drop, dtype: float")
    run_project.write("in.csv", HEAD + GOOD + "v2,1234,3,pro\n")
    assert predict(run_project).code == 0
    assert rejected(run_project) == [["2", "age", "must be between 18 and 100", ""]]


def test_a_row_needs_no_id(run_project: Project) -> None:
    run_project.write("in.csv", "plan;visits;age\npro;12;40.5\n")
    assert predict(run_project).code == 0
    assert (run_project.root / "out.csv").read_text().startswith('"row","prediction"')


def test_text_is_read_with_the_settings_of_the_contract(run_project: Project) -> None:
    run_project.edit("data", "{kind: csv,", '{kind: csv, decimal: ",", nulls: ["-"],')
    run_project.write("in.csv", "visitor;age;visits;plan\nv1;40,5;12;pro\nv2;-;1;free\n")
    ran = predict(run_project)
    assert ran.code == 0, ran
    assert "2 rows of 2 scored" in ran.out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (HEAD.encode(), "has no rows"),
        (b"visitor,age,plan\nv1,40,pro\n", "has no column 'visits'"),
        (b"age,visits,plan,color\n1,1,pro,red\n", "data.yaml does not declare the column 'color'"),
        (b"age,age,visits,plan\n1,1,1,pro\n", "two columns are named 'age'"),
        ((HEAD + GOOD + "v2,\xe4,1,pro\n").encode("latin-1"), "is not utf-8"),
        ((HEAD + GOOD * 10_000).encode() + b"v\xe4,20,1,pro\n", "cannot be read"),
        ((HEAD + GOOD + '"' + GOOD * 1_000_000).encode(), "cannot be read"),
    ],
    ids=[
        "empty",
        "no rows",
        "missing",
        "undeclared",
        "twice",
        "latin",
        "latin later",
        "open quote",
    ],
)
def test_a_file_that_is_no_table_of_the_model_is_refused(
    run_project: Project, content: bytes, says: str
) -> None:
    run_project.write("in.csv", content)
    refused(run_project, "in.csv", says)
    assert list(run_project.root.glob("out*")) == []


@pytest.mark.parametrize("name", ["in.csv.gz", "in.parquet"])
def test_a_damaged_file_is_refused(run_project: Project, name: str) -> None:
    table = make_table(50_000)
    whole = run_project.root / name
    if name.endswith("gz"):
        whole.write_bytes(gzip.compress(table.to_csv(index=False).encode()))
    else:
        table.to_parquet(whole)
    whole.write_bytes(whole.read_bytes()[:-2000])
    refused(run_project, f"--input: {name}: cannot be read", source=name)
    assert list(run_project.root.glob("out*")) == []


@pytest.mark.parametrize(
    ("source", "output", "says"),
    [
        ("none.csv", "out.csv", "--input: "),
        ("data", "out.csv", "--input: data: tiny.csv: cannot be read: "),
        ("config/tiny/data.yaml", "out.csv", "its ending does not say what it is"),
        ("data/tiny.csv", "out.json", "neither csv nor Parquet"),
        ("data/tiny.csv", "out", "neither csv nor Parquet"),
        ("data/tiny.csv", "data/../data/tiny.csv", "would replace the input"),
        ("http://127.0.0.1:9/a.csv", "out.csv", "--input: http://127.0.0.1:9/a.csv"),
        ("http://ann:s3cret@127.0.0.1:9/a.csv", "out.csv", "http://ann:…@127.0.0.1:9"),
    ],
)
def test_what_cannot_be_read_or_written_is_refused(
    run_project: Project, source: str, output: str, says: str
) -> None:
    table = (run_project.root / "data/tiny.csv").read_bytes()
    message = refused(run_project, says, source=source, output=output)
    assert "s3cret" not in message
    assert (run_project.root / "data/tiny.csv").read_bytes() == table
    assert list(run_project.root.glob("out*")) == []


def test_an_id_that_would_be_taken_for_an_answer_is_refused(run_project: Project) -> None:
    run_project.edit("data", "id: visitor", "id: prediction")
    refused(run_project, "id", "'prediction'", source="data/tiny.csv")


def test_without_a_bento_nothing_is_scored(project: Project) -> None:
    refused(project, "there is no lock", "tagship run tiny", source="data/tiny.csv")


def test_an_artifact_that_is_not_the_recorded_one_is_refused(run_project: Project) -> None:
    model = artifact_of(run_project) / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    refused(run_project, "is not the recorded", source="data/tiny.csv")


def test_a_url_is_scored(run_project: Project, tmp_path: Path) -> None:
    handler = functools.partial(_Quiet, directory=str(run_project.root / "data"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ran = predict(run_project, f"http://127.0.0.1:{server.server_port}/tiny.csv")
        server.shutdown()
    assert ran.code == 0, ran
    assert "300 rows of 300 scored" in ran.out


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_two_do_not_write_one_output_at_the_same_time(run_project: Project) -> None:
    assert predict(run_project, "data/tiny.csv").code == 0
    before = (run_project.root / "out.csv").read_bytes()
    [lock] = run_project.root.glob(".tagship/locks/out.csv-*.lock")
    with only_one(run_project.root, lock.stem):
        refused(
            run_project, "another tagship command", "wait for it to end", source="data/tiny.csv"
        )
    assert (run_project.root / "out.csv").read_bytes() == before


@pytest.mark.slow
def test_a_kill_leaves_no_half_written_output_and_a_second_run_writes_it_whole(
    run_project: Project,
) -> None:
    rows = 2_000_000
    run_project.write("in.csv", HEAD + GOOD * rows)
    output, part = run_project.root / "out.csv", run_project.root / ".out.csv.part"
    for before in (None, "yesterday's\n"):
        if before is not None:
            output.write_text(before)
        started = time.time_ns()  # what the first kill left is older
        process = run_project.start("predict", "tiny", "--input", "in.csv", "--output", "out.csv")
        wait_until(functools.partial(has_grown_since, part, started), process)
        meanwhile = predict(run_project, "data/tiny.csv")
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
        meanwhile.must_refuse(("another tagship command", "wait for it to end"))
        assert (output.read_text() if output.exists() else None) == before
    again = run_project.spawn("predict", "tiny", "--input", "in.csv", "--output", "out.csv")
    assert again.code == 0, again
    with output.open() as lines:
        assert sum(1 for _ in lines) == rows + 1
    assert run_project.leftovers() == []


def has_grown_since(path: Path, moment: int) -> bool:
    found = path.stat() if path.exists() else None
    return found is not None and found.st_mtime_ns > moment and found.st_size > 10_000


def wait_until(true: Callable[[], bool], process: Any) -> None:
    while not true():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


_PEAK = """
import os, sys
pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small parent: the peak of a process starts at that of the process which started it."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the unit of the peak memory differs elsewhere")
def test_memory_does_not_grow_with_the_file(run_project: Project) -> None:
    wide = HEAD.strip() + ",bought\n"
    row = GOOD.strip() + "," + "x" * 1000 + "\n"
    peaks = []
    for rows in (20_000, 200_000):
        path = run_project.write("in.csv", wide + row * rows)
        command = [sys.executable, "-S", "-c", _PEAK, sys.executable, "-m", "tagship", "predict"]
        ran = subprocess.run(
            [*command, "tiny", "--input", "in.csv", "--output", "out.csv"],
            cwd=run_project.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran
        peaks.append(int(ran.stdout.splitlines()[-1]) / 1e3)
    size = path.stat().st_size / 1e6
    assert size > 200
    assert peaks[1] - peaks[0] < 60, peaks


def test_many_parquet_rows_are_read_block_by_block(run_project: Project) -> None:
    frame = make_table(100_000)
    shuffled = np.roll(frame.index, 1)  # an index that is no range is written as a column
    table = pa.Table.from_pandas(frame.set_axis(shuffled))
    assert "__index_level_0__" in table.column_names
    pq.write_table(table, run_project.root / "in.parquet", row_group_size=30_000)
    assert predict(run_project, "in.parquet").code == 0
    found = pd.read_csv(run_project.root / "out.csv")
    assert found["row"].tolist() == list(range(1, 100_001))
    assert found["visitor"].tolist() == table["visitor"].to_pylist()
