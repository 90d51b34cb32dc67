"""Reading the prediction log: every shape, and everything that may be wrong with a line."""

import os
import threading
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import ClassVar

import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import register_implementation
from prediction_logs import (
    BINARY,
    MULTICLASS,
    NOON,
    RECORD,
    REGRESSION,
    SHA,
    line,
    simulate,
    write,
)

from tagship.contract.boundary import UNSEEN
from tagship.errors import TagshipError
from tagship.monitoring import log_lines, log_reader
from tagship.monitoring.log_columns import LogColumns
from tagship.monitoring.log_files import Window, list_log
from tagship.monitoring.log_reader import id_hashes, read_predictions

SECOND = RECORD | {"age": None, "visits": 0, "member": False, "plan": 3, "note": None}


def read(folder, boundary=BINARY, **options):
    return read_predictions(folder, boundary, now=NOON, **options)


def skipped(folder, *lines, **options):
    write(folder, *lines)
    found = read(folder, **options)
    return len(found), found.skipped


def columns_of(records):
    return {"columns": {name: [record[name] for record in records] for name in RECORD}}


TWO_ANSWERS = {
    "predictions": [
        {"prediction": "yes", "probability": 0.75},
        {"prediction": "no", "probability": 0.25},
    ]
}
ANSWERS_IN_COLUMNS = {"predictions": {"prediction": ["yes", "no"], "probability": [0.75, 0.25]}}
"""As the service of 0.1.0 gave them, to requests that were in columns too."""


def test_both_shapes_give_the_same_columns(tmp_path):
    write(tmp_path, line(), line([RECORD, SECOND], TWO_ANSWERS, request_id="r2"))
    found = read(tmp_path)
    assert found.columns["age"].tolist()[:2] == [41.5, 41.5]
    assert np.isnan(found.columns["age"][2])
    assert found.columns["visits"].tolist() == [7, 7, 0]
    assert found.columns["member"].tolist() == [1, 1, 0]
    assert found.columns["plan"].tolist() == [1, 1, 2]
    assert found.columns["note"].tolist() == ["a ✓", "a ✓", None]
    assert found.columns["since"][2] == np.datetime64("2024-02-29T12:00:00")
    assert found.scores.tolist() == [0.75, 0.75, 0.25]
    assert found.predictions.tolist() == [1, 1, 0]
    assert found.requests[found.request].tolist() == ["r1", "r2", "r2"]
    assert found.row.tolist() == [0, 0, 1]
    assert found.times[0] == np.datetime64("2026-11-21T11:00:00")
    assert found.releases == {"tiny/v1.0.0": 3}
    assert not found.skipped
    assert BINARY.matrix(found.columns).shape == (3, 4)


def test_multiclass_scores_follow_the_boundary_not_the_answer(tmp_path):
    one = {"prediction": "b", "probability": 0.6, "probabilities": {"c": 0.1, "b": 0.6, "a": 0.3}}
    other = {"prediction": "c", "probability": 0.9, "probabilities": {"a": 0.1, "b": 0.0, "c": 0.9}}
    write(tmp_path, line(response=one), line([RECORD], {"predictions": [other]}, request_id="r2"))
    found = read(tmp_path, MULTICLASS)
    assert found.scores.tolist() == [[0.3, 0.6, 0.1], [0.1, 0.0, 0.9]]
    assert found.predictions.tolist() == [1, 2]


def test_regression_has_values_for_scores(tmp_path):
    write(tmp_path, line(response={"prediction": 12.5}))
    found = read(tmp_path, REGRESSION)
    assert found.scores.tolist() == found.predictions.tolist() == [12.5]


