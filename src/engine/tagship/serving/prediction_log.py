"""The prediction log: JSON lines, written by a thread of its own, in bounded memory.

A line holds the request's records and the answer as they were sent. Records hold only the
contract's request columns, of which none is personal data. Its reader is
``tagship.monitoring.prediction_log``.
"""

import json
import os
import random
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tagship.serving.settings import Settings

SCHEMA = 1
_PAUSE_SECONDS = 0.2
_AT_ONCE = 500
_OVERHEAD = 200
"""Bytes of memory that a waiting line takes besides its JSON."""


class PredictionLog:
    """Two series of files in a folder: ``predictions-…`` and ``feedback-…``."""

    def __init__(self, settings: Settings, record: dict[str, str], dropped: Callable[[], None]):
        """Start the writer; ``dropped`` is called for each line that could not be kept."""
        assert settings.log_dir is not None
        self._sample, self._limit = settings.log_sample, settings.log_queue_bytes
        self._dropped = dropped
        self._waiting: deque[tuple[bool, float, str, bytes, bytes]] = deque()
        self._taken = self._given = 0
        """Bytes that the requests' thread put in, and that the writer's took out."""
        about = {key: record.get(key, "") for key in ("model", "release", "model_sha256")}
        self._about = json.dumps(about)[1:-1].encode()
        self._predictions = Series(settings, "predictions")
        self._feedback = Series(settings, "feedback")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prediction-log", daemon=True)
        self._thread.start()

    def prediction(self, time: float, request_id: str, request: bytes, answer: bytes) -> None:
        """Keep the JSON of one request and of its answer; drops it when too much waits."""
        if self._sample < 1 and random.random() >= self._sample:  # noqa: S311
            return
        self._keep((True, time, request_id, request, answer))

    def feedback(self, time: float, request_id: str, row: int, actual: object) -> bool:
        """Keep one label that arrived later; False when it had to be dropped."""
        line = json.dumps({"row": row, "actual": actual}, ensure_ascii=False).encode()
        return self._keep((False, time, request_id, line, b""))

    def close(self) -> None:
        """Write what waits, and stop."""
        self._closing.set()
        self._thread.join(10)

    def _keep(self, item: tuple[bool, float, str, bytes, bytes]) -> bool:
        size = _OVERHEAD + len(item[3]) + len(item[4])
        if self._taken - self._given + size > self._limit:
            self._dropped()
            return False
        self._taken += size
        self._waiting.append(item)
        return True

    def _work(self) -> None:
        while not self._closing.wait(_PAUSE_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        while self._waiting:
            lines: dict[bool, list[bytes]] = {True: [], False: []}
            for _ in range(min(_AT_ONCE, len(self._waiting))):
                kind, time, request_id, request, answer = self._waiting.popleft()
                self._given += _OVERHEAD + len(request) + len(answer)
                lines[kind].append(self._line(kind, time, request_id, request, answer))
            for kind, series in ((True, self._predictions), (False, self._feedback)):
                if lines[kind] and not series.write(b"".join(lines[kind])):
                    for _ in lines[kind]:
                        self._dropped()

    def _line(
        self, kind: bool, time: float, request_id: str, request: bytes, answer: bytes
    ) -> bytes:
        at = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        start = f'{{"schema":{SCHEMA},"time":"{at}Z","request_id":"{request_id}",'.encode()
        if not kind:
            return b"%b%b\n" % (start, request[1:])
        # JSON holds no line break inside a text, so each one is space between values.
        request = request.replace(b"\n", b" ").replace(b"\r", b" ")
        return b'%b%b,"request":%b,"response":%b}\n' % (start, self._about, request, answer)


class Series:
    """Files of one kind, begun anew at a size, the oldest removed beyond a number."""

    def __init__(self, settings: Settings, kind: str) -> None:
        assert settings.log_dir is not None
        self._folder, self._kind = settings.log_dir, kind
        self._bytes, self._files = settings.log_file_bytes, settings.log_files
        self._path: Path | None = None

    def write(self, lines: bytes) -> bool:
        """Append all the lines; False, and none of them, when the disk does not take them.

        A full disk begins no new file and so removes no old one; a file that somebody removed is
        there again.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._path or self._begin()
            with path.open("ab", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                try:
                    whole = file.write(lines) == len(lines)
                except OSError:
                    whole = False
                if not whole:
                    file.truncate(size)
            if whole and size + len(lines) >= self._bytes:
                self._path = None
        except OSError:
            return False
        return whole

    def _begin(self) -> Path:
        at = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self._path = self._folder / f"{self._kind}-{at}-{os.getpid()}.jsonl"
        self._path.touch()
        for old in sorted(self._folder.glob(f"{self._kind}-*.jsonl"))[: -self._files]:
            old.unlink(missing_ok=True)
        return self._path
