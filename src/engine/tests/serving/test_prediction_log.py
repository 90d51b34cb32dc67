"""The prediction log: what it holds, how it is bounded, and what happens when it cannot keep up."""

import contextlib
import json
import resource
import time
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from projects import copy_project
from tagship.bento.store import log_folder
from tagship.serving.prediction_log import PredictionLog, Series
from tagship.serving.settings import Settings

RECORD = {"age": 40.5, "visits": 12, "plan": "pro"}
ABOUT = {"model": "tiny", "release": "tiny/v1.0.0", "model_sha256": "0" * 64}


def lines(folder, kind="predictions"):
    return [
        json.loads(line)
        for path in sorted(folder.glob(f"{kind}-*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def wait_for(found, number):
    for _ in range(1200):
        if len(found()) >= number:
            return found()
        time.sleep(0.1)
    raise AssertionError(found())


class Lost:
    """How many lines were dropped, and how many went with old files."""

    def __init__(self):
        self.lines = self.old = 0

    def dropped(self):
        self.lines += 1

    def removed(self, lines):
        self.old += lines


@pytest.fixture
def log_of(tmp_path):
    """A log of this process with other settings, and what it has lost."""
    opened = []

    def open_log(**settings):
        lost = Lost()
        log = PredictionLog(Settings(log_dir=tmp_path / "log", **settings), ABOUT, lost)
        opened.append(log)
        return log, lost

    yield open_log
    for log in opened:
        log.close()


GIVEN, CHANGED, REFUSED = "given", "changed", "refused"
MADE = (b'{"a":1}', b'{"prediction":"yes"}')


@pytest.fixture(scope="module")
def logged(_run_once, tmp_path_factory, serving):
    """A service's address and the folder of its log."""
    project = copy_project(_run_once, tmp_path_factory.mktemp("logged") / "project")
    with serving(project) as address:
        yield address, log_folder(project.root, "tiny")


def test_every_shape_of_request_is_logged_as_it_was_sent_and_answered(logged):
    address, folder = logged
    contents = [json.dumps(RECORD, indent=2), json.dumps([RECORD, RECORD])]
    answers = [httpx.post(f"{address}/predict", content=content) for content in contents]
    assert [answer.status_code for answer in answers] == [200] * 2
    httpx.post(f"{address}/predict", content=b"{}")
    found = wait_for(lambda: lines(folder), 2)
    assert len(found) == 2
    assert [line["request"] for line in found] == [RECORD, [RECORD] * 2]
    for line, answer in zip(found, answers, strict=True):
        assert line["response"] == answer.json()
    assert [line["request_id"] for line in found] == [a.headers["x-request-id"] for a in answers]
    assert {line["schema"] for line in found} == {1}
    assert {(line["model"], line["release"]) for line in found} == {("tiny", "unreleased")}
    assert not any("visitor" in json.dumps(line) for line in found), "the id is not asked for"


def test_feedback_is_kept_beside_and_joined_by_the_request(logged):
    address, folder = logged
    answer = httpx.post(f"{address}/predict", json=[RECORD, RECORD]).json()
    label = {"request_id": answer["request_id"], "row": 1, "actual": "yes"}
    assert httpx.post(f"{address}/feedback", json=label).json() == {"received": 1}
    assert httpx.post(f"{address}/feedback", json=[label, label]).json() == {"received": 2}
    found = wait_for(lambda: lines(folder, "feedback"), 3)
    kept = {key: found[0][key] for key in label}
    assert kept == label
    assert found[0]["schema"] == 1


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ({"request_id": GIVEN, "actual": "perhaps"}, "must be one of no, yes"),
        ({"request_id": "a b", "actual": "yes"}, "is none that this service gave"),
        ({"request_id": 'x","row":"', "actual": "yes"}, "is none that this service gave"),
        ({"request_id": "0" * 48, "actual": "yes"}, "is none that this service gave"),
        ({"request_id": "0" * 32, "actual": "yes"}, "is none that this service gave"),
        ({"request_id": REFUSED, "actual": "yes"}, "is none that this service gave to an answer"),
        ({"request_id": CHANGED, "actual": "yes"}, "is none that this service gave"),
        ({"request_id": GIVEN, "actual": "yes", "row": -1}, "is not a row"),
        (
            {"request_id": GIVEN, "actual": "yes", "row": 1},
            "is not a row of that request, which has 1",
        ),
        ({"request_id": "a"}, "missing required field"),
        ([], "there are no labels"),
        ({"request_id": "a", "actual": "yes", "why": 1}, "unknown field"),
        ("text", "not feedback"),
    ],
)
def test_feedback_that_cannot_be_used_is_refused(logged, label, says):
    given = httpx.post(f"{logged[0]}/predict", json=RECORD).json()["request_id"]
    changed = given[:-1] + ("0" if given[-1] != "0" else "1")
    refused = httpx.post(f"{logged[0]}/predict", json={}).json()["request_id"]
    ids = {GIVEN: given, CHANGED: changed, REFUSED: refused}
    if isinstance(label, dict) and label["request_id"] in ids:
        label = label | {"request_id": ids[label["request_id"]]}
    answer = httpx.post(f"{logged[0]}/feedback", json=label)
    assert answer.status_code == (404 if "none that this" in says else 422)
    assert says in answer.text


@pytest.mark.slow
def test_without_a_log_there_is_no_feedback(run_project, serving):
    with serving(run_project, TAGSHIP_LOG_DIR="") as address:
        answer = httpx.post(f"{address}/feedback", json={"request_id": "a", "actual": "yes"})
        assert answer.status_code == 404
        assert httpx.post(f"{address}/predict", json=RECORD).status_code == 200
    assert not log_folder(run_project.root, "tiny").exists()


def test_files_are_rotated_by_size_and_the_oldest_removed(log_of, tmp_path):
    def newest():
        with contextlib.suppress(OSError, ValueError):  # a file was removed, a line half written
            return [line["request_id"] for line in lines(tmp_path / "log")][-1:]
        return []

    log, lost = log_of(log_file_bytes=2000, log_files=3)
    for number in range(40):
        last = f"{number:032x}"
        log.prediction(time.time(), last, *MADE)
        if number % 4 == 0:  # before the next are given to it, these are on disk
            wait_for(lambda last=last: [last] if newest() == [last] else [], 1)
    log.close()
    paths = sorted((tmp_path / "log").glob("predictions-*.jsonl"))
    assert sum(path.stat().st_size for path in paths) < 3 * 2000 + 1000
    kept = [int(line["request_id"], 16) for line in lines(tmp_path / "log")]
    assert kept == list(range(kept[0], 40)), "the newest, in order"
    assert (lost.lines, lost.old) == (0, 40 - len(kept))


def test_what_a_client_pads_is_not_kept(logged):
    address, folder = logged
    before = sum(path.stat().st_size for path in folder.glob("predictions-*"))
    padded = json.dumps(RECORD).encode() + b" " * 1_000_000
    for content in (padded, b"\n" * 500_000 + padded, b"[%b]" % padded):
        answer = httpx.post(f"{address}/predict", content=content)
        last = wait_for(lambda a=answer: [
            line for line in lines(folder) if line["request_id"] == a.headers["x-request-id"]
        ], 1)  # fmt: skip
        assert last[0]["request"] in (RECORD, [RECORD])
    assert sum(path.stat().st_size for path in folder.glob("predictions-*")) < before + 3000


def test_a_clock_set_back_costs_the_oldest_and_not_the_newest(tmp_path, monkeypatch):
    settings = Settings(log_dir=tmp_path, log_file_bytes=1000, log_files=3)
    for year in (2026, 2025, 1999, 2030, 2024, 2026):

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None, year=year):
                return datetime(year, 1, 1, tzinfo=tz)

        monkeypatch.setattr("tagship.serving.prediction_log.datetime", Clock)
        assert Series(settings, "predictions").write(b'{"year": %d, "x": "%900d"}\n' % (year, 0))
    kept = [line["year"] for line in lines(tmp_path)]
    assert kept == [2030, 2024, 2026]


