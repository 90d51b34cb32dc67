"""Logged values are checked as the service that writes them would."""

import tracemalloc
from collections import Counter
from datetime import timedelta

import pytest
from prediction_logs import (
    BINARY,
    MULTICLASS,
    NOON,
    RECORD,
    REGRESSION,
    label,
    line,
    spelt,
    write,
)

from tagship.monitoring import labels, log_lines
from tagship.monitoring.label_join import join_labels
from tagship.monitoring.labels import read_feedback
from tagship.monitoring.log_reader import read_predictions


def read(folder, boundary=BINARY):
    return read_predictions(folder, boundary, now=NOON)


@pytest.mark.parametrize("p", [99, -0.5, 1.001, 1e308, True])
def test_a_probability_beyond_0_and_1_does_not_fit(tmp_path, p):
    write(tmp_path, line(response={"prediction": "yes", "probability": p}), line(request_id="r2"))
    found = read(tmp_path)
    assert (found.requests.tolist(), found.skipped) == (["r2"], {"contract": 1})


def test_a_probability_may_be_off_by_the_last_bits_of_a_float32(tmp_path):
    write(tmp_path, line(response={"prediction": "yes", "probability": 1.0000001192}))
    assert len(read(tmp_path)) == 1


def test_each_probability_of_several_classes_is_checked(tmp_path):
    of = {"a": 0.3, "b": 99, "c": 0.1}
    write(tmp_path, line(response={"prediction": "b", "probability": 0.6, "probabilities": of}))
    assert read(tmp_path, MULTICLASS).skipped == {"contract": 1}


@pytest.mark.parametrize("value", [1e300, -4e38, None, "5"])
def test_a_prediction_that_is_no_float32_does_not_fit(tmp_path, value):
    write(tmp_path, line(response={"prediction": value}))
    assert read(tmp_path, REGRESSION).skipped == {"contract": 1}


@pytest.mark.parametrize(
    "wrong", [{"visits": 7.5}, {"age": 1e39}, {"visits": 10**40}, {"since": "2024-01-01T00:00+02Z"}]
)
def test_a_value_that_the_service_refuses_does_not_fit(tmp_path, wrong):
    write(tmp_path, line(RECORD | wrong), line(RECORD | {"visits": 7.0}, request_id="r2"))
    found = read(tmp_path)
    assert (found.requests.tolist(), found.skipped) == (["r2"], {"contract": 1})


TIME = spelt(NOON - timedelta(hours=1))
WRONG_TIMES = [
    TIME.replace("Z", "+02Z"),
    TIME.replace("Z", "+02:00"),
    TIME.replace("T", " "),
    TIME.replace("Z", "z"),
    TIME.replace("2026", "٢٠٢٦"),
    TIME.replace("2026", "0000"),
    TIME.replace("2026", "1969"),
    "2026-11-21Z",
    "2026-02-30T10:00:00Z",
    "NaT",
    "",
]


@pytest.mark.parametrize("time", WRONG_TIMES)
def test_a_time_that_no_service_writes_is_not_believed(tmp_path, time):
    write(tmp_path, line().replace(TIME, time), line(request_id="r2"))
    write(tmp_path, label("r2", "no"), label("r2", "yes").replace(spelt(NOON), time),
          kind="feedback")  # fmt: skip
    logged, skipped = read(tmp_path), Counter()
    found = join_labels(logged, read_feedback(tmp_path, now=NOON, skipped=skipped), BINARY)
    assert (logged.requests.tolist(), found.target.tolist()) == (["r2"], [0])
    assert logged.skipped == +skipped == {"not a log line": 1}


def test_a_label_from_the_future_does_not_count_for_ever(tmp_path):
    write(tmp_path, line())
    write(tmp_path, label("r1", "no"), label("r1", "yes", time=NOON + timedelta(days=400)),
          kind="feedback")  # fmt: skip
    skipped = Counter()
    found = join_labels(read(tmp_path), read_feedback(tmp_path, now=NOON, skipped=skipped), BINARY)
    assert (found.target.tolist(), +skipped) == ([0], {"in the future": 1})


@pytest.mark.parametrize("row", [2**70, -(2**70), 2**63, 2**31, -1, 1])
def test_a_row_that_no_request_has_is_unknown(tmp_path, row):
    write(tmp_path, line())
    write(tmp_path, label("r1", "no", row=row), label("r1", "yes"), kind="feedback")
    found = join_labels(read(tmp_path), read_feedback(tmp_path, now=NOON), BINARY)
    assert (found.counts["joined"], found.counts["unknown"]) == (1, 1)


