"""``tagship predict`` of a data set: one output, as of one file of all its rows."""

from pathlib import Path

import pandas as pd
import pytest

from event_files import FOLDER, event_table, place_of, write_file, write_files
from projects import Project
from tagship.sources.listing import Listing


@pytest.fixture
def built(run_project: Project) -> Project:
    """The project after a run, with files that it was not trained on."""
    write_files(run_project, event_table().drop(columns="seen"))
    run_project.edit("data", "columns:\n", "extra: ignore\ncolumns:\n")
    return run_project


def predicted(project: Project, table: str, output: str = "out.csv") -> bytes:
    ran = project.tagship("predict", "tiny", "--input", table, "--output", output)
    assert ran.code == 0, ran
    return (project.root / output).read_bytes()


@pytest.mark.parametrize("given", [FOLDER, f"{FOLDER}/*/part-*.parquet", "url"])
def test_the_output_is_that_of_one_file(built: Project, given: str) -> None:
    event_table().drop(columns="seen").to_parquet(built.root / "one.parquet", index=False)
    given = (built.root / FOLDER).as_uri() if given == "url" else given
    assert predicted(built, given) == predicted(built, "one.parquet", "other.csv")
    rows = pd.read_csv(built.root / "out.csv")["row"]
    assert rows.tolist() == list(range(1, 301))


def test_rejected_rows_count_through_the_files(built: Project) -> None:
    table = event_table().drop(columns="seen")
    table.loc[[7, 260], "visits"] = 99
    write_files(built, table)
    predicted(built, FOLDER)
    assert pd.read_csv(built.root / "out.rejected.csv")["row"].tolist() == [8, 261]


def test_a_folder_s_name_is_a_column_of_the_model(built: Project) -> None:
    (built.root / "data/plans/plan=pro").mkdir(parents=True)
    table = event_table().drop(columns="seen").assign(plan="pro")
    table.drop(columns="plan").to_parquet(built.root / "data/plans/plan=pro/part.parquet")
    table.to_parquet(built.root / "one.parquet")
    assert predicted(built, "data/plans") == predicted(built, "one.parquet", "other.csv")


def refused(project: Project, *says: str, output: str = "out.csv", given: str = FOLDER) -> None:
    ran = project.tagship("predict", "tiny", "--input", given, "--output", output)
    ran.must_refuse(says)
    assert not (project.root / output).exists()
    assert project.leftovers() == []


def test_an_output_among_the_input_is_refused(built: Project) -> None:
    refused(built, "would be a file of the input", output=f"{FOLDER}/out.parquet")


def test_a_file_of_another_schema_is_named_and_nothing_written(built: Project) -> None:
    write_file(built, 4, event_table().iloc[200:250].astype({"visits": "float64"}))
    refused(built, "--input", f"{place_of(4)}: the column 'visits' is double, and int64 in")


def test_a_damaged_file_is_named_and_nothing_written(built: Project) -> None:
    (built.root / FOLDER / place_of(4)).write_bytes(b"PAR1")
    refused(built, "--input", f"{place_of(4)}: cannot be read")


def test_a_column_that_no_file_has_is_refused(built: Project) -> None:
    write_files(built, event_table().drop(columns="plan"))
    refused(built, "has no column 'plan'")


def test_a_glob_without_files_is_refused(built: Project) -> None:
    refused(built, "--input", "no Parquet file is there", given=f"{FOLDER}/*.csv")


def test_files_that_change_meanwhile_are_refused(
    built: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Listing.check_unchanged

    def late(self: Listing) -> None:
        table = event_table().head(5)
        table.to_parquet(Path(self.folder) / "year=2023/part-7.parquet")
        check(self)

    monkeypatch.setattr(Listing, "check_unchanged", late)
    refused(built, "year=2023/part-7.parquet: was added while it was read")
