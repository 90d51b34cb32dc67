"""What a release was asked and answered, read from its prediction log as the boundary's columns."""

import zlib
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.data.boundary import Boundary
from tagship.monitoring.log_columns import LogColumns
from tagship.monitoring.log_lines import AHEAD, FUTURE, NO_ENTRY, Window, log_lines

MOST_ROWS = 1_000_000
"""More rows than this are thinned, by request, until they fit: memory stays bounded."""
CONTRACT, OTHER_MODEL = "contract", "other model"
_CHUNK = 10_000
_TEXTS = ("time", "model", "release", "model_sha256", "request_id")


@dataclass(frozen=True)
class Logged:
    """Predictions in a window, one row each, in the order of the log's files."""

    columns: dict[str, NDArray[Any]]
    """What ``Boundary.matrix`` takes: one array of shape (rows,) for each field."""
    scores: NDArray[np.float64]
    """Probability of the positive class, shape (rows,); of each class, shape (rows, classes); or
    predicted values, shape (rows,)."""
    predictions: NDArray[Any]
    """The number of the predicted class, int64; or predicted values."""
    times: NDArray[np.datetime64]
    """When each row was asked, UTC, in milliseconds."""
    requests: NDArray[np.object_]
    """The id of each request."""
    request: NDArray[np.int64]
    """For each row, its request's place in ``requests``."""
    row: NDArray[np.int64]
    """For each row, its place in its request."""
    releases: Counter[str]
    """Rows by release."""
    skipped: Counter[str]
    """Lines that could not be used, by reason."""
    elsewhere: NDArray[np.int64]
    """Sorted hashes of the ids of requests that the log holds, but that were not asked for: outside
    the window, of another release, or thinned."""
    one_in: int = 1
    """One request of this many was kept."""

    def __len__(self) -> int:
        return len(self.request)

    def only(self, rows: NDArray[np.bool_]) -> "Logged":
        """Some of the rows; what is said about the whole log stays."""
        return replace(
            self,
            columns={name: values[rows] for name, values in self.columns.items()},
            scores=self.scores[rows],
            predictions=self.predictions[rows],
            times=self.times[rows],
            request=self.request[rows],
            row=self.row[rows],
        )


def read_predictions(
    folder: Path | str,
    boundary: Boundary,
    since: datetime | None = None,
    until: datetime | None = None,
    release: str | None = None,
    *,
    model: str | None = None,
    model_sha256: str | None = None,
    now: datetime | None = None,
    most: int = MOST_ROWS,
) -> Logged:
    """Read the predictions logged in ``[since, until)``; with no ``until``, up to now.

    A line that is cut off, no JSON, of another schema or model, from the future, or that does not
    fit the boundary is passed over and counted. A folder that is not there holds no predictions.

    Args:
        folder: a path or URL of ``predictions-*.jsonl`` files, which may be written to meanwhile.
        release, model_sha256: only what this release, or this artifact, answered.
        model: lines of another model are counted as such.

    Raises:
        TagshipError: the folder cannot be read.
    """
    window = Window.of(since, until, now)
    wanted = {"release": release, "model_sha256": model_sha256}
    reader = _Reader(boundary, window, {k: v for k, v in wanted.items() if v}, model, most)
    chunk: list[dict[str, Any]] = []
    size = 0
    for entry in log_lines(folder, "predictions", window, reader.skipped):
        chunk.append(entry)
        size += _size(entry)
        if size >= _CHUNK:
            reader.add(chunk)
            chunk, size = [], 0
    reader.add(chunk)
    return reader.logged()