def test_workers_that_die_do_not_use_up_the_files(tmp_path):
    settings, removed = Settings(log_dir=tmp_path, log_file_bytes=1000, log_files=3), []
    for number in range(20):  # each worker begins a file of its own
        assert Series(settings, "predictions", removed.append).write(b'{"a": %d}\n' % number)
    assert [line["a"] for line in lines(tmp_path)] == list(range(20))
    assert not removed


def test_a_file_that_another_worker_removed_first_costs_no_line(tmp_path, monkeypatch):
    settings = Settings(log_dir=tmp_path, log_file_bytes=1000, log_files=2)
    removed = []
    series = Series(settings, "predictions", removed.append)
    assert all(series.write(b"1\n" * 500) for _ in range(2))
    known = sorted(tmp_path.iterdir())
    monkeypatch.setattr(Path, "glob", lambda *_: [*known, tmp_path / "predictions-000000000000-x"])
    known[0].unlink()
    assert series.write(b"3\n")
    assert sorted(tmp_path.iterdir())[-1].read_bytes() == b"3\n"


def test_a_full_disk_costs_no_old_file_and_leaves_no_torn_line(tmp_path):
    settings = Settings(log_dir=tmp_path, log_files=3)
    old = [tmp_path / f"predictions-2020010{n}T000000000000-1.jsonl" for n in (1, 2)]
    for path in old:
        path.write_text("{}\n")
    series = Series(settings, "predictions")
    assert series.write(b'{"a":1}\n')
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        assert not any(series.write(b"%200d\n" % n) for n in range(9))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert series.write(b'{"a":2}\n')
    assert all(path.exists() for path in old)
    assert [line for line in lines(tmp_path) if line] == [{"a": 1}, {"a": 2}]


