"""Requests and answers of a release, read from its prediction log as the boundary's columns."""

import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.compute.tasks import LOCAL, Compute, Local
from tagship.contract.boundary import Boundary
from tagship.errors import TagshipError
from tagship.monitoring.log_columns import LogColumns
from tagship.monitoring.log_files import AHEAD, PREDICTIONS, VANISHED, LogFile, Window, list_log
from tagship.monitoring.log_lines import (
    FUTURE,
    NO_ENTRY,
    REPEATED,
    Entries,
    is_text,
    read_entries,
    utc,
    utc_times,
)
from tagship.sources.fetching import without_password

MOST_ROWS = 1_000_000
"""More rows than this, or than ``_MOST_BYTES`` hold, are thinned, by request, until they fit."""
CONTRACT, OTHER_MODEL = "contract", "other model"
_MOST_BYTES = 256 * 1024 * 1024
_MOST_ELSEWHERE = 4_000_000
_TEXTS = ("time", "model", "release", "model_sha256", "request_id")


@dataclass(frozen=True)
class LoggedRows:
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
    the window, or of another release; at most four million."""
    one_in: int = 1
    """One request of this many was kept."""

    def __len__(self) -> int:
        return len(self.request)


def in_order(logged: LoggedRows, since: datetime | None = None) -> NDArray[np.int64]:
    """The places of the rows from ``since`` on, in order of their times."""
    recent = np.arange(len(logged))
    if since is not None:
        recent = np.flatnonzero(logged.times >= utc(since))
    return recent[np.argsort(logged.times[recent], kind="stable")]


def sample_mask(ids: Iterable[str], one_in: int) -> NDArray[np.bool_]:
    """Which requests are kept when only one of so many is, shape (ids,)."""
    codes = (0 if one_in == 1 else zlib.crc32(name.encode(errors="replace")) for name in ids)
    return np.array([code % one_in == 0 for code in codes], dtype=bool)


def id_hashes(ids: "Sequence[str] | NDArray[np.object_]") -> NDArray[np.int64]:
    """A number of 64 bits for each id, the same in every process, shape (ids,): the chance that any
    of ten million labels meets a wrong one of a million requests is one in two million."""
    import pandas as pd

    encoded = np.empty(len(ids), dtype=object)
    encoded[:] = [name.encode(errors="surrogatepass") for name in ids]
    return pd.util.hash_array(encoded, categorize=False).view(np.int64)


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
    compute: Compute = LOCAL,
) -> LoggedRows:
    """Read the predictions logged in ``[since, until)``; with no ``until``, up to now.

    A line that is cut off, no JSON, of another schema or model, from the future, or that does not
    fit the boundary is skipped and counted; so is a request that was read already. A folder
    that is not there holds no predictions.

    Args:
        folder: a path or URL of ``predictions-*.jsonl`` files, which may be written to meanwhile.
        release, model_sha256: only what this release, or this artifact, answered.
        model: lines of another model are counted as such.
        compute: what reads the files.

    Raises:
        TagshipError: the folder cannot be read, or not where ``compute`` reads it.
    """
    window = Window.of(since, until, now)
    filters = {"release": release, "model_sha256": model_sha256}
    rules = (boundary, window, {k: v for k, v in filters.items() if v}, model, most)
    reader = _Reader(*rules)
    files = list_log(folder, PREDICTIONS, window, reader.skipped)
    if isinstance(compute, Local):
        for file in files:
            reader.read(file)
        return reader.logged()
    for part in compute.map(_read_file, compute.share(rules), files):
        if part.skipped[VANISHED]:
            raise TagshipError(
                f"{without_password(str(folder))}: a worker does not see a file of it",
                "keep the log where every worker reads it: a URL, or a shared volume",
            )
        reader.merge(part)
    return reader.logged()


def _read_file(rules: tuple[Any, ...], file: LogFile) -> "_Part":
    reader = _Reader(*rules)
    reader.read(file)
    return reader.part()


class _Reader:
    """Turns chunks of entries into arrays and keeps them."""

    def __init__(
        self,
        boundary: Boundary,
        window: Window,
        filters: dict[str, str],
        model: str | None,
        most: int,
    ) -> None:
        self.skipped: Counter[str] = Counter()
        self._columns = LogColumns(boundary)
        self._window, self._filters, self._model = window, filters, model
        self._most = min(most, _MOST_BYTES // self._columns.row_bytes)
        self._chunks: list[_Chunk] = []
        self._rows = 0
        self._ids: set[str] = set()
        self._elsewhere = array("q")
        self._one_in = 1

    def read(self, file: LogFile) -> None:
        """Keep what is asked for of one file."""
        for entries in read_entries(file, self.skipped):
            self._add(entries)

    def part(self) -> "_Part":
        """All that was kept so far."""
        return _Part(self._chunks, self.skipped, self._elsewhere, self._one_in)

    def merge(self, part: "_Part") -> None:
        """Keep what another reader kept, of a later file."""
        self.skipped.update(part.skipped)
        room = max(0, _MOST_ELSEWHERE - len(self._elsewhere))
        self._elsewhere.extend(part.elsewhere[:room])
        while self._one_in < part.one_in:
            self._thin()
        for chunk in part.chunks:
            self._keep(chunk)

    def _add(self, entries: Entries) -> None:
        entries = [entry for entry in entries if self._is_ours(entry)]
        times, entries = self._select(entries)
        if not entries:
            return
        arrays, counts, fits = self._columns.decode(entries)
        self.skipped[CONTRACT] += len(entries) - int(fits.sum())
        ids = np.array([e["request_id"] for e, ok in zip(entries, fits, strict=True) if ok], object)
        releases = [intern(e["release"]) for e, ok in zip(entries, fits, strict=True) if ok]
        chunk = _Chunk(arrays, ids, times[fits], counts[fits], np.array(releases, object))
        self._keep(chunk)

    def _keep(self, chunk: "_Chunk") -> None:
        self._chunks.append(self._drop_repeated(chunk.only(sample_mask(chunk.ids, self._one_in))))
        self._rows += len(self._chunks[-1])
        while self._rows > self._most and self._one_in < 1 << 31:
            self._thin()

    def _drop_repeated(self, chunk: "_Chunk") -> "_Chunk":
        """The requests that were not read already; a collector may deliver a line twice."""
        new = np.zeros(len(chunk.ids), dtype=bool)
        for at, name in enumerate(chunk.ids):
            new[at] = name not in self._ids
            self._ids.add(name)
        self.skipped[REPEATED] += int((~new).sum())
        return chunk.only(new)

    def _thin(self) -> None:
        """Keep every other of the requests kept so far."""
        self._one_in *= 2
        self._chunks = [chunk.only(sample_mask(chunk.ids, self._one_in)) for chunk in self._chunks]
        self._rows = sum(map(len, self._chunks))
        self._ids = {name for chunk in self._chunks for name in chunk.ids}

    def logged(self) -> LoggedRows:
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
        rows_by_release: Counter[str] = Counter()
        for name, count in zip(releases, counts.tolist(), strict=True):
            rows_by_release[name] += count
        starts = np.cumsum(counts) - counts
        return LoggedRows(
            columns={name: arrays[name] for name in names},
            scores=self._columns.scores(arrays),
            predictions=self._columns.predictions(arrays),
            times=np.repeat(times, counts),
            requests=ids,
            request=np.repeat(np.arange(len(ids)), counts),
            row=np.arange(int(counts.sum())) - np.repeat(starts, counts),
            releases=rows_by_release,
            skipped=+self.skipped,
            elsewhere=np.sort(np.array(self._elsewhere, dtype=np.int64)),
            one_in=self._one_in,
        )

    def _is_ours(self, entry: dict[str, Any]) -> bool:
        if not all(is_text(entry.get(key)) for key in _TEXTS):
            self.skipped[NO_ENTRY] += 1
            return False
        if self._model is not None and entry["model"] != self._model:
            self.skipped[OTHER_MODEL] += 1
            return False
        return True

    def _select(self, entries: Entries) -> tuple[NDArray[np.datetime64], Entries]:
        """The entries in the window and of what is wanted, and their times."""
        times = utc_times([entry["time"] for entry in entries])
        unknown, future = np.isnat(times), times > utc(self._window.now + AHEAD)
        self.skipped[NO_ENTRY] += int(unknown.sum())
        self.skipped[FUTURE] += int(future.sum())
        inside = times < utc(self._window.until)
        if self._window.since is not None:
            inside &= times >= utc(self._window.since)
        for key, value in self._filters.items():
            inside &= np.array([entry[key] == value for entry in entries], dtype=bool)
        usable = ~(unknown | future)
        left_out = np.flatnonzero(usable & ~inside)
        room = max(0, _MOST_ELSEWHERE - len(self._elsewhere))
        ids = [entries[at]["request_id"] for at in left_out[:room]]
        self._elsewhere.extend(id_hashes(ids).tolist())
        selected = usable & inside
        return times[selected], [entry for entry, ok in zip(entries, selected, strict=True) if ok]


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

    def only(self, mask: NDArray[np.bool_]) -> "_Chunk":
        """Some of the requests."""
        if mask.all():
            return self
        rows = np.repeat(mask, self.counts)
        return _Chunk(
            {name: values[rows] for name, values in self.arrays.items()},
            self.ids[mask],
            self.times[mask],
            self.counts[mask],
            self.releases[mask],
        )


@dataclass(frozen=True)
class _Part:
    """What one reader kept, for another one."""

    chunks: list[_Chunk]
    skipped: Counter[str]
    elsewhere: "array[int]"
    one_in: int
