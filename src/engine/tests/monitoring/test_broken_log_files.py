"""What else lies in a log's folder: read when it can be read to its end, else counted and told."""

import bz2
import gzip
import lzma
import os
import shutil
import socket
from collections import Counter
from datetime import timedelta

import pytest
from prediction_logs import BINARY, NOON, label, line, write

from tagship.monitoring import log_lines, log_reader
from tagship.monitoring.label_join import join_labels
from tagship.monitoring.labels import read_feedback
from tagship.monitoring.log_files import Window, list_log
from tagship.monitoring.log_reader import read_predictions

NAME = "predictions-20261121T100000000000-9.jsonl"


def read(folder, **options):
    return read_predictions(folder, BINARY, now=NOON, **options)


def outside(path):
    """A log of somebody else, beside the folder."""
    write(path.parent.parent / "elsewhere", line(request_id="theirs"))
    return next((path.parent.parent / "elsewhere").iterdir())


def bind(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)  # the whole path may be too long


NOT_REGULAR = {
    "fifo": os.mkfifo,
    "socket": lambda path: bind(path),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link to outside": lambda path: path.symlink_to(outside(path)),
    "link to a log beside it": lambda path: path.symlink_to(next(path.parent.iterdir())),
    "link to nothing": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("kind", ["predictions", "feedback"])
@pytest.mark.parametrize("make", NOT_REGULAR.values(), ids=NOT_REGULAR)
def test_what_is_no_regular_file_is_not_opened(tmp_path, make, kind, monkeypatch):
    folder = tmp_path / "log"
    write(folder, line())
    write(folder, label("r1", "yes"), kind="feedback")
    monkeypatch.chdir(folder)
    make(folder / NAME.replace("predictions", kind))
    found, skipped = read(folder), Counter()
    [labels] = read_feedback(folder, now=NOON, skipped=skipped)
    assert (found.requests.tolist(), labels.requests) == (["r1"], ["r1"])
    counted = found.skipped if kind == "predictions" else +skipped
    assert counted == {"not a regular file": 1}


def test_a_file_that_becomes_a_pipe_after_it_was_listed_is_not_opened(tmp_path, monkeypatch):
    swapped = write(tmp_path, line())
    write(tmp_path, line(request_id="r2"), process=8)
    listed = list(list_log(tmp_path, "predictions", Window.of(None), Counter()))
    swapped.unlink()
    os.mkfifo(swapped)
    monkeypatch.setattr(log_reader, "list_log", lambda *_: iter(listed))
    found = read(tmp_path)
    assert (found.requests.tolist(), found.skipped) == (["r2"], {"not a regular file": 1})


def test_folders_that_are_not_entered_are_told(tmp_path):
    folder = tmp_path / "log"
    write(folder / "a" / "b" / "c", line())
    write(folder / "a" / "b" / "c" / "d", line(request_id="deeper"))
    write(tmp_path / "pod", line(request_id="linked"))
    (folder / "pod").symlink_to(tmp_path / "pod")
    (folder / "loop").symlink_to(folder)
    found = read(folder)
    assert found.requests.tolist() == ["r1"]
    assert found.skipped == {"folder too deep": 1, "not a regular file": 2}
    (tmp_path / "link").symlink_to(folder)  # what was named may itself be a link
    assert read(tmp_path / "link").requests.tolist() == ["r1"]


@pytest.mark.parametrize(
    ("ending", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)],
)
def test_a_compressed_file_is_read_as_far_as_it_is_whole(tmp_path, ending, compress):
    lines = [line(request_id=f"r{number}") for number in range(2000)]
    packed = compress("\n".join(lines).encode() + b"\n")
    path = tmp_path / f"{NAME}{ending}"
    path.write_bytes(packed)
    found = read(tmp_path)
    assert (len(found), found.skipped) == (2000, {})
    path.write_bytes(packed[: len(packed) // 2])
    found = read(tmp_path)
    assert found.skipped["broken compression"] == 1
    assert len(found) < 2000
    path.write_bytes(b"not compressed at all\n")
    write(tmp_path, line())
    found = read(tmp_path)
    assert (len(found), found.skipped) == (1, {"broken compression": 1})


def test_a_damaged_block_ends_that_file_only(tmp_path):
    packed = bytearray(gzip.compress("\n".join([line()] * 500).encode()))
    packed[60:80] = bytes(20)
    (tmp_path / f"{NAME}.gz").write_bytes(packed)
    write(tmp_path, line(request_id="r2"))
    found = read(tmp_path)
    assert "r2" in found.requests
    assert found.skipped["broken compression"] == 1


@pytest.mark.parametrize("ending", [".zst", ".1", ".part", ".lz4", ".gz.tmp"])
def test_a_file_that_is_named_otherwise_is_told(tmp_path, ending):
    write(tmp_path, line())
    (tmp_path / f"{NAME}{ending}").write_text(line(request_id="r2"))
    (tmp_path / "notes.txt").write_text("not of the log")
    found = read(tmp_path)
    assert (len(found), found.skipped) == (1, {"another file name": 1})


@pytest.mark.parametrize(
    "name", ["pod-1-{}", "pod_{}.gz", "PREDICTIONS-1-x.jsonl", "my.predictions"]
)
def test_a_file_that_a_collector_renamed_is_told(tmp_path, name):
    write(tmp_path, line())
    write(tmp_path, label("r1", "no"), kind="feedback")
    (tmp_path / name.format(NAME)).write_text(line(request_id="r2"))
    found = read(tmp_path)
    assert (len(found), found.skipped) == (1, {"another file name": 1})


def test_a_compressed_file_outside_of_the_window_is_not_opened(tmp_path):
    began = NOON - timedelta(hours=3)
    path = write(tmp_path, line(), began=began)
    path.rename(f"{path}.gz")  # and broken, if it were
    assert read(tmp_path, until=began - timedelta(hours=2)).skipped == {}
    assert read(tmp_path).skipped == {"broken compression": 1}


@pytest.mark.parametrize("kind", ["sparse", "bomb"])
def test_a_file_without_end_is_left(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(log_lines, "_LARGEST", 20_000)
    monkeypatch.setattr(log_lines, "_LONGEST", 5_000)
    path = write(tmp_path, line())
    if kind == "sparse":
        with path.open("r+b") as file:
            file.truncate(10_000_000)
    else:
        path.unlink()
        text = line().encode() + b"\n" + bytes(10_000_000)
        (tmp_path / f"{NAME}.gz").write_bytes(gzip.compress(text))
    write(tmp_path, line(request_id="r2"), process=8)
    found = read(tmp_path)
    assert set(found.requests) == {"r1", "r2"}
    assert found.skipped == {"too long": 1, "file too large": 1}


@pytest.mark.parametrize("hollow", ["[]", "{}", "1", '""'])
def test_a_line_of_very_many_values_is_not_decoded(tmp_path, monkeypatch, hollow):
    monkeypatch.setattr(log_lines, "_MOST_VALUES", 1000)
    planted = line().replace("41.5", f"[{','.join([hollow] * 2000)}]")
    write(tmp_path, planted, line(request_id="r2"))
    found = read(tmp_path)
    assert (found.requests.tolist(), found.skipped) == (["r2"], {"too long": 1})


def test_the_same_lines_delivered_again_count_once(tmp_path):
    """Appended again, in another pod's folder, and as a compressed copy."""
    lines = [line(request_id=f"r{number}") for number in range(100)]
    path = write(tmp_path, *lines, *lines)
    (tmp_path / "pod").mkdir()
    shutil.copy(path, tmp_path / "pod" / path.name)
    (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    found = read(tmp_path)
    assert (len(found), found.skipped) == (100, {"repeated": 500})
    assert found.releases == {"tiny/v1.0.0": 100}


def test_a_request_counts_once_though_its_first_line_was_broken(tmp_path):
    write(tmp_path, line()[:90], line(request={}), line(), line(response={"prediction": 5}))
    found = read(tmp_path)
    assert (len(found), found.skipped) == (1, {"cut off": 1, "contract": 2})


def test_repeated_requests_do_not_thin_the_log(tmp_path):
    lines = [line(request_id=f"r{number}") for number in range(100)]
    write(tmp_path, *lines * 5)
    found = read(tmp_path, most=100)
    assert (len(found), found.one_in) == (100, 1)


def test_labels_delivered_again_count_once_and_the_last_one_counts(tmp_path):
    write(tmp_path, *(line(request_id=f"r{number}") for number in range(3)))
    again = [label("r0", "yes"), label("r1", "no")]
    corrected = label("r1", "yes", time=NOON + timedelta(minutes=1))
    for process in range(5):
        write(tmp_path, *again, corrected, kind="feedback", process=process)
    logged = read(tmp_path)
    found = join_labels(logged, read_feedback(tmp_path, now=NOON), BINARY)
    assert (found.at.tolist(), found.target.tolist()) == ([0, 1], [1, 1])
    names = ("received", "joined", "repeated", "replaced")
    assert [found.counts[name] for name in names] == [15, 2, 8, 5]


def test_labels_of_requests_that_were_thinned_away_are_told_apart(tmp_path):
    write(tmp_path, *(line(request_id=f"r{number}") for number in range(400)))
    write(tmp_path, *(label(f"r{n}", "yes") for n in range(400)), kind="feedback")
    logged = read(tmp_path, most=200)
    assert logged.one_in > 1
    found = join_labels(logged, read_feedback(tmp_path, now=NOON), BINARY)
    assert found.counts["joined"] == len(logged)
    assert found.counts["thinned"] == 400 - len(logged)
    assert found.counts["unknown"] == 0
