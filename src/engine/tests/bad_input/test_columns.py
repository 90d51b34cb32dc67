"""Columns and cells that break the contract: every one is named with its rule and rows."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from projects import Project, make_table


def _cell(column: str, value: object) -> Callable[[pd.DataFrame], None]:
    def change(frame: pd.DataFrame) -> None:
        frame[column] = frame[column].astype(object)
        frame.loc[4, column] = value

    return change


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (_cell("age", "old"), "age     a number  1      'old'     5"),
        (_cell("age", "2024-01-02"), "age     a number  1      '2024-01-02'"),
        (_cell("age", "inf"), "age     between 18 and 100  1"),
        (_cell("age", "-Infinity"), "age     between 18 and 100  1"),
        (_cell("age", "1e400"), "age     between 18 and 100  1"),
        (_cell("age", 17), "age     between 18 and 100  1"),
        (_cell("age", 101), "age     between 18 and 100  1"),
        (_cell("visits", 2.5), "visits  a whole number  1      2.5       5"),
        (_cell("visits", ""), "visits  missing values  1                5"),
        (_cell("plan", "gold"), "plan    one of free, plus, pro  1      'gold'    5"),
        (
            lambda f: f.assign(plan=[f"p{n}" for n in range(len(f))]),
            "plan    one of free, plus, pro  300",
        ),
        (lambda f: f.assign(age=""), "age     missing at most 20.00%  300"),
        (lambda f: f.assign(zip=1), "zip     not in the contract"),
        (lambda f: f.drop(columns="plan"), "plan    column is missing"),
        (_cell("visitor", "v00000"), "visitor  id is unique  2      'v00000'  1, 5"),
        (_cell("visitor", ""), "visitor  id is missing  1                5"),
        (lambda f: f.head(20), "(table)  at least 50 rows  20"),
    ],
)
def test_a_broken_rule_is_shown_with_its_column_count_and_rows(
    run_project: Project, change: Callable[[pd.DataFrame], Any], row: str
) -> None:
    run_project.rewrite_table(change)
    run_project.refused(
        "train", "tiny", says=("the data breaks its contract", row, "config/tiny/data.yaml")
    )


def test_a_number_beyond_float32_is_refused_where_no_range_does(run_project: Project) -> None:
    run_project.edit("data", "min: 18, max: 100", "min: 18")
    run_project.rewrite_table(_cell("age", "1e39"))
    run_project.refused(
        "train", "tiny", says="age     between 18 and 3.40282e+38  1      1e+39     5"
    )


def test_all_failures_come_at_once_and_as_json(run_project: Project) -> None:
    def change(frame: pd.DataFrame) -> None:
        _cell("age", "old")(frame)
        _cell("plan", "gold")(frame)

    run_project.rewrite_table(change)
    run_project.refused("validate", "tiny", says=("2 places", "reports/tiny-contract.json"))
    failures = json.loads(run_project.path("reports/tiny-contract.json").read_text())
    assert [(f["column"], f["rule"], f["count"], f["rows"]) for f in failures] == [
        ("age", "a number", 1, [5]),
        ("plan", "one of free, plus, pro", 1, [5]),
    ]


def test_a_text_that_is_no_number_is_not_called_missing_too(run_project: Project) -> None:
    run_project.edit("data", ", missing: 0.2", "")
    run_project.rewrite_table(lambda frame: frame.assign(age="45,5"))
    message = run_project.refused("train", "tiny", says=("a number", "'45,5'"))
    assert "missing values" not in message


@pytest.mark.parametrize("date", ["02/31/2024", "2024-02-30", "tomorrow"])
def test_a_date_that_is_none_is_shown(run_project: Project, date: str) -> None:
    dates = ["2024-01-02"] * 299 + [date]
    run_project.edit(
        "data",
        "age: {dtype: float, min: 18, max: 100, missing: 0.2}",
        "age: {dtype: datetime, feature: false}",
    )
    run_project.rewrite_table(lambda frame: frame.assign(age=dates))
    run_project.refused("train", "tiny", says=("an ISO 8601 date", repr(date), "300"))


def test_mixed_types_in_json_are_shown_each(run_project: Project) -> None:
    records = make_table().to_dict("records")
    records[3]["age"] = "old"
    for row, value in ((6, 7), (7, True)):
        records[row]["plan"] = value
    run_project.write("data/t.json", json.dumps(records).replace("NaN", "null"))
    run_project.edit("data", "kind: csv, path: data/tiny.csv", "kind: json, path: data/t.json")
    run_project.refused("train", "tiny", says=("'old'", "4", "7, True", "7, 8"))


@pytest.mark.parametrize("value", [pd.Timestamp("2024-01-01"), pd.Timedelta("1D")])
def test_a_parquet_column_of_another_type_is_no_number(run_project: Project, value: object) -> None:
    frame = make_table()
    frame["visits"] = [value] * len(frame)
    frame.to_parquet(run_project.path("data/t.parquet"))
    run_project.edit("data", "{dtype: int, min: 0, max: 50}", "{dtype: float}")
    run_project.edit(
        "data", "kind: csv, path: data/tiny.csv", "kind: parquet, path: data/t.parquet"
    )
    run_project.refused("train", "tiny", says=("visits  a number  300", "1, 2, 3"))


def test_two_columns_of_one_name_are_refused(run_project: Project) -> None:
    run_project.edit("data/tiny.csv", "visits,plan,bought", "visits,visits,bought")
    run_project.refused("train", "tiny", says=("two columns are named 'visits'", "rename one"))


def test_a_column_without_name_is_refused(run_project: Project) -> None:
    run_project.write("data/tiny.csv", make_table().to_csv(index=True))
    run_project.refused("train", "tiny", says=("unnamed", "not in the contract"))
    run_project.write(
        "data/tiny.csv", make_table().rename(columns={"plan": ""}).to_csv(index=False)
    )
    run_project.refused("train", "tiny", says=("column 4 has no name", "index written by accident"))


@pytest.mark.slow
def test_columns_with_commas_quotes_and_other_alphabets_work_to_the_bento(
    project: Project,
) -> None:
    names = {
        "age": "age, in years",
        "visits": '来店 "回数"',
        "plan": "Tarif/für: Ü",
        "bought": "ja?",
    }
    project.rewrite_table(lambda frame: frame.rename(columns=names))
    project.edit("data", "age:", '"age, in years":')
    project.edit("data", "visits:", "'来店 \"回数\"':")
    project.edit("data", "plan:", '"Tarif/für: Ü":')
    project.edit("data", "bought", '"ja?"')
    slices = 'slices: {by: ["Tarif/für: Ü"], metric: accuracy, fail_below: 0.1, min_rows: 5}\n'
    project.edit("thresholds", "parity:", slices + "parity:")
    ran = project.tagship("run", "tiny")
    assert ran.code == 0, ran.err
    boundary = next(project.root.glob(".tagship/bentoml/bentos/tiny/*/src/artifact/boundary.json"))
    fields = json.loads(boundary.read_text(encoding="utf-8"))["fields"]
    assert [field["name"] for field in fields] == [names[key] for key in ("age", "visits", "plan")]
    verified = project.tagship("lock", "verify", "tiny")
    assert "identical" in verified.out