@pytest.mark.parametrize(
    "feedback",
    [
        label("r1", "yes", row=True),
        label("r1", "yes", row=1.0),
        label("r1", "yes", row=None),
        label("", "yes"),
        label("x" * 300, "yes"),
    ],
)
def test_feedback_of_another_form_is_no_log_line(tmp_path, feedback):
    write(tmp_path, feedback, kind="feedback")
    skipped = Counter()
    assert sum(map(len, read_feedback(tmp_path, now=NOON, skipped=skipped))) == 0
    assert +skipped == {"not a log line": 1}


def test_an_id_of_any_form_is_joined(tmp_path):
    """What an id looks like is the service's own matter."""
    names = ["q7Xn-_.v1.5f2a9c", "zz/top", "0190b2a4-7f", "ü"]
    write(tmp_path, *(line(request_id=name) for name in names))
    write(tmp_path, *(label(name, "yes") for name in names), kind="feedback")
    found = join_labels(read(tmp_path), read_feedback(tmp_path, now=NOON), BINARY)
    assert found.counts["joined"] == len(names)


@pytest.mark.parametrize("boundary", [BINARY, REGRESSION], ids=["binary", "regression"])
@pytest.mark.parametrize("actual", [10**400, 1e300, -(10**50), "1_000", "٣", [], {}])
def test_a_label_that_is_far_from_any_is_invalid(tmp_path, actual, boundary):
    answer = {"prediction": 5.0} if boundary is REGRESSION else None
    write(tmp_path, line(response=answer), line(response=answer, request_id="r2"))
    good = 4.5 if boundary is REGRESSION else "yes"
    write(tmp_path, label("r1", actual), label("r2", good), kind="feedback")
    skipped = Counter()
    feedback = read_feedback(tmp_path, now=NOON, skipped=skipped)
    found = join_labels(read(tmp_path, boundary), feedback, boundary)
    assert found.at.tolist() == [1]
    assert found.counts["invalid"] + skipped["not JSON"] == 1


@pytest.mark.parametrize("actual", [True, False])
def test_a_truth_value_is_no_number(tmp_path, actual):
    write(tmp_path, line(response={"prediction": 5.0}))
    write(tmp_path, label("r1", actual), kind="feedback")
    feedback = read_feedback(tmp_path, now=NOON)
    assert join_labels(read(tmp_path, REGRESSION), feedback, REGRESSION).counts["invalid"] == 1


def test_a_schema_is_a_whole_number(tmp_path):
    write(tmp_path, line(schema=True), line(schema=1.0), line(schema="1"))
    assert read(tmp_path).skipped == {"older schema": 3}


def test_memory_does_not_grow_with_feedback(tmp_path, monkeypatch):
    """Ten times as many labels, most of them unknown or repeated, take no more memory."""
    monkeypatch.setattr(log_lines, "_BATCH_LINES", 500)
    write(tmp_path, *(line(request_id=f"r{number}") for number in range(50)))
    logged = read(tmp_path)
    peaks = []
    for count in (2_000, 20_000):
        lines = (label(f"r{number % 100}", "yes") for number in range(count))
        write(tmp_path, *lines, kind="feedback")
        tracemalloc.start()
        found = join_labels(logged, read_feedback(tmp_path, now=NOON), BINARY)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (found.counts["received"], found.counts["joined"]) == (count, 50)
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_large_file_of_labels_is_read_in_portions(tmp_path, monkeypatch, ending):
    import pandas as pd

    monkeypatch.setattr(labels, "_AT_ONCE", 100)
    frame = pd.DataFrame({"request_id": [f"r{number}" for number in range(250)], "actual": "yes"})
    path = tmp_path / f"labels.{ending}"
    {
        "csv": lambda: frame.to_csv(path, index=False),
        "parquet": lambda: frame.to_parquet(path),
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
    }[ending]()
    portions = list(labels.read_labels(path.name, tmp_path))
    assert list(map(len, portions)) == [100, 100, 50]
    assert portions[2].requests[-1] == "r249"


def test_long_texts_do_not_fill_memory(tmp_path):
    """Only whether there is a text is looked at; 50 of 100 kB take no 5 kB."""
    long = RECORD | {"note": "x" * 100_000}
    write(tmp_path, *(line(long, request_id=f"r{number}") for number in range(50)))
    notes = read(tmp_path).columns["note"]
    assert sum(map(len, notes)) < 5_000
