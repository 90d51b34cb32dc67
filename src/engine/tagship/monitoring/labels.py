"""Labels that arrive after the prediction: from the feedback log, or from a file, in portions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tagship.errors import TagshipError
from tagship.monitoring.log_files import AHEAD, FEEDBACK, Window, list_log
from tagship.monitoring.log_lines import (
    FUTURE,
    NO_ENTRY,
    Entries,
    is_text,
    read_entries,
    utc,
    utc_times,
)
from tagship.sources.fetching import local_file

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("request_id", "actual")
_AT_ONCE = 50_000
_MOST_ROW = 1 << 31


@dataclass(frozen=True)
class Labels:
    """What really happened: a portion of labels, in order of arrival where that is known."""

    requests: Sequence[str]
    """The id of the request."""
    rows: NDArray[np.int64]
    """The row within the request; -1 for one that no request can have."""
    actual: Sequence[Any]
    """The label as it was given: text, number or boolean."""
    times: NDArray[np.datetime64]
    """When it arrived; NaT where that is unknown."""

    def __len__(self) -> int:
        return len(self.rows)


def read_feedback(
    folder: Path | str,
    since: datetime | None = None,
    now: datetime | None = None,
    skipped: Counter[str] | None = None,
) -> Iterator[Labels]:
    """The labels of ``feedback-*.jsonl`` files that may hold some from ``since`` on.

    Args:
        skipped: lines that could not be used, by reason; counted here while they are read.

    Raises:
        TagshipError: the folder cannot be read.
    """
    window = Window.of(since, now=now)
    skipped = Counter() if skipped is None else skipped
    for file in list_log(folder, FEEDBACK, window, skipped):
        for entries in read_entries(file, skipped):
            yield _of_entries(entries, window, skipped)


def read_labels(path: str, root: Path) -> Iterator[Labels]:
    """The labels of a file with request_id, row (0 if absent) and actual.

    Args:
        path: a path relative to ``root``, or a URL.

    Raises:
        TagshipError: it cannot be read, or lacks a column, or a row is no whole number.
    """
    local_file(path, root)  # a file that is not there is no file of another form
    for frame in _portions(path, root):
        yield _of_frame(frame, path)


def _of_entries(entries: Entries, window: Window, skipped: Counter[str]) -> Labels:
    """The feedback among some entries of a log."""
    times = utc_times([entry.get("time") for entry in entries])
    future = times > utc(window.now + AHEAD)
    usable = [
        "actual" in entry and is_text(entry.get("request_id")) and type(entry.get("row", 0)) is int
        for entry in entries
    ]
    good = np.array(usable, dtype=bool) & ~np.isnat(times)
    skipped[NO_ENTRY] += int((~good).sum())
    skipped[FUTURE] += int((good & future).sum())
    places = np.flatnonzero(good & ~future)
    return Labels(
        requests=[entries[at]["request_id"] for at in places],
        rows=_rows([entries[at].get("row", 0) for at in places]),
        actual=[entries[at]["actual"] for at in places],
        times=times[places],
    )


def _portions(path: str, root: Path) -> "Iterator[pd.DataFrame]":
    """A file of labels in portions.

    Raises:
        TagshipError: it is not what its ending says; nothing of it is quoted.
    """
    from pyarrow import ArrowException

    from tagship.sources.read import read_portions

    try:
        yield from read_portions(path, root, _AT_ONCE)
    except (TagshipError, OSError, ValueError, TypeError, ArrowException):
        raise TagshipError(
            f"{path}: the labels cannot be read",
            "it must be a table (csv, Excel, Parquet, jsonl and so on) with request_id and actual",
        ) from None


def _of_frame(frame: "pd.DataFrame", path: str) -> Labels:
    """The labels of a portion of a file.

    Raises:
        TagshipError: it lacks a column, or a row is no whole number.
    """
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing and len(frame.columns):
        raise TagshipError(
            f"{path}: there is no column '{missing[0]}'",
            f"it has {len(frame.columns)} others; a file of labels has request_id and actual",
        )
    if not len(frame):
        return Labels([], np.empty(0, np.int64), [], np.empty(0, "datetime64[ms]"))
    try:
        rows = [_whole(row) for row in frame["row"]] if "row" in frame else [0] * len(frame)
    except (TypeError, ValueError, OverflowError):
        raise TagshipError(
            f"{path}: row: a value is no whole number", "count from 0 within the request"
        ) from None
    times = np.full(len(frame), np.datetime64("NaT", "ms"))
    ids = [str(name) for name in frame["request_id"]]
    return Labels(ids, _rows(rows), frame["actual"].tolist(), times)


def _whole(row: Any) -> int:
    if isinstance(row, float) and not row.is_integer():
        raise ValueError("not a whole number")
    return int(row)


def _rows(rows: Sequence[int]) -> NDArray[np.int64]:
    return np.array([row if 0 <= row < _MOST_ROW else -1 for row in rows], dtype=np.int64)