class _Reader:
    """Turns chunks of entries into arrays and keeps them."""

    def __init__(
        self,
        boundary: Boundary,
        window: Window,
        wanted: dict[str, str],
        model: str | None,
        most: int,
    ) -> None:
        self.skipped: Counter[str] = Counter()
        self._columns = LogColumns(boundary)
        self._window, self._wanted, self._model, self._most = window, wanted, model, most
        self._chunks: list[_Chunk] = []
        self._releases: Counter[str] = Counter()
        self._elsewhere = array("q")
        self._one_in = 1

    def add(self, entries: list[dict[str, Any]]) -> None:
        """Keep what is asked for of some entries."""
        entries = [entry for entry in entries if self._is_ours(entry)]
        times, entries = self._inside(entries)
        if not entries:
            return
        arrays, counts, fits = self._columns.decode(entries)
        self.skipped[CONTRACT] += len(entries) - int(fits.sum())
        ids = np.array([e["request_id"] for e, ok in zip(entries, fits, strict=True) if ok], object)
        releases = [intern(e["release"]) for e, ok in zip(entries, fits, strict=True) if ok]
        chunk = _Chunk(arrays, ids, times[fits], counts[fits], np.array(releases, object))
        self._chunks.append(self._thin(chunk))
        while sum(len(chunk) for chunk in self._chunks) > self._most:
            self._one_in *= 2
            self._chunks = [self._thin(chunk) for chunk in self._chunks]
            if self._one_in > 1 << 31:
                break

    def logged(self) -> Logged:
        """All that was kept."""
        chunks, self._chunks = self._chunks, []
        names = self._columns.names
        arrays: dict[str, NDArray[Any]] = {}
        for name, empty in self._columns.empty().items():
            arrays[name] = np.concatenate([empty, *(chunk.arrays.pop(name) for chunk in chunks)])
        none = _Chunk({}, *(np.empty(0, dtype) for dtype in (object, "M8[ms]", int, object)))
        joined = [none, *chunks]
        ids, times, counts, releases = (
            np.concatenate([getattr(chunk, part) for chunk in joined])
            for part in ("ids", "times", "counts", "releases")
        )
        found: Counter[str] = Counter()
        for name in np.unique(releases.astype(str)):
            found[str(name)] = int(counts[releases == name].sum())
        starts = np.cumsum(counts) - counts
        return Logged(
            columns={name: arrays[name] for name in names},
            scores=self._columns.scores(arrays),
            predictions=self._columns.predictions(arrays),
            times=np.repeat(times, counts),
            requests=ids,
            request=np.repeat(np.arange(len(ids)), counts),
            row=np.arange(int(counts.sum())) - np.repeat(starts, counts),
            releases=found,
            skipped=+self.skipped,
            elsewhere=np.sort(np.array(self._elsewhere, dtype=np.int64)),
            one_in=self._one_in,
        )

    def _is_ours(self, entry: dict[str, Any]) -> bool:
        if any(type(entry.get(key)) is not str for key in _TEXTS):
            self.skipped[NO_ENTRY] += 1
            return False
        if self._model is not None and entry["model"] != self._model:
            self.skipped[OTHER_MODEL] += 1
            return False
        return True

    def _inside(
        self, entries: list[dict[str, Any]]
    ) -> tuple[NDArray[np.datetime64], list[dict[str, Any]]]:
        """The entries in the window and of what is wanted, and their times."""
        times = utc_times([entry["time"] for entry in entries])
        unknown, future = np.isnat(times), times > utc(self._window.now + AHEAD)
        self.skipped[NO_ENTRY] += int(unknown.sum())
        self.skipped[FUTURE] += int(future.sum())
        inside = times < utc(self._window.until)
        if self._window.since is not None:
            inside &= times >= utc(self._window.since)
        for key, value in self._wanted.items():
            inside &= np.array([entry[key] == value for entry in entries], dtype=bool)
        usable = ~(unknown | future)
        left_out = np.flatnonzero(usable & ~inside)
        self._elsewhere.extend(hash(entries[at]["request_id"]) for at in left_out)
        kept = usable & inside
        return times[kept], [entry for entry, ok in zip(entries, kept, strict=True) if ok]

    def _thin(self, chunk: "_Chunk") -> "_Chunk":
        """Only the requests whose id falls on one in so many."""
        if self._one_in == 1:
            return chunk
        codes = np.array([zlib.crc32(text.encode()) for text in chunk.ids], dtype=np.int64)
        kept = codes % self._one_in == 0
        self._elsewhere.extend(hash(text) for text in chunk.ids[~kept])
        rows = np.repeat(kept, chunk.counts)
        return _Chunk(
            {name: values[rows] for name, values in chunk.arrays.items()},
            *(part[kept] for part in (chunk.ids, chunk.times, chunk.counts, chunk.releases)),
        )


@dataclass(frozen=True)
class _Chunk:
    """Some requests; ``arrays`` holds one value a row, the rest one a request."""

    arrays: dict[str, NDArray[Any]]
    ids: NDArray[np.object_]
    times: NDArray[np.datetime64]
    counts: NDArray[np.int64]
    releases: NDArray[np.object_]

    def __len__(self) -> int:
        return int(self.counts.sum())


def utc_times(texts: Sequence[str]) -> NDArray[np.datetime64]:
    """Times such as ``2026-11-21T10:00:00.123Z``; NaT for what is none."""
    spelt = [text[:-1] if len(text) > 19 and text[-1] == "Z" else "NaT" for text in texts]
    try:
        return np.array(spelt, dtype="datetime64[ms]")
    except ValueError:
        return np.array([_utc_time(text) for text in spelt], dtype="datetime64[ms]")


def _utc_time(text: str) -> np.datetime64:
    try:
        return np.datetime64(text, "ms")
    except ValueError:
        return np.datetime64("NaT")


def utc(time: datetime) -> np.datetime64:
    """A moment as the log's times are held."""
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "ms")


def _size(entry: dict[str, Any]) -> int:
    """About how many rows an entry has."""
    request = entry.get("request")
    if isinstance(request, dict) and isinstance(request.get("columns"), dict):
        request = next(iter(request["columns"].values()), None)
    return len(request) if isinstance(request, list) else 1
