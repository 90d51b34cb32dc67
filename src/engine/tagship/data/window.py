"""The rows that count by when they happened: a window that ends at a time which the lock keeps."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.contract import Column, EventWindow
from tagship.config.duration import parse_duration
from tagship.contract.table_columns import declared_field, read_cells
from tagship.errors import TagshipError

_AFTER = np.timedelta64(1, "us")


def cut_window(
    frame: pd.DataFrame,
    window: EventWindow,
    columns: Mapping[str, Column],
    say: Callable[[str], None],
    held: Mapping[str, str] | None = None,
) -> tuple[pd.DataFrame, str]:
    """The rows of ``[until - last, until)``, and ``until`` in UTC as ISO 8601.

    Args:
        held: what a lock says; its ``until`` holds, whatever the newest row is now.

    Raises:
        TagshipError: the column of times is missing, holds what is no time, or no row is inside.
    """
    if window.time not in frame:
        raise TagshipError(
            f"window.time: the table has no column '{window.time}'",
            f"its columns are: {', '.join(map(str, frame))[:300]}",
        )
    field = declared_field(window.time, columns[window.time], feature=False)
    cells = read_cells(replace(field, nullable=True), frame[window.time])
    if cells.unread.any():
        row = int(np.flatnonzero(cells.unread)[0]) + 1
        raise TagshipError(
            f"window.time: '{window.time}' is no time in {int(cells.unread.sum()):,} rows, first"
            f" row {row}",
            "mend the data at its source, or say how times are written: `format`",
        )
    times = cells.values.astype("datetime64[us]")
    until = _end(window, times[~cells.missing], held)
    inside = (times >= until - np.timedelta64(parse_duration(window.last))) & (times < until)
    shown = np.datetime_as_string(until, timezone="UTC")
    if not inside.any():
        raise TagshipError(
            f"window: none of {len(frame):,} rows is of the {window.last} before {shown}",
            "let it reach further back (`last`), or end elsewhere (`until`)",
        )
    later = int((times >= until).sum())
    say(
        f"{int(inside.sum()):,} of {len(frame):,} rows are of the {window.last} before {shown};"
        f" {later:,} are later"
        + (f", {int(cells.missing.sum()):,} have no time" if cells.missing.any() else "")
    )
    return frame[inside].reset_index(drop=True), shown


def _end(window: EventWindow, times: NDArray[np.datetime64], held: Mapping[str, str] | None) -> Any:
    if held is not None and "until" in held:
        return _moment(held["until"])
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