def test_a_folder_that_is_not_there_or_is_empty_holds_no_rows(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        found = read(folder, MULTICLASS)
        assert len(found) == 0
        assert found.scores.shape == (0, 3)
        assert MULTICLASS.matrix(found.columns).shape == (0, 4)


def test_a_url_is_read_like_a_folder(tmp_path):
    write(tmp_path, line())
    assert len(read(f"file://{tmp_path}")) == 1
    with pytest.raises(TagshipError, match="nothing://x: the log cannot be read"):
        read("nothing://x")


def test_every_pod_may_have_a_folder_of_its_own(tmp_path):
    for pod in ("a", "b"):
        write(tmp_path / pod, line(request_id=pod))
    assert read(tmp_path).requests.tolist() == ["a", "b"]


def test_a_folder_that_cannot_be_listed_is_not_taken_for_empty(tmp_path, monkeypatch):
    (tmp_path / "pod").mkdir()
    listed = LocalFileSystem.ls

    def refuse(self, path, *arguments, **options):
        if str(path).endswith("pod"):
            raise PermissionError(13, "Permission denied", path)
        return listed(self, path, *arguments, **options)

    monkeypatch.setattr(LocalFileSystem, "ls", refuse)
    with pytest.raises(TagshipError, match=r"the log cannot be read: .*Permission denied"):
        read(tmp_path)


def test_an_unset_variable_in_the_folder_is_refused(tmp_path):
    with pytest.raises(TagshipError, match="NO_SUCH_PLACE is not set"):
        read("${NO_SUCH_PLACE}/logs")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (line()[:90], "cut off"),
        ("GET / HTTP/1.1", "not JSON"),
        ("", "not JSON"),
        (b"\x00\x00\x00", "not JSON"),
        (line(RECORD | {"note": "x"}).encode().replace(b'"x"', b'"\xff"'), "not JSON"),
        (line().replace("41.5", "NaN"), "not JSON"),
        (line().replace("41.5", "[" * 10_000 + "]" * 10_000), "not JSON"),
        ("[1, 2]", "not a log line"),
        (line(without="request_id"), "not a log line"),
        (line(release=5), "not a log line"),
        (line().replace("2026-11-21T", "21.11.2026 "), "not a log line"),
        (line().replace("2026-11-21T", "2026-13-41T"), "not a log line"),
        (line(schema=0), "older schema"),
        (line(without="schema"), "older schema"),
        (line(schema=2), "newer schema"),
        (line(model="other"), "other model"),
        (line(without="request"), "contract"),
        (line(request=5), "contract"),
        (line([]), "contract"),
        (line([RECORD, 5]), "contract"),
        (line({"age": 3}), "contract"),
        (line(RECORD | {"extra": 1}), "contract"),
        (line({"columns": {"age": [1]}}), "contract"),
        (line({"columns": columns_of([RECORD])["columns"] | {"age": "1"}}), "contract"),
        (line(RECORD | {"age": "41"}), "contract"),
        (line(RECORD | {"age": True}), "contract"),
        (line(RECORD | {"age": 10**400}), "contract"),
        (line(RECORD | {"member": 1}), "contract"),
        (line(RECORD | {"note": 5}), "contract"),
        (line(RECORD | {"since": "yesterday"}), "contract"),
        (line(RECORD | {"since": 5}), "contract"),
        (line(without="response"), "contract"),
        (line(response={"prediction": "yes"}), "contract"),
        (line(response={"prediction": "maybe", "probability": 0.5}), "contract"),
        (line(response={"prediction": None, "probability": 0.5}), "contract"),
        (line(response={"prediction": "yes", "probability": None}), "contract"),
        (line(response={"prediction": "yes", "probability": "0.5"}), "contract"),
        (line(columns_of([RECORD, SECOND]), TWO_ANSWERS), "contract"),
        (line(columns_of([RECORD, SECOND]), ANSWERS_IN_COLUMNS), "contract"),
        (line([RECORD, SECOND], ANSWERS_IN_COLUMNS), "contract"),
        (line([RECORD] * 3, TWO_ANSWERS), "contract"),
        (line([RECORD] * 3, ANSWERS_IN_COLUMNS), "contract"),
        (line(time=NOON + timedelta(hours=1)), "in the future"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "line",
)
def test_a_broken_line_is_passed_over_and_counted(tmp_path, broken, reason):
    count, why = skipped(tmp_path, line(), broken, line(request_id="r2"), model="tiny")
    assert (count, why) == (2, {reason: 1})


def test_the_last_line_may_be_unfinished_or_only_lack_its_end(tmp_path):
    write(tmp_path, line(), line()[:90], end=b"")
    assert read(tmp_path).skipped == {"unfinished last line": 1}
    write(tmp_path, line(), line(request_id="r2"), end=b"")
    assert len(read(tmp_path)) == 2


def test_a_line_without_end_does_not_fill_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(log_lines, "_LONGEST", 2000)
    assert skipped(tmp_path, "x" * 7001, line()) == (1, {"too long": 1})
    assert skipped(tmp_path, line(), "x" * 6000) == (1, {"too long": 1})


def test_a_number_out_of_range_is_kept_since_it_is_news(tmp_path):
    write(tmp_path, line(RECORD | {"age": 180.0, "visits": -3}))
    found = read(tmp_path)
    assert (found.columns["age"].tolist(), found.columns["visits"].tolist()) == ([180.0], [-3.0])


def test_a_category_that_is_not_known_is_kept_and_told_from_a_missing_one(tmp_path):
    write(tmp_path, line(RECORD | {"plan": "gold"}), line(SECOND, request_id="r2"))
    assert read(tmp_path).columns["plan"].tolist()[0] == UNSEEN


def test_only_the_window_is_read_and_each_line_counts_by_its_own_time(tmp_path):
    hours = [5, 1, 3, 2, 4]  # clocks go back too
    lines = [
        line(time=NOON - timedelta(hours=hour), request_id=f"{hour} hours ago") for hour in hours
    ]
    write(tmp_path, *lines)
    found = read(tmp_path, since=NOON - timedelta(hours=4), until=NOON - timedelta(hours=2))
    assert found.requests.tolist() == ["3 hours ago", "4 hours ago"]
    assert not found.skipped
    left = sorted(id_hashes([f"{hour} hours ago" for hour in (1, 2, 5)]).tolist())
    assert found.elsewhere.tolist() == left


def test_a_clock_a_little_ahead_is_believed_one_far_ahead_is_not(tmp_path):
    write(
        tmp_path,
        line(time=NOON + timedelta(minutes=4)),
        line(time=NOON + timedelta(minutes=6)),
    )
    found = read(tmp_path)
    assert (len(found), found.skipped) == (1, {"in the future": 1})
    assert len(read(tmp_path, until=NOON)) == 0


def test_files_outside_the_window_are_not_opened(tmp_path):
    old = write(tmp_path, "old", began=NOON - timedelta(days=3), process=1)
    os.utime(old, (0, (NOON - timedelta(days=2)).timestamp()))
    write(tmp_path, "new", began=NOON, process=2)
    write(tmp_path, line(), began=NOON - timedelta(days=2), process=3)
    (tmp_path / "notes.jsonl").write_text("mine")
    (tmp_path / "predictions-20269999T999999000000-1.jsonl").write_text("no time at all\n")
    day = {"since": NOON - timedelta(days=1), "until": NOON - timedelta(minutes=59)}
    assert read(tmp_path, **day).skipped == {"not JSON": 2}  # "new" is within the hour to spare
    day["until"] = NOON - timedelta(minutes=60, seconds=1)
    assert read(tmp_path, **day).skipped == {"not JSON": 1}


class Store(MemoryFileSystem):
    """An object store that says when an object changed under a name of its own."""

    protocol = "store"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    key = ""
    stamps: ClassVar[dict] = {}

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.removeprefix("store://"))

    def ls(self, path, detail=True, **options):
        found = super().ls(path, detail=True, **options)
        return [info | {self.key: self.stamps.get(info["name"])} for info in found]


