"""The rows that count by when they happened: a window that ends at a time which the lock keeps."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.base_model import parse_duration
from tagship.config.contract import Column, EventWindow
from tagship.contract.table_columns import declared_field, read_cells
from tagship.errors import TagshipError
from tagship.sources.identity import Identity

_AFTER = np.timedelta64(1, "us")


def cut_window(
    frame: pd.DataFrame,
    window: EventWindow,
    columns: Mapping[str, Column],
    say: Callable[[str], None],
    expected: Identity | None = None,
) -> tuple[pd.DataFrame, str]:
    """The rows of ``[until - last, until)``, and ``until`` in UTC as ISO 8601.

    Args:
        expected: what a lock says; its ``until`` holds, whatever the newest row is now.

    Raises:
        TagshipError: the column of times is missing, holds what is no time, or no row is inside.
    """
    times = read_times(frame, window, columns)
    missing = np.isnat(times)
    since, until = window_span(window, times[~missing], expected)
    inside = (times >= since) & (times < until)
    refuse_empty(window, int(inside.sum()), len(frame), until)
    later = int((times >= until).sum())
    say(
        f"{int(inside.sum()):,} of {len(frame):,} rows are of the {window.last} before"
        f" {shown_time(until)}; {later:,} are later"
        + (f", {int(missing.sum()):,} have no time" if missing.any() else "")
    )
    return frame[inside].reset_index(drop=True), shown_time(until)


def read_times(
    frame: pd.DataFrame, window: EventWindow, columns: Mapping[str, Column], before: int = 0
) -> NDArray[np.datetime64]:
    """When each row was, UTC, shape (rows,); NaT where that is missing.

    Args:
        before: how many rows stand before these.

    Raises:
        TagshipError: the column of times is missing, or holds what is no time.
    """
    if window.time not in frame:
        raise TagshipError(
            f"window.time: the table has no column '{window.time}'",
            f"its columns are: {', '.join(map(str, frame))[:300]}",
        )
    field = declared_field(window.time, columns[window.time], feature=False)
    cells = read_cells(replace(field, nullable=True), frame[window.time])
    if cells.unread.any():
        row = before + int(np.flatnonzero(cells.unread)[0]) + 1
        raise TagshipError(
            f"window.time: '{window.time}' is no time in {int(cells.unread.sum()):,} rows, first"
            f" row {row}",
            "mend the data at its source, or say how times are written: `format`",
        )
    times: NDArray[np.datetime64] = cells.values.astype("datetime64[us]")
    return times


def window_span(
    window: EventWindow, times: NDArray[np.datetime64], expected: Identity | None
) -> tuple[np.datetime64, np.datetime64]:
    """From when until before when rows count, by all their times or the newest of each part."""
    until = _end(window, times, expected)
    return until - np.timedelta64(parse_duration(window.last)), until


def refuse_empty(window: EventWindow, inside: int, rows: int, until: np.datetime64) -> None:
    """Refuse a window without rows.

    Raises:
        TagshipError: there is none inside.
    """
    if not inside:
        raise TagshipError(
            f"window: none of {rows:,} rows is of the {window.last} before {shown_time(until)}",
            "let it reach further back (`last`), or end elsewhere (`until`)",
        )


def shown_time(time: np.datetime64) -> str:
    """A time in UTC as ISO 8601."""
    return str(np.datetime_as_string(time, timezone="UTC"))


def _end(window: EventWindow, times: NDArray[np.datetime64], expected: Identity | None) -> Any:
    if expected is not None and "until" in expected:
        return _moment(expected["until"])
    if window.until == "newest":
        end = (times.max() if len(times) else np.datetime64(0, "us")) + _AFTER
    elif window.until == "now":
        end = np.datetime64(datetime.now(UTC).replace(tzinfo=None, microsecond=0), "us")
    else:
        end = _moment(window.until)
    return end - np.timedelta64(parse_duration(window.watermark)) if window.watermark else end


def _moment(text: str) -> np.datetime64:
    """An ISO 8601 time; without a zone it is UTC."""
    time = datetime.fromisoformat(text)
    return np.datetime64((time.astimezone(UTC) if time.tzinfo else time).replace(tzinfo=None), "us")
