"""The prediction log: JSON lines, written by a thread of its own, in bounded memory and space.

A line holds the request's records as they were understood, and the answer as it was sent. Records
hold only the contract's request columns, of which none is personal data. Its reader is
``tagship.monitoring.log_reader``.
"""

import contextlib
import json
import os
import random
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tagship.serving.feedback import Label
from tagship.serving.metrics import Metrics
from tagship.serving.settings import Settings

SCHEMA = 1
_PAUSE_SECONDS = 0.2
_AT_ONCE = 500
_OVERHEAD = 200
"""Bytes of memory that a waiting line takes besides its JSON."""
_NUMBER = re.compile(r"-(\d{12})-")
_MOST_FILES = 1000
"""However small they are: each worker begins one of its own."""


class PredictionLog:
    """Two series of files in a folder: ``predictions-…`` and ``feedback-…``."""

    def __init__(self, settings: Settings, record: dict[str, str], metrics: Metrics):
        """Start the writer; what is lost is counted."""
        assert settings.log_dir is not None
        self._sample, self._limit = settings.log_sample, settings.log_queue_bytes
        self._metrics = metrics
        self._waiting: deque[tuple[float, str, bytes, bytes]] = deque()
        self._taken = self._given = 0
        """Bytes that the requests' thread put in, and that the writer's took out."""
        about = {key: record.get(key, "") for key in ("model", "release", "model_sha256")}
        self._about = json.dumps(about)[1:-1].encode()
        self._predictions = Series(settings, "predictions", metrics.removed)
        self._feedback = Series(settings, "feedback", metrics.removed)
        self._feedback_thread = ThreadPoolExecutor(1, thread_name_prefix="feedback-log")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prediction-log", daemon=True)
        self._thread.start()

    def prediction(self, time: float, request_id: str, request: bytes, answer: bytes) -> None:
        """Keep the JSON of one request and of its answer; drops it when too much waits."""
        if self._sample < 1 and random.random() >= self._sample:  # noqa: S311
            return
        size = _OVERHEAD + len(request) + len(answer)
        if self._taken - self._given + size > self._limit:
            self._metrics.dropped()
            return
        self._taken += size
        self._waiting.append((time, request_id, request, answer))

    def feedback(self, time: float, labels: Sequence[Label]) -> "Future[bool]":
        """Write labels that arrived later; the future says whether they are on disk."""
        return self._feedback_thread.submit(self._write_labels, time, labels)

    def close(self) -> None:
        """Write what waits, and stop."""
        self._closing.set()
        self._thread.join(10)
        self._feedback_thread.shutdown()

    def _write_labels(self, time: float, labels: Sequence[Label]) -> bool:
        lines = []
        for label in labels:
            entry = {"row": label.place, "actual": label.actual}
            line = json.dumps(entry, ensure_ascii=False).encode()
            lines.append(b"%b%b\n" % (_start(time, label.request_id), line[1:]))
        return self._feedback.write(b"".join(lines))

    def _work(self) -> None:
        while not self._closing.wait(_PAUSE_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        while self._waiting:
            lines = []
            for _ in range(min(_AT_ONCE, len(self._waiting))):
                time, request_id, request, answer = self._waiting.popleft()
                self._given += _OVERHEAD + len(request) + len(answer)
                about = (_start(time, request_id), self._about, request, answer)
                lines.append(b'%b%b,"request":%b,"response":%b}\n' % about)
            if not self._predictions.write(b"".join(lines)):
                for _ in lines:
                    self._metrics.dropped()


def _start(time: float, request_id: str) -> bytes:
    at = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f'{{"schema":{SCHEMA},"time":"{at}Z","request_id":"{request_id}",'.encode()


class Series:
    """Files of one kind, numbered; the oldest are removed when together they grow too large."""

    def __init__(
        self, settings: Settings, kind: str, removed: Callable[[int], None] = lambda lines: None
    ) -> None:
        """``removed`` is told how many lines went with a file."""
        assert settings.log_dir is not None
        self._folder, self._kind, self._removed = settings.log_dir, kind, removed
        self._bytes = settings.log_file_bytes
        self._most = settings.log_file_bytes * settings.log_files
        self._path: Path | None = None

    def write(self, lines: bytes) -> bool:
        """Append all the lines, or none and give False when the disk does not take them.

        A full disk begins no new file and so removes no old one; a file that somebody removed is
        there again.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._path or self._begin()
            with path.open("ab", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                try:
                    complete = file.write(lines) == len(lines)
                except OSError:
                    complete = False
                if not complete:
                    file.truncate(size)
            if complete and size + len(lines) >= self._bytes:
                self._path = None
        except OSError:
            return False
        return complete

    def _begin(self) -> Path:
        """The next file: by number, since clocks are set back."""
        files = sorted((_number(path), path) for path in self._folder.glob(f"{self._kind}-*.jsonl"))
        number = files[-1][0] + 1 if files else 1
        at = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self._path = self._folder / f"{self._kind}-{number:012d}-{at}-{os.getpid()}.jsonl"
        self._path.touch()
        self._make_room([path for _, path in files])
        return self._path

    def _make_room(self, files: list[Path]) -> None:
        """Remove the oldest, until one more file of the largest size has its place."""
        sizes = [_size(path) for path in files]
        total = sum(sizes)
        for at, (path, size) in enumerate(zip(files, sizes, strict=True)):
            if total + self._bytes <= self._most and len(files) - at < _MOST_FILES:
                break
            total -= size
            with contextlib.suppress(FileNotFoundError):  # another worker was first
                lines = _lines(path)
                path.unlink()
                self._removed(lines)


def _size(path: Path) -> int:
    """A file's size in bytes; 0 if another worker has removed it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(part.count(b"\n") for part in iter(lambda: file.read(1 << 20), b""))


def _number(path: Path) -> int:
    match = _NUMBER.search(path.name)
    return int(match[1]) if match else 0
