"""Labels that arrive later: every one is joined or counted."""

import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prediction_logs import BINARY, NOON, RECORD, REGRESSION, label, line, write

from tagship.errors import TagshipError
from tagship.monitoring.label_join import join_labels
from tagship.monitoring.labels import read_feedback, read_labels
from tagship.monitoring.log_reader import read_predictions

TWO = {
    "predictions": [
        {"prediction": "yes", "probability": 0.75},
        {"prediction": "no", "probability": 0.25},
    ]
}
COUNTS = ("joined", "repeated", "replaced", "invalid", "elsewhere", "thinned", "unknown")


@pytest.fixture
def log(tmp_path):
    """Three requests with four rows: r1, r2 (two rows), r3."""
    write(
        tmp_path,
        line(request_id="r1"),
        line([RECORD, RECORD], TWO, request_id="r2"),
        line(request_id="r3"),
    )
    return tmp_path


def join(folder, labels=None, boundary=BINARY, **options):
    logged = read_predictions(folder, boundary, now=NOON, **options.pop("read", {}))
    given = read_feedback(folder, now=NOON) if labels is None else labels
    return join_labels(logged, given, boundary, **options)


def counted(found):
    """Every count that is not 0; what was received must be their sum."""
    assert found.counts["received"] == sum(found.counts[name] for name in COUNTS)
    return {name: number for name, number in found.counts.items() if number and name != "received"}


def test_feedback_meets_its_row(log):
    write(log, label("r3", "yes"), label("r2", "no", row=1), label("r1", "no"), kind="feedback")
    found = join(log)
    assert found.at.tolist() == [0, 2, 3]
    assert found.target.tolist() == [0, 0, 1]
    assert counted(found) == {"joined": 3}


def test_the_service_may_leave_out_the_row_of_a_single_record(log):
    write(log, label("r1", "yes").replace('"row":0,', ""), kind="feedback")
    assert join(log).at.tolist() == [0]


def test_the_same_label_twice_counts_once_another_replaces_it(log):
    later = NOON - timedelta(minutes=1)
    write(
        log,
        label("r1", "no", time=later),
        label("r1", "yes", time=later - timedelta(hours=1)),  # arrived out of order
        label("r2", "yes"),
        label("r2", "yes"),
        label("r3", "yes", time=later),
        label("r3", "no", time=later),  # the same millisecond: the order of lines decides
        kind="feedback",
    )
    found = join(log)
    assert found.at.tolist() == [0, 1, 3]
    assert found.target.tolist() == [0, 1, 0]
    assert counted(found) == {"joined": 3, "repeated": 1, "replaced": 2}


def test_unknown_requests_and_rows_are_counted(log):
    write(
        log,
        label("never", "yes"),
        label("r1", "yes", row=1),
        label("r1", "yes", row=-1),
        label("r2", "yes", row=2),
        kind="feedback",
    )
    assert counted(join(log)) == {"unknown": 4}


def test_a_label_of_another_release_or_time_is_not_unknown(log):
    early = NOON - timedelta(days=1)
    write(
        log,
        line(request_id="old", time=early),
        line(request_id="other", release="tiny/v0.9.0"),
        process=8,
    )
    write(log, label("old", "yes"), label("other", "yes"), label("r1", "yes"), kind="feedback")
    asked = {"since": NOON - timedelta(hours=2), "release": "tiny/v1.0.0"}
    assert counted(join(log, read=asked)) == {"joined": 1, "elsewhere": 2}


@pytest.mark.parametrize("actual", ["maybe", None, {"a": 1}, [1], 1, True, "Yes"])
def test_a_label_that_is_no_class_is_invalid(log, actual):
    write(log, label("r1", actual), label("r3", "yes"), kind="feedback")
    assert counted(join(log)) == {"joined": 1, "invalid": 1}


@pytest.mark.parametrize("actual", ["much", None, [1], "nan", "inf", ""])
def test_a_label_that_is_no_number_is_invalid_for_regression(tmp_path, actual):
    write(tmp_path, line(response={"prediction": 5.0}))
    write(tmp_path, label("r1", actual), kind="feedback")
    assert counted(join(tmp_path, boundary=REGRESSION)) == {"invalid": 1}


@pytest.mark.parametrize("actual", [3, 3.0, "3"])
def test_a_number_is_a_label_for_regression(tmp_path, actual):
    write(tmp_path, line(response={"prediction": 5.0}))
    write(tmp_path, label("r1", actual), kind="feedback")
    assert join(tmp_path, boundary=REGRESSION).target.tolist() == [3.0]


def test_late_labels_are_joined_and_counted(log):
    write(
        log,
        label("r1", "yes", time=NOON),  # predicted an hour before
        label("r3", "yes", time=NOON - timedelta(minutes=50)),
        kind="feedback",
    )
    found = join(log, waited=timedelta(minutes=30))
    assert len(found.at) == 2
    assert found.counts["late"] == 1


def test_a_label_may_carry_a_time_before_its_prediction(log):
    """Clocks differ: the label still counts, and is not late."""
    write(log, label("r1", "yes", time=NOON - timedelta(days=2)), kind="feedback")
    found = join(log, waited=timedelta(days=1))
    assert (found.counts["joined"], found.counts["late"]) == (1, 0)


def test_broken_feedback_is_counted_by_reason(log):
    write(
        log,
        label("r1", "yes"),
        label("r1", "yes")[:30],
        "oops",
        label("r1", "yes", schema=0),
        label("r1", "yes", schema=9),
        label("r1", "yes", row="0"),
        label(5, "yes"),
        label("r1", "yes").replace(',"actual":"yes"', ""),
        kind="feedback",
    )
    skipped = Counter()
    [found] = read_feedback(log, now=NOON, skipped=skipped)
    assert len(found) == 1
    assert +skipped == {
        "cut off": 1, "not JSON": 1, "older schema": 1, "newer schema": 1, "not a log line": 3,
    }  # fmt: skip


