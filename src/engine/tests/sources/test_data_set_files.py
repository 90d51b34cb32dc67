"""The files of a data set: which belong to it, which rows are selected, and what is refused."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
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
from tagship.data.table import load_table, read_raw
from tagship.sources.dataset import DataSet


@pytest.fixture
def events(project: Project) -> Project:
    project.edit("data", "rows: {min: 50}", "rows: {min: 5}")
    return make_events(project)


def rows_of(project: Project) -> pd.DataFrame:
    return read_raw(project.files).frame


def test_hidden_files_and_those_of_other_programs_are_no_part_of_it(events: Project) -> None:
    before = rows_of(events)
    for name in ("_SUCCESS", "_metadata", ".part-0.parquet.crc", "part-0.crc", "_old/part.parquet"):
        path = events.root / FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("no Parquet")
    (events.root / FOLDER / "year=2023/.hidden.parquet").write_text("no Parquet")
    assert rows_of(events).equals(before)


def test_rows_stand_in_the_order_of_their_files_paths(events: Project) -> None:
    assert rows_of(events)["visitor"].tolist() == event_table()["visitor"].tolist()
    assert rows_of(events)["year"].tolist() == [2023] * 100 + [2024] * 100 + [2025] * 100


@pytest.mark.parametrize(
    ("folders", "values"),
    [
        (("zone=01", "zone=2"), ["1", "2"]),
        (("zone=a%20b", "zone=02"), ["a b", "02"]),
        (("zone=__HIVE_DEFAULT_PARTITION__", "zone=2"), [None, "2"]),
        (("zone=99999999999999999999", "zone=2"), ["99999999999999999999", "2"]),
    ],
)
def test_a_folder_s_name_is_a_column(
    events: Project, folders: tuple[str, str], values: list[str | None]
) -> None:
    for folder in folders:
        path = events.root / "data/zones" / folder / "part.parquet"
        path.parent.mkdir(parents=True)
        event_table(100).to_parquet(path)
    events.edit("data", "year: {dtype: int", "zone: {dtype: string, missing: 0.5")
    read_files(events, "data/zones")
    events.edit("data", "id: visitor\n", "")
    events.edit("data", "columns:\n", "columns:\n  visitor: {dtype: string, feature: false}\n")
    zones = load_table(events.files).frame["zone"].unique()
    assert {None if pd.isna(zone) else zone for zone in zones} == set(values)


@pytest.mark.parametrize(
    ("select", "keeps"),
    [
        ("{year: 2024}", lambda t: t["year"] == 2024),
        ("{year: [2023, 2025]}", lambda t: t["year"] != 2024),
        ("{year: {from: 2024}, plan: pro}", lambda t: (t["year"] > 2023) & (t["plan"] == "pro")),
        ("{visits: {from: 5, to: 9}}", lambda t: t["visits"].between(5, 9)),
        ("{plan: [free, plus], age: {to: 40.5}}", lambda t: (t["plan"] != "pro") & (t["age"] < 41)),
        ("{seen: {from: 2026-01-03}}", lambda t: t["seen"] >= "2026-01-03"),
        (
            "{seen: {to: '2026-01-03T02:00:00+02:00'}}",
            lambda t: t["seen"] <= pd.Timestamp("2026-01-03"),
        ),
    ],
)
def test_rows_are_selected_by_value_list_and_range(
    events: Project, select: str, keeps: Callable[[pd.DataFrame], pd.Series]
) -> None:
    table = rows_of(events)
    read_files(events, select=select)
    selected = rows_of(events)
    expected = table[keeps(table) & (table["age"].notna() | ("age" not in select))]
    expected = expected[expected["age"] <= 40.5] if "age" in select else expected
    assert selected.equals(expected.reset_index(drop=True))


def test_files_and_row_groups_that_are_not_selected_are_not_read(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (events.root / FOLDER / place_of(0)).write_text("damaged")
    read_files(events, select="{year: [2024, 2025], seen: {to: 2026-01-06}}")
    with counted_reads(monkeypatch) as reads:
        assert len(rows_of(events)) == 21
    assert [number for number, _ in reads] == [0, 1]


def test_a_column_of_the_selection_need_not_be_declared(events: Project) -> None:
    events.edit("data", "  year: {dtype: int, feature: false}\n", "")
    events.refused("validate", "tiny", says="year    not in the contract")
    read_files(events, select="{year: 2024}")
    assert "100 rows, 6 columns" in events.tagship("validate", "tiny").out


def test_columns_that_are_declared_nowhere_are_not_read(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(events, event_table().assign(secret="x", tags=[["a"]] * 300))
    events.refused("validate", "tiny", says=("secret  not in the contract", "tags    not in"))
    events.edit("data", "columns:\n", "extra: ignore\ncolumns:\n")
    with counted_reads(monkeypatch) as reads:
        assert events.tagship("validate", "tiny").code == 0
    assert {columns for _, columns in reads} == {
        ("age", "bought", "plan", "seen", "visitor", "visits")
    }


def test_an_index_that_pandas_keeps_is_no_column(events: Project) -> None:
    table = event_table().sample(frac=1, random_state=1)
    for file in range(6):
        path = events.root / FOLDER / place_of(file)
        table.iloc[50 * file : 50 * file + 50].to_parquet(path)
    assert "__index_level_0__" in pq.read_schema(path).names
    assert "300 rows" in events.tagship("validate", "tiny").out


def test_a_column_may_be_a_dictionary_in_one_file_and_empty_in_another(events: Project) -> None:
    before = rows_of(events)
    table = event_table().iloc[50:100].astype({"plan": "category"})
    write_file(events, 1, table.assign(age=None))
    assert pq.read_schema(events.root / FOLDER / place_of(1)).field("age").type == pa.null()
    now = rows_of(events)
    assert now["plan"].equals(before["plan"])
    assert now["age"][50:100].isna().all()
    assert now["age"].drop(range(50, 100)).equals(before["age"].drop(range(50, 100)))


def damaged(project: Project) -> None:
    path = project.root / FOLDER / place_of(3)
    path.write_bytes(path.read_bytes()[:-30])


def damaged_inside(project: Project) -> None:
    path = project.root / FOLDER / place_of(3)
    content = bytearray(path.read_bytes())
    content[4:2000] = os.urandom(1996)
    path.write_bytes(content)


def empty(project: Project) -> None:
    (project.root / FOLDER / place_of(3)).write_bytes(b"")


def linked(project: Project) -> None:
    (project.root / FOLDER / "year=2026").symlink_to(project.root / FOLDER / "year=2025")


def rewritten(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Project], None]:
    return lambda project: write_file(project, 3, change(event_table().iloc[150:200]))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (damaged, (place_of(3), "cannot be read: ", "take it out")),
        (damaged_inside, (place_of(3), "cannot be read: ")),
        (empty, (place_of(3), "cannot be read: ", "0 bytes")),
        (linked, ("year=2026: is no file, or a link to none",)),
        (
            rewritten(lambda table: table.astype({"visits": "float64"})),
            (f"{place_of(3)}: the column 'visits' is double, and int64 in {place_of(0)}",),
        ),
        (
            rewritten(lambda table: table.drop(columns="plan")),
            (f"{place_of(3)}: the column 'plan' is not there, and", f"in {place_of(0)}"),
        ),
        (
            rewritten(lambda table: table.assign(plan=[["free"]] * 50)),
            (f"{place_of(3)}: the column 'plan' is list<element: string>, and",),
        ),
        (
            rewritten(lambda table: table.assign(year=2024)),
            (place_of(3), "two columns are named 'year'"),
        ),
    ],
)
def test_a_file_that_does_not_belong_is_named(
    events: Project, spoil: Callable[[Project], None], says: tuple[str, ...]
) -> None:
    spoil(events)
    events.refused("validate", "tiny", says=(*says, "config/tiny/data.yaml", FOLDER))


@pytest.mark.parametrize(
    ("path", "select", "says"),
    [
        ("data/nothing", "", "no such file"),
        ("data/nothing", "{year: 2024}", "no Parquet file is there"),
        ("data/hollow", "", "no Parquet file is there"),
        ("data/events/*/day-*.parquet", "", "no Parquet file is there"),
        ("file:///nowhere/at/all", "", "no Parquet file is there"),
        (FOLDER, "{year: 1999}", "`select` leaves no file"),
        (FOLDER, "{visits: 99}", "has no rows"),
        (FOLDER, "{yeer: 2024}", "there is no column 'yeer'"),
        (FOLDER, "{year: soon}", "source.select.year: 'soon' is no int64"),
        (FOLDER, "{seen: {from: 2026}}", "source.select.seen: 2026 is no timestamp"),
        (FOLDER, "{year: {}}", "say `from`, `to`, or both"),
        (FOLDER, "{year: []}", "source.select.year"),
    ],
)
def test_what_names_no_rows_is_refused(events: Project, path: str, select: str, says: str) -> None:
    (events.root / "data/hollow").mkdir()
    read_files(events, path, select)
    events.refused("validate", "tiny", says=says)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: parquet", "kind: csv", ("select",)),
        ("kind: parquet", "kind: arrow", ("`select` belongs to parquet, not arrow",)),
        ("select: {year: 2024}", f"sha256: '{'0' * 64}'", ("`sha256` is of a file",)),
    ],
)
def test_keys_that_do_not_fit_are_refused(
    events: Project, old: str, new: str, says: tuple[str, ...]
) -> None:
    read_files(events, select="{year: 2024}")
    events.edit("data", old, new)
    events.refused("validate", "tiny", says=says)


def test_a_sample_of_another_kind_is_refused(project: Project) -> None:
    project.edit("data", "columns:\n", "sample: {rows: 100}\ncolumns:\n")
    project.refused("validate", "tiny", says=("sample: rows are drawn from a data set of Parquet",))


def added(folder: Path) -> None:
    event_table().head(9).to_parquet(folder / "year=2023/part-9.parquet")


def written_again(folder: Path) -> None:
    event_table().head(49).to_parquet(folder / place_of(5))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (added, "year=2023/part-9.parquet: was added while it was read"),
        (written_again, f"{place_of(5)}: was rewritten while it was read"),
        (lambda folder: (folder / place_of(5)).unlink(), f"{place_of(5)}: was removed while it"),
    ],
)
def test_files_that_change_while_they_are_read_are_refused(
    events: Project,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], object],
    says: str,
) -> None:
    read = DataSet.blocks

    def changing(self: DataSet, *given: object) -> object:
        with monkeypatch.context() as patch:
            patch.setattr(DataSet, "blocks", read)
            change(events.root / FOLDER)
        monkeypatch.setattr(DataSet, "blocks", read)
        return read(self, *given)

    monkeypatch.setattr(DataSet, "blocks", changing)
    events.refused("train", "tiny", says=(says, "run this again when nothing writes there"))


def test_a_password_in_an_address_is_not_shown(events: Project) -> None:
    read_files(events, "ftp://reader:secret@127.0.0.1:9/events/")
    ran = events.tagship("validate", "tiny")
    ran.must_refuse(("ftp://reader:…@127.0.0.1:9/events/", "cannot be read"))
    assert "secret" not in ran.out + ran.err
