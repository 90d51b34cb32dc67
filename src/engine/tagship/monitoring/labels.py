"""Labels that arrive after the prediction: from the feedback log, or from a file; then joined.

Every label ends up joined, or in one of the counts: none is dropped in silence.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.data.boundary import Boundary
from tagship.data.contract_check import label_text
from tagship.data.fetching import local_file
from tagship.errors import TagshipError
from tagship.monitoring.log_lines import NO_ENTRY, Window, log_lines
from tagship.monitoring.prediction_log import Logged, utc_times

_COLUMNS = ("request_id", "actual")


@dataclass(frozen=True)
class Labels:
    """What really happened, one entry a label, in order of arrival where that is known."""

    requests: NDArray[np.object_]
    """The id of the request."""
    rows: NDArray[np.int64]
    """The row within the request."""
    actual: NDArray[np.object_]
    """The label as it was given: text, number or boolean."""
    times: NDArray[np.datetime64]
    """When it arrived; NaT where that is unknown."""
    skipped: Counter[str]
    """Lines that could not be used, by reason."""

    def __len__(self) -> int:
        return len(self.rows)

    def __add__(self, later: "Labels") -> "Labels":
        """Both; what ``later`` says counts where the times do not decide."""
        return Labels(
            np.concatenate([self.requests, later.requests]),
            np.concatenate([self.rows, later.rows]),
            np.concatenate([self.actual, later.actual]),
            np.concatenate([self.times, later.times]),
            self.skipped + later.skipped,
        )


@dataclass(frozen=True)
class Labelled:
    """The logged rows that have a label."""

    at: NDArray[np.int64]
    """Their places among the logged rows, ascending."""
    target: NDArray[Any]
    """The number of the true class, int64; or true values, float64."""
    counts: dict[str, int]
    """What became of the labels: ``received`` is the sum of ``joined``, ``repeated`` (the same
    value again), ``replaced`` (another value came later), ``invalid`` (no class of the model, no
    number), ``elsewhere`` (the log holds the request, but it was not asked for) and ``unknown``
    (the log does not hold it). ``late`` of the joined came later than they were waited for.
    """


def read_feedback(
    folder: Path | str, since: datetime | None = None, now: datetime | None = None
) -> Labels:
    """The labels of ``feedback-*.jsonl``, none of them older than ``since``.

    Raises:
        TagshipError: the folder cannot be read.
    """
    window = Window.of(since, now=now)
    skipped: Counter[str] = Counter()
    entries = []
    for entry in log_lines(folder, "feedback", window, skipped):
        row, known = entry.get("row", 0), type(entry.get("request_id")) is str
        if known and type(row) is int and type(entry.get("time")) is str and "actual" in entry:
            entries.append((entry["request_id"], row, entry["actual"], entry["time"]))
        else:
            skipped[NO_ENTRY] += 1
    ids, rows, actual, texts = zip(*entries, strict=True) if entries else ((), (), (), ())
    return _labels(ids, rows, actual, utc_times(texts), skipped)


def read_labels(path: str, root: Path) -> Labels:
    """The labels of a csv, parquet or jsonl file with request_id, row (0 if absent) and actual.

    Args:
        path: a path relative to ``root``, or a URL.

    Raises:
        TagshipError: it cannot be read, or lacks a column, or a row is no whole number.
    """
    import pandas as pd

    from tagship.data.sources import parquet_frame

    file = local_file(path, root)
    try:
        if file.suffix == ".parquet":
            frame = parquet_frame(file)
        elif file.suffix in (".jsonl", ".ndjson"):
            frame = pd.read_json(file, lines=True, dtype=False, convert_dates=False)
        else:
            frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise TagshipError(f"{path}: the labels cannot be read: {error}") from None
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing and len(frame.columns):
        found = ", ".join(map(str, frame.columns))
        raise TagshipError(f"{path}: there is no column '{missing[0]}'", f"it has: {found}")
    if not len(frame):
        return _labels((), (), (), utc_times(()), Counter())
    try:
        rows = [int(row) for row in frame["row"]] if "row" in frame else [0] * len(frame)
    except (TypeError, ValueError) as error:
        raise TagshipError(f"{path}: row: {error}", "count from 0 within the request") from None
    times = np.full(len(frame), np.datetime64("NaT"), dtype="datetime64[ms]")
    ids = [str(name) for name in frame["request_id"]]
    return _labels(ids, rows, frame["actual"].tolist(), times, Counter())


def join_labels(
    logged: Logged, labels: Labels, boundary: Boundary, waited: timedelta | None = None
) -> Labelled:
    """Give each label its logged row; see ``Labelled.counts`` for what has none.

    A row that is labelled twice takes the label that came last.

    Args:
        waited: how long after its prediction a label is in time.
    """
    target, valid = _encoded(labels.actual, boundary)
    place = {name: number for number, name in enumerate(logged.requests)}
    request = np.array([place.get(name, -1) for name in labels.requests], dtype=np.int64)
    sizes = np.bincount(logged.request, minlength=len(logged.requests) + 1)
    known = (request >= 0) & (labels.rows >= 0) & (labels.rows < sizes[request])
    starts = np.cumsum(sizes) - sizes
    hashes = np.array([hash(name) for name in labels.requests], dtype=np.int64)
    elsewhere = (request < 0) & np.isin(hashes, logged.elsewhere)

    good = np.flatnonzero(known & valid)
    at = starts[request[good]] + labels.rows[good]
    order = np.lexsort((np.arange(len(good)), labels.times[good], at))
    at, good = at[order], good[order]
    last = np.append(at[1:] != at[:-1], True)[: len(at)]
    again = np.flatnonzero(~last)
    same = target[good[again]] == target[good[again + 1]]
    chosen = good[last]
    wait = labels.times[chosen] - logged.times[at[last]]
    late = wait > np.timedelta64(waited) if waited is not None else np.zeros(len(chosen), bool)
    counts = {
        "received": len(labels),
        "joined": len(chosen),
        "repeated": int(same.sum()),
        "replaced": int((~same).sum()),
        "invalid": int((known & ~valid).sum()),
        "elsewhere": int(elsewhere.sum()),
        "unknown": int((~known & ~elsewhere).sum()),
        "late": int(late.sum()),
    }
    return Labelled(at[last], target[chosen], counts)


def _labels(
    ids: Iterable[Any],
    rows: Iterable[int],
    actual: Iterable[Any],
    times: NDArray[np.datetime64],
    skipped: Counter[str],
) -> Labels:
    given = list(actual)
    values = np.empty(len(given), dtype=object)
    values[:] = given
    return Labels(
        np.array(list(ids), dtype=object), np.array(list(rows), dtype=np.int64), values, times,
        skipped,
    )  # fmt: skip


def _encoded(
    actual: NDArray[np.object_], boundary: Boundary
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Labels as class numbers or values, and which of them are any."""
    if boundary.classes:
        codes = {name: code for code, name in enumerate(boundary.classes)}
        found = np.array([_class(codes, value) for value in actual], dtype=np.int64)
        return found, found >= 0
    values = np.array([_number(value) for value in actual], dtype=np.float64)
    return values, np.isfinite(values)


def _class(codes: dict[str, int], value: Any) -> int:
    if isinstance(value, float) and value.is_integer():  # a file's whole numbers with gaps
        value = int(value)
    return codes.get(label_text(value), -1) if isinstance(value, str | int) else -1


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return math.nan
