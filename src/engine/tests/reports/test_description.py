"""A description says what pandas says, of broken tables too, and keeps personal data to itself."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from html_pages import Page, assert_self_contained
from report_models import HOSTILE, HOSTILE_LABEL, table, write_project

from tagship.config.contract import Column
from tagship.config.project_files import ModelFiles
from tagship.reports.column_statistics import correlation_ratio, cramers_v, pearson
from tagship.reports.describe import describe_frame
from tagship.reports.describe_html import correlation_matrix, description_html
from tagship.reports.describe_model import describe_model
from tagship.reports.describe_text import WIDTH, description_text, sparkline, terminal_columns
from tagship.reports.description import ColumnDescription, Description


def column(description: Description, name: str) -> ColumnDescription:
    return next(column for column in description.columns if column.name == name)


@pytest.fixture
def description(binary_files: ModelFiles) -> Description:
    return describe_model(binary_files)


def test_numbers_equal_pandas(description: Description) -> None:
    frame = table()
    assert description.rows == len(frame)
    for name in ("age", HOSTILE):
        expected, numbers = frame[name].describe(), column(description, name).numbers
        assert numbers is not None
        keys = ("mean", "std", "min", "25%", "50%", "75%", "max")
        ours = (numbers.mean, numbers.std, numbers.min, numbers.q25, numbers.median)
        assert [*ours, numbers.q75, numbers.max] == pytest.approx([expected[k] for k in keys])
        spread = expected["75%"] - expected["25%"]
        outside = (frame[name] > expected["75%"] + 1.5 * spread) | (
            frame[name] < expected["25%"] - 1.5 * spread
        )
        assert numbers.outliers == int(outside.sum())
        assert column(description, name).missing == int(frame[name].isna().sum())
        histogram = numbers.histogram
        assert sum(histogram.counts) + histogram.beyond == int(frame[name].notna().sum())


def test_categories_balance_and_outcomes_equal_pandas(description: Description) -> None:
    frame = table()
    counts = frame["region"].value_counts()
    shares = (frame["bought"] == "yes").groupby(frame["region"]).mean()
    for top in column(description, "region").top:
        assert top.count == counts[top.value]
        assert top.outcome == pytest.approx(shares[top.value])
    balance = {top.value: top.count for top in column(description, "bought").top}
    assert balance == frame["bought"].value_counts().to_dict()


def test_correlations_equal_pandas(description: Description) -> None:
    frame = table()[["age", HOSTILE, "member"]].astype(float).corr()
    assert len(description.correlations) == 3
    for pair in description.correlations:
        assert pair.value == pytest.approx(frame.loc[pair.left, pair.right])


def test_the_correlation_matrix_holds_each_pair_once(description: Description) -> None:
    names, rows = correlation_matrix(description)
    values = {(pair.left, pair.right): pair.value for pair in description.correlations}
    assert names == list(description.correlated)
    assert [value for row in rows for value in row] == [
        values[left, name] for at, name in enumerate(names) for left in names[:at]
    ]


def test_associations_equal_their_definitions() -> None:
    from scipy.stats.contingency import association

    draw = np.random.default_rng(0)
    x, g = draw.normal(size=500), draw.integers(0, 3, 500)
    y, h = x + g + draw.normal(size=500), (g + draw.integers(0, 2, 500)) % 4
    frame = pd.DataFrame({"x": x, "y": y, "g": g, "h": h, "constant": 1.0})
    assert pearson(frame["x"], frame["y"]) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert cramers_v(frame["g"], frame["h"]) == pytest.approx(association(pd.crosstab(g, h)))
    between = frame.groupby("g")["y"].transform("mean").var() / frame["y"].var()
    assert correlation_ratio(frame["g"], frame["y"]) == pytest.approx(np.sqrt(between))
    assert np.isnan(pearson(frame["x"], frame["constant"]))
    assert np.isnan(correlation_ratio(frame["g"], frame["constant"]))
    assert np.isnan(cramers_v(frame["g"], frame["constant"]))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_task_finds_the_column_that_matters(task: str, tmp_path) -> None:
    description = describe_model(write_project(tmp_path, task, table()))
    strengths = {c.name: abs(c.association.value) for c in description.columns if c.association}
    assert max(strengths, key=strengths.__getitem__) == "age"
    assert "customer" not in strengths
    assert not description.failures
    assert_self_contained(description_html(description))
    assert description_text(description)


def test_personal_data_appears_nowhere(description: Description) -> None:
    assert description.personal == ("email",)
    for text in (
        json.dumps(asdict(description)),
        description_text(description),
        description_html(description),
    ):
        assert "secret.example" not in text
        assert "c0001" not in text


def test_hashedterminal_columns_need_no_key_and_show_no_digest(
    binary_files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = binary_files.data.columns["email"].model_copy(update={"pii": "hash"})
    columns = {**binary_files.data.columns, "email": email}
    data = binary_files.data.model_copy(update={"columns": columns})
    files = ModelFiles(binary_files.root, "shop", data, binary_files.model, binary_files.thresholds)
    monkeypatch.delenv("TAGSHIP_PII_KEY", raising=False)
    hashed = column(describe_model(files), "email")
    assert (hashed.role, hashed.distinct, hashed.top) == ("personal, hashed", 600, ())


def broken() -> pd.DataFrame:
    frame = table().drop(columns=["grade", "amount", "member"])
    frame["age"] = frame["age"].astype(object)
    frame.loc[30, "age"] = "forty\x1b[31m"
    frame.loc[31, HOSTILE] = np.inf
    frame.loc[40:500, "region"] = None
    frame.loc[501, "region"] = "<script>alert('value')</script>\x1b[2J"
    frame.loc[5, "bought"] = None
    frame["phone"] = [f"+49 {n}" for n in range(len(frame))]
    frame["salary"] = np.arange(len(frame)) * 1.5 + 73211
    frame["nested"] = [[1, 2]] * len(frame)
    frame["constant"] = 7
    return frame


def test_a_table_that_breaks_its_contract_is_described_with_where(
    binary_files: ModelFiles,
) -> None:
    description = describe_frame(binary_files, broken())
    broken_rules = {(failure.column, failure.rule) for failure in description.failures}
    assert ("member", "column is missing") in broken_rules
    assert ("age", "a number") in broken_rules
    assert any(name == "region" and rule.startswith("one of ") for name, rule in broken_rules)
    notes = {c.name: c.notes for c in description.columns}
    assert notes["age"] == ("1 value cannot be read as int",)
    assert notes[HOSTILE] == ("1 infinite value",)
    assert "constant" in notes["constant"]
    assert "mostly missing" in notes["region"]
    assert column(description, "age").numbers is not None
    json.dumps(asdict(description), allow_nan=False)
    page = assert_self_contained(description_html(description))
    assert "<script>alert('value')</script>" in page.text


def test_values_ofterminal_columns_outside_the_contract_stay_hidden(
    binary_files: ModelFiles,
) -> None:
    description = describe_frame(binary_files, broken())
    for text in (
        json.dumps(asdict(description)),
        description_text(description),
        description_html(description),
    ):
        assert "+49 1" not in text
        assert "73211" not in text
        assert "73,211" not in text


def test_values_that_look_personal_stay_hidden_though_the_contract_keeps_them(
    binary_files: ModelFiles,
) -> None:
    people = [f"{first} Hidden{'n' * n}" for n in range(150) for first in ("Anna", "José", "Jan")]
    frame = (
        table()
        .head(450)
        .assign(
            guest=people, born=pd.date_range("1907-05-03", periods=450), mobile=range(49150, 49600)
        )
    )
    frame["mobile"] += 4915712340000
    frame.loc[0, "guest"] = None
    columns = {
        name: Column(dtype=dtype, feature=False)
        for name, dtype in (("guest", "string"), ("birthday", "datetime"), ("mobile", "int"))
    }
    data = binary_files.data.model_copy(update={"columns": binary_files.data.columns | columns})
    files = replace(binary_files, data=data)
    description = describe_frame(files, frame.rename(columns={"born": "birthday"}))
    for text in (
        json.dumps(asdict(description)),
        description_text(description),
        description_html(description),
    ):
        assert not any(value in text for value in ("Hidden", "1907", "49157", "4.9e"))
        assert "looks like personal data" in text
    assert "missing values" in {failure.rule for failure in description.failures}


def test_text_fits_the_terminal_and_cannot_steer_it(binary_files: ModelFiles) -> None:
    frame = broken()
    frame["漢字" * 30] = "値" * 80
    text = description_text(describe_frame(binary_files, frame))
    assert "\x1b" not in text
    assert max(terminal_columns(line) for line in text.splitlines()) <= WIDTH
    assert "BROKEN" in text.upper()


def test_an_absent_target_and_a_table_of_nothing_but_gaps_are_described(
    binary_files: ModelFiles,
) -> None:
    frame = table()[["customer", "age", "region"]].assign(age=np.nan, region=None)
    description = describe_frame(binary_files, frame)
    assert description.target_column is None
    assert column(description, "age").notes == ("all missing",)
    assert "the table has no such column" in description_text(description)
    assert_self_contained(description_html(description))


def test_labels_of_the_data_are_escaped(description: Description) -> None:
    text = description_html(description)
    assert HOSTILE not in text
    assert HOSTILE_LABEL not in text
    assert HOSTILE_LABEL in Page(text).text


def test_a_sparkline_keeps_small_counts_visible() -> None:
    assert sparkline([0, 1, 1000, 500], 4) == " ▁█▄"
