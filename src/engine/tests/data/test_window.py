"""Rows by when they happened: the lock says what the window came to, and is verified by that."""

import numpy as np
import pandas as pd
import pytest

from projects import ROWS, Project
from tagship.training.lock import read_lock

HOURS = pd.date_range("2026-01-01", periods=ROWS, freq="h")
LATE = "window: {time: seen, last: 8d, until: newest, watermark: 24h}\n"


def with_times(project: Project, times: "pd.Index | pd.Series", window: str = LATE) -> None:
    project.rewrite_table(lambda table: table.assign(seen=times))
    project.edit("data", "rows: {min: 50}\n", f"rows: {{min: 50}}\n{window}")
    project.edit("data", "  visits:", "  seen: {dtype: datetime, feature: false}\n  visits:")


def test_the_newest_row_less_its_watermark_ends_the_window(project: Project) -> None:
    with_times(project, HOURS)
    said = project.tagship("train", "tiny")
    assert (
        f"192 of {ROWS} rows are of the 8d before 2026-01-12T11:00:00.000001Z; 24 are" in said.out
    )
    project.relock()
    locked = read_lock(project.lock).data
    assert (locked.rows, locked.identity) == (192, {"until": "2026-01-12T11:00:00.000001Z"})


def test_new_rows_leave_the_lock_true_and_late_ones_do_not(project: Project) -> None:
    with_times(project, HOURS)
    project.relock()

    def append(table: pd.DataFrame) -> pd.DataFrame:
        newer = table.tail(40).assign(seen="2026-01-20T00:00:00", visitor=np.arange(10_000, 10_040))
        return pd.concat([table, newer])

    project.rewrite_table(append)
    assert project.tagship("lock", "verify", "tiny").code == 0
    assert project.tagship("gate", "tiny").code == 0

    def arrive_late(table: pd.DataFrame) -> pd.DataFrame:
        late = table.tail(1).assign(seen="2026-01-10T00:00:00", visitor=77_777)
        return pd.concat([table, late])

    project.rewrite_table(arrive_late)
    project.refused("lock", "verify", "tiny", says=("stale", "other values"))


def test_a_run_reads_a_window_that_moved_on(project: Project) -> None:
    with_times(project, HOURS)
    project.relock()
    project.rewrite_table(lambda table: table.assign(seen=HOURS + pd.Timedelta(days=100)))
    project.relock()
    assert read_lock(project.lock).data.identity["until"].startswith("2026-04-22T11:00:00")


@pytest.mark.parametrize(
    ("until", "rows"),
    [
        ("2026-01-11T00:00:00Z", 192),
        ("2026-01-11T02:00:00+02:00", 192),
        ("2026-01-11", 192),
        ("2026-01-05", 96),
    ],
)
def test_a_declared_end_is_utc_unless_it_names_its_zone(
    project: Project, until: str, rows: int
) -> None:
    with_times(project, HOURS, f'window: {{time: seen, last: 8d, until: "{until}"}}\n')
    assert f"{rows} of {ROWS} rows are of the 8d before" in project.tagship("train", "tiny").out


def test_rows_with_zones_are_compared_in_utc(project: Project) -> None:
    east = HOURS.tz_localize("Asia/Tokyo").strftime("%Y-%m-%dT%H:%M:%S+09:00")
    with_times(project, pd.Series(east), 'window: {time: seen, last: 4d, until: "2026-01-04"}\n')
    assert f"81 of {ROWS} rows are of the 4d before" in project.tagship("train", "tiny").out


@pytest.mark.parametrize(
    ("window", "says"),
    [
        ("window: {time: age, last: 8d}", ("window.time", "'age' is a float")),
        ("window: {time: sen, last: 8d}", ("window.time", "did you mean 'seen'?")),
        ("window: {time: seen, last: 8d, until: soon}", ("'soon' is no time", "newest")),
        (
            "window: {time: seen, last: 8d, until: 2026-01-05T00:00:00, watermark: 1h}",
            ("watermark", "until: now"),
        ),
        ("window: {time: seen, last: 8d, until: now}", ("window: none of 300 rows", "reach")),
        ("window: {time: seen, last: eight}", ("window.last",)),
    ],
)
def test_a_window_that_cannot_be_is_refused(
    project: Project, window: str, says: tuple[str, ...]
) -> None:
    times = HOURS - pd.Timedelta(days=900)
    with_times(project, times, f"{window}\n")
    project.refused("train", "tiny", says=says)


def test_a_time_that_cannot_be_read_is_refused_by_its_row(project: Project) -> None:
    with_times(project, pd.Series(["yesterday", *HOURS[1:].astype(str)]))
    project.refused("train", "tiny", says=("'seen' is no time in 1 rows, first row 1", "format"))
