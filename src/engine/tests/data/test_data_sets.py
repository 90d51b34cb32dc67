"""A data set is checked, hashed and sampled by blocks: as one table, and no part of it twice."""

import json
import shutil
from collections.abc import Callable

import fsspec
import numpy as np
import pandas as pd
import pytest

from event_files import (
    FOLDER,
    counted_reads,
    event_table,
    make_events,
    place_of,
    read_files,
    write_file,
    write_files,
)
from projects import Project
from tagship.data.table import check_table, read_raw
from tagship.gates.champion_scores import holdout_rows
from tagship.sources import dataset
from tagship.training.bundle import load_bundle
from tagship.training.lock import LockedData, read_lock

ALL = 6 * 3


@pytest.fixture
def events(project: Project) -> Project:
    return make_events(project)


def locked(project: Project) -> LockedData:
    project.relock()
    return read_lock(project.lock).data


def validated(project: Project) -> dict[str, object]:
    """What `tagship validate --json` says."""
    ran = project.tagship("validate", "tiny", "--json")
    assert ran.code == 0, ran
    answer: dict[str, object] = json.loads(ran.out)[0]
    return answer


def test_a_folder_a_glob_and_a_url_are_one_data_set(events: Project) -> None:
    data = locked(events)
    assert data.identity == {"files": "6", "rows": "300", "sha256": data.sha256}
    assert data.rows == 300
    for path in (f"{FOLDER}/", f"{FOLDER}/*/part-*.parquet", f"{FOLDER}/year=*", "data/e*/**"):
        read_files(events, path)
        assert validated(events)["data_sha256"] == data.sha256
    read_files(events, (events.root / FOLDER).as_uri())
    assert validated(events)["data_sha256"] == data.sha256


def test_a_lock_is_verified_by_the_same_files(events: Project) -> None:
    events.relock()
    assert events.tagship("lock", "verify", "tiny").code == 0
    assert events.tagship("gate", "tiny").code == 0
    write_file(events, 6, event_table(350).tail(50))
    events.refused(
        "lock", "verify", "tiny",
        says=("it changed since the lock: files 6 → 7; rows 300 → 350; sha256",),
    )  # fmt: skip


