"""``tagship drift`` of a data set: the verdict is that of one file, or of rows drawn evenly."""

import json
from typing import Any

import pandas as pd
import pytest

from event_files import event_table
from projects import Project
from tagship.monitoring import drift_input

FOLDER = "data/now"


def write_files(project: Project, table: pd.DataFrame) -> None:
    (project.root / FOLDER).mkdir(parents=True, exist_ok=True)
    for at in range(0, len(table), 100):
        path = project.root / FOLDER / f"part-{at:04d}.parquet"
        table.iloc[at : at + 100].to_parquet(path, index=False, row_group_size=30)


@pytest.fixture
def watched(run_project: Project) -> Project:
    """The project after a run, and files like its training's; ``seen`` is the time."""
    table = event_table(1200, seed=99).rename(columns={"seen": "time"})
    table.to_parquet(run_project.root / "one.parquet", index=False)
    write_files(run_project, table)
    return run_project


def verdict(project: Project, current: str, *more: str) -> dict[str, Any]:
    ran = project.tagship("drift", "tiny", "--current", current, "--json", *more)
    assert ran.code == 5, ran  # the contract has no column `time`
    answer: dict[str, Any] = json.loads(ran.out)
    return answer


@pytest.mark.parametrize("current", [FOLDER, f"{FOLDER}/part-*.parquet"])
def test_the_verdict_is_that_of_one_file(watched: Project, current: str) -> None:
    assert verdict(watched, current) == verdict(watched, "one.parquet")
    uri = (watched.root / FOLDER).as_uri()
    assert verdict(watched, uri)["rows"] == 1200


def test_a_window_chooses_rows_of_every_file(watched: Project) -> None:
    window = ("--since", "2026-01-05T00:00:00Z", "--until", "2026-02-10T00:00:00Z")
    within = verdict(watched, FOLDER, *window)
    assert within == verdict(watched, "one.parquet", *window)
    assert 0 < within["rows"] < 1200
    ran = watched.tagship("drift", "tiny", "--current", FOLDER, "--since", "2030-01-01T00:00:00Z")
    assert "no data" in ran.out


def test_very_many_rows_are_thinned_and_it_is_said(
    watched: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_input, "MOST_ROWS", 400)
    ran = watched.tagship("drift", "tiny", "--current", FOLDER)
    assert "(400 rows, one in 3)" in ran.out
    answer = verdict(watched, FOLDER)
    assert (answer["rows"], answer["one_in"]) == (400, 3)


def test_new_columns_are_told_though_they_are_not_read(watched: Project) -> None:
    table = pd.read_parquet(watched.root / "one.parquet").assign(tags=[["a"]] * 1200)
    write_files(watched, table)
    assert "tags" in verdict(watched, FOLDER)["extra"]


def test_a_folder_with_logs_stays_a_log(watched: Project) -> None:
    name = "predictions-20260101T000000000000-1.jsonl"
    (watched.root / FOLDER / name).write_text("")
    ran = watched.tagship("drift", "tiny", "--current", FOLDER)
    assert "no data: there are no rows" in ran.out
    (watched.root / FOLDER / name).unlink()
    assert verdict(watched, FOLDER)["rows"] == 1200


def test_a_file_that_does_not_belong_is_named(watched: Project) -> None:
    table = pd.read_parquet(watched.root / "one.parquet").astype({"visits": "float64"})
    table.to_parquet(watched.root / FOLDER / "part-0400.parquet")
    ran = watched.tagship("drift", "tiny", "--current", FOLDER)
    ran.must_refuse("part-0400.parquet: the column 'visits' is double, and int64 in part-0000")


def test_files_of_another_table_are_refused(watched: Project) -> None:
    write_files(watched, event_table(1200)[["visitor", "seen"]])
    watched.tagship("drift", "tiny", "--current", FOLDER).must_refuse("none of tiny's columns")
