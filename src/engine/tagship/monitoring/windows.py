"""Labelled predictions cut into windows, by time or by number, back from the newest."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tagship.config.duration import parse_duration
from tagship.monitoring.log_lines import utc
from tagship.monitoring.sample import Sample

MOST = 6
"""How many windows are looked at."""


@dataclass(frozen=True)
class Span:
    """One window: ``since`` up to, not including, ``until`` (UTC)."""

    since: np.datetime64
    until: np.datetime64
    rows: int
    """Predictions logged in it, with a label or without."""
    sample: Sample


def spans(sample: Sample, length: str | int, until: datetime) -> list[Span]:
    """The windows that hold predictions, oldest first.

    Args:
        length: a duration such as ``7d``, or a number of labelled predictions.
        until: where the newest window ends, when they are cut by time.
    """
    edges = _edges(sample, length, until)
    all_times, times = np.sort(sample.logged.times), sample.times
    found = []
    for since, end in zip(edges[1:], edges, strict=False):
        low, high = np.searchsorted(times, [since, end])
        rows = int(np.diff(np.searchsorted(all_times, [since, end]))[0])
        if rows:
            found.append(Span(since, end, rows, sample.only(slice(low, high))))
    return found[::-1]


def _edges(sample: Sample, length: str | int, until: datetime) -> list[np.datetime64]:
    """Where windows end and begin, newest first."""
    if isinstance(length, str):
        end = utc(until)
        return [end - number * np.timedelta64(parse_duration(length)) for number in range(MOST + 1)]
    times, count = sample.times, len(sample)
    begins = [max(at, 0) for at in range(count - length, -length, -length)][:MOST]
    return [times[-1] + np.timedelta64(1, "ms"), *times[begins]] if count else []