def test_a_file_that_somebody_removed_loses_no_line(tmp_path):
    series = Series(Settings(log_dir=tmp_path), "predictions")
    assert series.write(b'{"a":1}\n')
    for path in tmp_path.iterdir():
        path.unlink()
    assert series.write(b'{"a":2}\n')
    assert lines(tmp_path) == [{"a": 2}]


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(log_of, tmp_path, monkeypatch):
    monkeypatch.setattr("tagship.serving.prediction_log._PAUSE_SECONDS", 60)
    monkeypatch.setattr(Settings.model_fields["log_queue_bytes"], "metadata", [])
    log, lost = log_of(log_queue_bytes=5 * (200 + len(MADE[0]) + len(MADE[1])))
    for number in range(8):
        log.prediction(time.time(), f"{number:x}", *MADE)
    assert lost.lines == 3
    log.close()
    assert len(lines(tmp_path / "log")) == 5


def test_a_disk_that_refuses_drops_counted_lines_and_recovers(log_of, tmp_path):
    (tmp_path / "log").write_text("a file where the folder should be")
    log, lost = log_of()
    log.prediction(time.time(), "a", *MADE)
    wait_for(lambda: [1] * lost.lines, 1)
    (tmp_path / "log").unlink()
    log.prediction(time.time(), "b", *MADE)
    log.close()
    assert [line["request_id"] for line in lines(tmp_path / "log")] == ["b"]


def test_a_share_of_requests_can_be_logged(log_of, tmp_path):
    log, lost = log_of(log_sample=0.2)
    for number in range(2000):
        log.prediction(time.time(), f"{number:x}", *MADE)
    log.close()
    assert 250 < len(lines(tmp_path / "log")) < 600
    assert lost.lines == 0


def test_metrics_tell_classes_scores_and_what_runs(logged):
    address, _ = logged
    before = metrics(address)
    httpx.post(f"{address}/predict", json=[RECORD] * 5)
    after = metrics(address)

    def grew(name):
        return sum(v - before.get(k, 0) for k, v in after.items() if k.startswith(name))

    assert grew("tagship_predictions_total{") == 5
    assert grew("tagship_score_count{") == 5
    info = [key for key in after if key.startswith("tagship_model_info{")]
    assert len(info) == 1
    assert 'release="unreleased"' in info[0]
    assert after[info[0]] == 1
    assert any(key.startswith("tagship_prediction_log_dropped_total{") for key in after)


def metrics(address):
    text = httpx.get(f"{address}/metrics").text
    pairs = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {key: float(value) for key, value in pairs}