def as_text(moment):
    return moment.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("key", "spell", "understood"),
    [
        ("mtime", datetime.timestamp, True),
        ("mtime", lambda moment: int(moment.timestamp()), True),
        ("mtime", lambda moment: moment, True),
        ("LastModified", lambda moment: moment, True),
        ("last_modified", lambda moment: moment.astimezone(timezone(timedelta(hours=9))), True),
        ("last_modified", lambda moment: moment.replace(tzinfo=None), True),
        ("updated", as_text, True),
        ("updated", lambda moment: as_text(moment.replace(tzinfo=None)), True),
        ("updated", lambda moment: "some time ago", False),
        ("mtime", lambda moment: moment.timestamp() * 1000, False),
        ("mtime", lambda moment: float("nan"), False),
        ("mtime", lambda moment: None, False),
        ("created", lambda moment: moment, False),
    ],
)
def test_old_files_of_an_object_store_are_not_opened(monkeypatch, key, spell, understood):
    """By when they changed; a file whose change cannot be read is opened, since it may matter."""
    register_implementation("store", Store, clobber=True)
    monkeypatch.setattr(Store, "key", key)
    Store.store.clear()
    ages = {1: timedelta(hours=26), 2: timedelta(hours=24, minutes=50), 3: timedelta(hours=2)}
    for number, age in ages.items():
        name = f"/logs/predictions-20261101T000000000000-{number}.jsonl"
        Store().pipe(name, line(request_id=f"r{number}").encode() + b"\n")
        Store.stamps[name] = spell(NOON - age)
    found = read("store://logs", since=NOON - timedelta(days=1))
    spared = ["r2", "r3"]  # an hour is spared
    assert found.requests.tolist() == (spared if understood else ["r1", *spared])