def test_no_labels_join_nothing(log, tmp_path):
    for folder in (log, tmp_path / "empty"):
        found = join(folder)
        assert len(found.at) == 0
        assert counted(found) == {}


def test_labels_without_any_prediction_are_unknown(tmp_path):
    write(tmp_path, label("r1", "yes"), kind="feedback")
    assert counted(join(tmp_path)) == {"unknown": 1}


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "jsonl", "jsonl.gz"])
def test_a_file_of_labels_is_read(log, ending):
    frame = pd.DataFrame(
        {"request_id": ["r1", "r2", "007"], "row": [0, 1, 0], "actual": ["no", "yes", "yes"]}
    )
    path = log / f"labels.{ending}"
    {
        "csv": lambda: frame.to_csv(path, index=False),
        "parquet": lambda: frame.to_parquet(path),
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
    }[ending.removesuffix(".gz")]()
    [labels] = read_labels(path.name, log)
    assert labels.requests == ["r1", "r2", "007"]
    found = join(log, [labels], waited=timedelta(0))
    assert found.at.tolist() == [0, 2]
    assert found.target.tolist() == [0, 1]
    assert counted(found) == {"joined": 2, "unknown": 1}


def test_a_file_of_labels_without_rows_is_about_single_records(log):
    (log / "labels.csv").write_text("request_id,actual\nr1,no\nr3,\n")
    found = join(log, read_labels("labels.csv", log))
    assert counted(found) == {"joined": 1, "invalid": 1}


def test_a_file_corrects_the_feedback(log):
    write(log, label("r1", "yes"), kind="feedback")
    (log / "labels.csv").write_text("request_id,actual\nr1,no\n")
    found = join(log, [*read_feedback(log, now=NOON), *read_labels("labels.csv", log)])
    assert found.target.tolist() == [0]
    assert counted(found) == {"joined": 1, "replaced": 1}


def test_whole_numbers_are_classes_also_where_parquet_made_them_floats(tmp_path):
    from dataclasses import replace

    boundary = replace(BINARY, classes=("0", "1"))
    answer = {"prediction": "1", "probability": 0.5}
    write(tmp_path, line(response=answer), line(response=answer, request_id="r2"))
    frame = pd.DataFrame({"request_id": ["r1", "r2"], "actual": [1.0, np.nan]})
    frame.to_parquet(tmp_path / "labels.parquet")
    found = join(tmp_path, read_labels("labels.parquet", tmp_path), boundary)
    assert found.target.tolist() == [1]
    assert counted(found) == {"joined": 1, "invalid": 1}


@pytest.mark.parametrize("index", [["request_id", "row"], ["row"]])
def test_what_pandas_kept_as_an_index_is_read(log, index):
    frame = pd.DataFrame({"request_id": ["r1", "r2"], "row": [0, 1], "actual": ["no", "yes"]})
    frame.set_index(index).to_parquet(log / "labels.parquet")
    [labels] = read_labels("labels.parquet", log)
    assert (labels.requests, labels.rows.tolist()) == (["r1", "r2"], [0, 1])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("labels.csv", "id,actual\nr1,yes\n", "there is no column 'request_id'"),
        ("labels.csv", "request_id,label\nr1,yes\n", "there is no column 'actual'"),
        ("labels.csv", "request_id,row,actual\nr1,first,yes\n", "labels.csv: row: "),
        ("labels.csv", "", "labels.csv: the labels cannot be read"),
        ("labels.parquet", "no parquet", "labels.parquet: the labels cannot be read"),
        ("labels.jsonl", "{]", "labels.jsonl: the labels cannot be read"),
        ("labels.jsonl", '{"request_id": "r1", "actual": 1}\n5', "the labels cannot be read"),
        ("labels.jsonl", '{"request_id": "r1", "row": 0.5, "actual": 1}', "labels.jsonl: row: "),
        ("labels.csv", f"request_id,row,actual\nr1,{'9' * 5000},1\n", "labels.csv: row: "),
        ("labels.csv.gz", "no gzip", "labels.csv.gz: the labels cannot be read"),
    ],
)
def test_a_file_that_holds_no_labels_is_refused(tmp_path, name, content, says):
    (tmp_path / name).write_text(content)
    with pytest.raises(TagshipError) as refused:
        list(read_labels(name, tmp_path))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.csv", "root:x:0:0:hunter2\n"),
        ("labels.csv", "request_id,hunter2\nr1,yes\n"),
        ("labels.csv", "request_id,row,actual\nr1,hunter2,yes\n"),
        ("labels.csv", 'request_id,actual\nr1,yes,hunter2\nr1\n"hunter2'),
        ("labels.jsonl", "hunter2"),
        ("labels.parquet", "hunter2"),
    ],
)
def test_a_refused_file_is_not_quoted(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(TagshipError) as refused:
        list(read_labels(name, tmp_path))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_what_is_no_file_is_refused(tmp_path, make):
    make(tmp_path / "labels.csv")
    with pytest.raises(TagshipError, match=r"labels.csv: is a (folder|pipe, socket or device)"):
        list(read_labels("labels.csv", tmp_path))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(TagshipError, match="no such file"):
        list(read_labels("labels.csv", tmp_path))


def test_a_file_with_only_its_head_holds_no_labels(tmp_path):
    (tmp_path / "labels.csv").write_text("request_id,actual\n")
    assert sum(map(len, read_labels("labels.csv", tmp_path))) == 0