def test_an_appended_file_costs_only_itself(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted_reads(monkeypatch) as reads:
        first = validated(events)
    assert len(reads) == ALL
    with counted_reads(monkeypatch) as reads:
        assert validated(events) == first
    assert reads == []
    write_file(events, 6, event_table(350).tail(50))
    with counted_reads(monkeypatch) as reads:
        grown = validated(events)
    assert [number for number, _ in reads] == [0, 1, 2]
    assert grown["rows"] == 350
    shutil.rmtree(events.root / ".tagship")
    assert validated(events) == grown


def test_a_file_that_is_written_again_is_read_again(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = validated(events)
    write_file(events, 2, event_table().iloc[100:150])
    with counted_reads(monkeypatch) as reads:
        assert validated(events) == first
    assert len(reads) == 3
    write_file(events, 2, event_table().iloc[100:150].assign(visits=1))
    assert validated(events)["data_sha256"] != first["data_sha256"]


def test_another_contract_reads_everything_again(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated(events)
    events.edit("data", "max: 50", "max: 60")
    with counted_reads(monkeypatch) as reads:
        validated(events)
    assert len(reads) == ALL
    kept = events.root / ".tagship/cache/tallies/tiny"
    assert len(list(kept.glob("*.npz"))) == ALL
    for path in kept.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:100])
    with counted_reads(monkeypatch) as reads:
        validated(events)
    assert len(reads) == ALL


def broken_cell(column: str, value: object, *rows: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        values = table[column].astype(object)
        values.iloc[list(rows)] = value
        text = isinstance(value, str)
        return table.assign(**{column: values.astype(str) if text else values})

    return change


@pytest.mark.parametrize(
    "change",
    [
        broken_cell("age", 17.0, 3, 130, 299),
        broken_cell("visits", "many", 77, 290),
        broken_cell("visits", None, 5, 6, 250),
        broken_cell("age", None, *range(40, 190)),
        broken_cell("plan", "gold", 12, 222),
        broken_cell("visitor", "v00004", 4, 288, 289),
        broken_cell("visitor", None, 70),
        broken_cell("bought", None, 71),
        lambda table: table.assign(bought="yes"),
        lambda table: table.assign(bought=None),
        lambda table: table.assign(bought=np.where(table.index < 9, "perhaps", table["bought"])),
        lambda table: table.assign(visits=np.arange(300) % 7 + 20_000_000),
        lambda table: table.assign(zip=1).drop(columns="plan"),
        lambda table: table.head(0),
    ],
)
def test_what_breaks_is_that_of_the_whole_table(
    events: Project, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    events.edit("data", "visits: {dtype: int, min: 0, max: 50}", "visits: {dtype: int}")
    table = change(event_table())
    report = events.path("reports/tiny-contract.json")

    def said() -> tuple[str, list[dict[str, object]]]:
        ran = events.tagship("validate", "tiny")
        assert ran.code == 1, ran
        broken = json.loads(report.read_text()) if report.is_file() else []
        report.unlink(missing_ok=True)
        return ran.err, sorted(broken, key=lambda each: (each["column"], each["rule"]))

    read_files(events, "data/one.parquet")
    table.assign(year=2023).to_parquet(events.root / "data/one.parquet", index=False)
    alone, of_table = said()
    read_files(events)
    if len(table):
        write_files(events, table)
    else:
        for file in range(6):
            write_file(events, file, table)
    together, of_files = said()
    for each in of_table:  # an id is known by its hash alone
        each["examples"] = [] if each["rule"] == "id is unique" else each["examples"]
    assert of_files == of_table
    assert of_files or ("has no rows" in alone and "has no rows" in together)


def test_a_broken_row_is_named_with_its_file(events: Project) -> None:
    write_files(events, broken_cell("age", 17.0, 130, 299)(event_table()))
    read_files(events, more="sample: {rows: 60}\n")
    for command in ("validate", "train"):
        events.refused(
            command, "tiny",
            says=("between 18 and 100  2", "131, 300", f"row 131 is in {place_of(2)}"),
        )  # fmt: skip


def test_a_sample_is_drawn_from_all_and_locked(events: Project) -> None:
    read_files(events, more="sample: {rows: 120}\n")
    data = locked(events)
    assert (data.rows, data.identity["rows"], data.identity["sample"]) == (120, "300", "120")
    assert data.sha256 != data.identity["sha256"]
    assert events.tagship("lock", "verify", "tiny").code == 0
    years = check_table(events.files, read_raw(events.files)).frame["year"]
    assert set(years) == {2023, 2024, 2025}
    assert years.is_monotonic_increasing
    read_files(events, more="sample: {rows: 5000}\n")
    assert locked(events).identity["sample"] == "300"


def test_a_sample_is_the_same_by_blocks_of_any_size(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_files(events, more="sample: {rows: 120, seed: 3}\n")
    drawn = read_raw(events.files).frame
    write_files(events, event_table(), group=7)
    assert read_raw(events.files).frame.equals(drawn)
    monkeypatch.setattr(dataset.DataSet.blocks, "__defaults__", (11,))
    assert read_raw(events.files).frame.equals(drawn)
    read_files(events, more="sample: {rows: 120, seed: 4}\n")
    assert not read_raw(events.files).frame.equals(drawn)


def test_an_appended_file_adds_to_a_sample_and_moves_nothing(events: Project) -> None:
    read_files(events, more="sample: {rows: 120}\n")
    before = set(read_raw(events.files).frame["visitor"])
    write_file(events, 6, event_table(350).tail(50))
    after = set(read_raw(events.files).frame["visitor"])
    new = {f"v{number:05d}" for number in range(300, 350)}
    assert after - before <= new
    assert 5 < len(after & new) < 35


def test_the_gate_s_rows_are_those_of_the_training(events: Project) -> None:
    read_files(events, more="sample: {rows: 200}\n")
    events.relock()
    rows = holdout_rows(events.files, load_bundle(events.files))
    known = event_table().set_index("visitor").loc[rows["visitor"]].reset_index()
    assert len(rows) == 40
    assert rows[["age", "visits", "plan"]].equals(known[["age", "visits", "plan"]])


def test_rows_without_a_target_are_left_out_and_counted(events: Project) -> None:
    events.edit("data", 'positive: "yes"', 'positive: "yes", missing: drop')
    write_files(events, broken_cell("bought", None, 5, 130, 131)(event_table()))
    ran = events.tagship("train", "tiny")
    assert "3 of 300 rows have no target and are left out" in ran.out
    assert "297 rows, 3 features" in ran.out
    again = events.tagship("validate", "tiny")
    assert "3 of 300 rows have no target" in again.err


def test_rare_classes_are_those_of_what_is_trained_on(events: Project) -> None:
    events.edit("data", 'positive: "yes"', 'positive: "yes", rare: {below: 10, into: drop}')
    write_files(events, broken_cell("bought", "perhaps", 5, 130, 131)(event_table()))
    ran = events.tagship("train", "tiny")
    assert "3 rows of rare classes are left out: perhaps (3)" in ran.out
    assert "297 rows, 3 features" in ran.out


LATE = "window: {time: seen, last: 8d, until: newest, watermark: 24h}\n"


def test_a_window_reads_the_files_that_are_in_it(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_files(events, more=LATE)
    with counted_reads(monkeypatch) as reads:
        ran = events.tagship("train", "tiny")
    assert "192 rows are of the 8d before 2026-01-12T11:00:00.000001Z" in ran.out
    assert sum(columns != ("seen",) for _, columns in reads) == 13
    data = locked(events)
    assert data.identity | {"sha256": ""} == {
        "files": "5", "rows": "192", "sha256": "", "until": "2026-01-12T11:00:00.000001Z",
    }  # fmt: skip


def test_new_files_leave_a_window_s_lock_true_and_late_rows_do_not(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_files(events, more=LATE)
    events.relock()
    newer = event_table(350).tail(50)
    write_file(events, 6, newer)
    assert events.tagship("lock", "verify", "tiny").code == 0
    validated(events)
    with counted_reads(monkeypatch) as reads:
        validated(events)
    assert {columns for _, columns in reads} == {("seen",)}
    late = newer.assign(seen=pd.Timestamp("2026-01-10"), visitor=newer["visitor"] + "x")
    write_file(events, 7, late)
    events.refused("lock", "verify", "tiny", says=("it changed since the lock", "rows 192 → 242"))


def test_a_window_without_rows_is_refused(events: Project) -> None:
    read_files(events, more="window: {time: seen, last: 4d, until: now}\n")
    events.refused("train", "tiny", says=("window: none of 0 rows is of the 4d before",))


def test_a_single_file_is_a_set_where_rows_are_chosen(events: Project) -> None:
    event_table().to_parquet(events.root / "data/one.parquet", index=False)
    events.edit("data", "  year: {dtype: int, feature: false}\n", "")
    read_files(events, "data/one.parquet", more="sample: {rows: 100}\n")
    assert locked(events).identity["files"] == "1"
    read_files(events, "data/one.parquet", select="{plan: [free, pro]}")
    assert 150 < locked(events).rows < 250
    read_files(events, "data/one.parquet")
    assert locked(events).identity == {}


def test_files_that_do_not_say_when_they_changed_are_read_each_time(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = validated(events)
    fsspec.filesystem("memory").put(str(events.root / FOLDER), "/events", recursive=True)
    for path in ("memory://events", "memory://events/*/part-*"):
        read_files(events, path)
        for _ in range(2):
            with counted_reads(monkeypatch) as reads:
                assert validated(events) == local
            assert len(reads) == ALL


def test_a_read_only_project_is_validated_all_the_same(events: Project) -> None:
    (events.root / ".tagship").mkdir()
    (events.root / ".tagship/cache").write_text("in the way")
    assert validated(events)["rows"] == 300


def test_no_more_than_a_block_is_held_while_validating(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("all rows are put together")

    monkeypatch.setattr("tagship.data.sampling.DrawnRows.add", refuse)
    assert validated(events)["rows"] == 300