def test_only_one_release_or_one_artifact_is_read(tmp_path):
    other = {"release": "tiny/v0.9.0", "model_sha256": "b" * 64}
    write(tmp_path, line(), line(request_id="r2", **other), line({"old": 1}, **other))
    assert read(tmp_path, release="tiny/v1.0.0").requests.tolist() == ["r1"]
    found = read(tmp_path, model_sha256="b" * 64)
    assert found.requests.tolist() == ["r2"]
    assert found.releases == {"tiny/v0.9.0": 1}
    assert read(tmp_path).releases == {"tiny/v1.0.0": 1, "tiny/v0.9.0": 1}
    assert len(read(tmp_path, model_sha256=SHA).elsewhere) == 2


def test_one_bad_record_takes_its_request_with_it_and_no_other(tmp_path):
    bad = [RECORD, RECORD | {"age": "x"}]
    write(
        tmp_path,
        line(request_id="r1"),
        line(bad, TWO_ANSWERS, request_id="r2"),
        line([RECORD, SECOND], TWO_ANSWERS, request_id="r3"),
    )
    found = read(tmp_path)
    assert found.requests[found.request].tolist() == ["r1", "r3", "r3"]
    assert found.columns["visits"].tolist() == [7, 7, 0]
    assert found.skipped == {"contract": 1}


def test_many_rows_are_thinned_by_request_and_say_so(tmp_path):
    simulate(tmp_path, 3000)
    everything, some = read(tmp_path), read(tmp_path, most=1000)
    assert (len(everything), everything.one_in) == (3000, 1)
    assert 400 < len(some) <= 1000
    assert some.one_in == 4
    assert set(some.requests) < set(everything.requests)
    assert abs(some.scores.mean() - everything.scores.mean()) < 0.05
    assert not len(some.elsewhere)
    again = read(tmp_path, most=1000)
    assert again.requests.tolist() == some.requests.tolist()


def test_wide_rows_are_thinned_earlier(tmp_path, monkeypatch):
    simulate(tmp_path, 300)
    monkeypatch.setattr(log_reader, "_MOST_BYTES", 200 * LogColumns(BINARY).row_bytes)
    found = read(tmp_path)
    assert (found.one_in, len(found) <= 200) == (2, True)


def test_the_ids_of_requests_elsewhere_do_not_fill_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(log_reader, "_MOST_ELSEWHERE", 10)
    simulate(tmp_path, 300)
    assert len(read(tmp_path, release="tiny/v2.0.0").elsewhere) == 10


def test_a_log_is_read_while_it_is_written_to_and_rotated(tmp_path):
    """Every line that was whole before the read is found; none is found twice."""
    write(tmp_path, *(line(request_id=f"before {n}") for n in range(500)), process=1)
    stop = threading.Event()

    def serve():
        number = 0
        while not stop.wait(0.001):
            path = tmp_path / f"predictions-20261121T110000{number:06d}-9.jsonl"
            with path.open("wb") as handle:
                for part in (f"after {number}", f"cut {number}"):
                    text = line(request_id=part).encode() + b"\n"
                    handle.write(text[:200])
                    handle.flush()
                    handle.write(text[200:])
                    handle.flush()
            if number > 20:
                old = path.with_name(
                    f"predictions-20261121T11{(number - 20) % 1000:03d}000000000-9.jsonl"
                )
                old.unlink(missing_ok=True)
            number += 1

    writer = threading.Thread(target=serve)
    writer.start()
    try:
        reads = [read(tmp_path) for _ in range(10)]
    finally:
        stop.set()
        writer.join()
    for found in reads:
        ids = Counter(found.requests.tolist())
        assert sum(name.startswith("before") for name in ids) == 500
        assert max(ids.values()) == 1
        assert set(found.skipped) <= {"unfinished last line", "file vanished"}


def test_a_file_that_vanishes_after_it_was_listed_is_counted(tmp_path, monkeypatch):
    gone = write(tmp_path, line(), process=1)
    write(tmp_path, line(request_id="r2"), process=2)
    listed = list(list_log(tmp_path, "predictions", Window.of(None), Counter()))
    gone.unlink()
    monkeypatch.setattr(log_reader, "list_log", lambda *_: iter(listed))
    found = read(tmp_path)
    assert (found.requests.tolist(), found.skipped) == (["r2"], {"file vanished": 1})
