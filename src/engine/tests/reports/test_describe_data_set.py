"""A data set is described as one table is; of very many rows a part is estimated, and said so."""

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from event_files import FOLDER, event_table, make_events, place_of, read_files, write_files
from projects import Project
from tagship.reports import describe_model as described
from tagship.reports.describe_model import describe_model
from tagship.reports.describe_text import description_text
from tagship.reports.description import Description


@pytest.fixture
def events(project: Project) -> Project:
    return make_events(project)


def of_one_file(project: Project, table: pd.DataFrame) -> Description:
    year = [2023 + row // 100 for row in range(len(table))]
    table.assign(year=year).to_parquet(project.root / "one.parquet", index=False)
    read_files(project, "one.parquet")
    description = describe_model(project.files)
    read_files(project)
    return description


def by_name(description: Description) -> dict[str, Any]:
    return {column.name: replace(column, stored="") for column in description.columns}


def pairs(description: Description) -> dict[frozenset[str], float]:
    return {frozenset((p.left, p.right)): round(p.value, 9) for p in description.correlations}


def test_a_data_set_is_described_as_its_table(events: Project) -> None:
    table = event_table().astype({"plan": "object"})
    table.loc[7, "plan"] = "gold"
    write_files(events, table)
    one, many = of_one_file(events, table), describe_model(events.files)
    assert by_name(many) == by_name(one)
    assert set(many.failures) == set(one.failures)
    assert (many.rows, many.duplicate_rows, many.drawn) == (300, one.duplicate_rows, None)
    assert pairs(many) == pairs(one)


def test_what_adds_up_is_exact_where_the_rest_is_drawn(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = by_name(of_one_file(events, event_table()))
    monkeypatch.setattr(described, "MOST_ROWS", 100)
    description = describe_model(events.files)
    assert (description.rows, description.drawn) == (300, 100)
    for column in description.columns:
        exact = one[column.name]
        assert (column.missing, column.unreadable) == (exact.missing, exact.unreadable)
        assert column.period == exact.period
        if column.numbers is not None:
            assert column.numbers.mean == pytest.approx(exact.numbers.mean, rel=1e-12)
            assert (column.numbers.min, column.numbers.max, column.numbers.zeros) == (
                exact.numbers.min, exact.numbers.max, exact.numbers.zeros,
            )  # fmt: skip
        if column.kind == "category":
            counts = [(top.value, top.count) for top in column.top]
            assert counts == [(top.value, top.count) for top in exact.top]
    assert "of 100 rows, drawn evenly: quantiles, outliers, " in description_text(description)


def test_the_page_and_the_answer_say_it_too(
    events: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(described, "MOST_ROWS", 100)
    answer = json.loads(events.tagship("describe", "tiny", "--json").out)
    assert (answer["rows"], answer["drawn"]) == (300, 100)
    assert events.tagship("describe", "tiny", "--html").code == 0
    assert "Of 100 rows, drawn evenly" in events.path("reports/tiny-data.html").read_text()


def test_a_damaged_file_is_named(events: Project) -> None:
    (events.root / FOLDER / place_of(2)).write_bytes(b"PAR1")
    events.refused("describe", "tiny", says=(place_of(2), "cannot be read"))
