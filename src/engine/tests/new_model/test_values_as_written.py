"""What `tagship new` makes of numbers and dates as people write them, and of odd values."""

import numpy as np
import pandas as pd
import pytest

from tagship.config.contract import DataConfig, WrittenNumber
from tagship.contract.boundary import Boundary
from tagship.data.validation import check_contract
from tagship.errors import TagshipError
from tagship.new_model.column_profile import profile_column
from tagship.new_model.draft import Wishes, draft_model
from tagship.new_model.format_detection import find_date_formats, find_number_format
from tagship.new_model.ranges import find_range, find_sentinels


@pytest.mark.parametrize(
    ("texts", "unit", "thousands", "decimal"),
    [
        (["$3,737.52", "$12"], "$", ",", "."),
        (["USD 5.10", "USD 10.20"], "USD", "", "."),
        (["26.1%", "3%"], "%", "", "."),
        (["14 590", "1 200,5"], "", " ", ","),
        (["1.234,5 €", "12,5 €"], "€", ".", ","),
        (["1,234", "5,678"], "", ",", "."),
        (["1,23,456", "99,999"], "", ",", "."),
        (["1'234", "99"], "", "'", "."),
        (["19.67 km/kg", "18.9 km/kg"], "km/kg", "", "."),
        (["12 rooms", "3 rooms"], "rooms", "", "."),
        (["(5.00)", "3.00"], "", "", "."),
    ],
)
def test_one_way_of_writing_numbers_is_told(
    texts: list[str], unit: str, thousands: str, decimal: str
) -> None:
    expected = WrittenNumber(unit=unit, thousands=thousands, decimal=decimal)
    assert find_number_format(texts, ".") == expected


@pytest.mark.parametrize(
    "texts",
    [
        ["Room 12", "Room 13"],
        ["A1", "A2"],
        ["1.5k", "200"],
        ["12%", "0.5"],
        ["$5", "€5"],
        ["5 kg", "300 g"],
        ["555 123 456", "555 123 457"],
        ["2nd", "3rd"],
        ["3-4", "5-6"],
        ["10:30", "11:00"],
        ["31.12.2024", "01.02.2024"],
        ["v1.2", "v1.3"],
    ],
)
def test_what_is_no_number_stays_text(texts: list[str]) -> None:
    assert find_number_format(texts, ".") is None


@pytest.mark.parametrize(
    ("texts", "patterns", "other"),
    [
        (["31.12.2024", "01.02.2024"], ["%d.%m.%Y"], ""),
        (["01/02/2024", "02/03/2024"], ["%d/%m/%Y"], "%m/%d/%Y"),
        (["13/02/2024", "02/03/2024"], ["%d/%m/%Y"], ""),
        (["1/2/24 3:05 PM", "12/31/24 4:00 AM"], ["%m/%d/%y %I:%M %p"], ""),
        (["31.12.2024", "2024-12-31"], ["%d.%m.%Y", "%Y-%m-%d"], ""),
        (["Mar 5, 2024", "Dec 31, 2023"], ["%b %d, %Y"], ""),
        (["05-Mar-24", "31-Dec-23"], ["%d-%b-%y"], ""),
        (["2024-01", "2024-02"], ["%Y-%m"], ""),
    ],
)
def test_the_way_of_writing_dates_is_told(
    texts: list[str], patterns: list[str], other: str
) -> None:
    dates = find_date_formats(texts)
    assert dates is not None
    assert (dates.patterns, dates.other) == (patterns, other)


@pytest.mark.parametrize(
    "texts", [["13/02/2024", "02/13/2024"], ["hello", "31.12.2024"], ["1", "2"], ["99.99.2024"]]
)
def test_what_is_no_date_or_of_two_orders_stays_text(texts: list[str]) -> None:
    assert find_date_formats(texts) is None


def table(**columns: object) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    return frame.assign(y=["yes", "no"] * (len(frame) // 2))


def test_the_order_of_day_and_month_is_asked_and_never_guessed() -> None:
    dates = [f"0{1 + n % 9}/0{1 + n % 7}/2024" for n in range(90)]
    frame = table(x=np.arange(90.0), when=dates)
    with pytest.raises(TagshipError, match="--day-first or --month-first"):
        draft_model(frame, "y")
    for day_first, pattern in ((True, "%d/%m/%Y"), (False, "%m/%d/%Y")):
        column = draft_model(frame, "y", Wishes(day_first=day_first)).columns["when"]
        assert (column.format, column.parts) == ([pattern], ["month", "weekday"])


@pytest.mark.parametrize(
    ("name", "numbers", "pattern"),
    [
        ("created_at", range(1_700_000_000, 1_700_000_000 + 90 * 86_400, 86_400), "unix"),
        ("timestamp", range(1_700_000_000_000, 1_700_000_000_090, 1), "unix_ms"),
        ("order_date", [20240101 + n % 28 for n in range(90)], "%Y%m%d"),
    ],
)
def test_whole_numbers_that_are_times(name: str, numbers: object, pattern: str) -> None:
    profile = profile_column(name, pd.Series(list(numbers)))  # type: ignore[call-overload]
    assert (profile.dtype, profile.format) == ("datetime", [pattern])
    assert profile_column("amount", pd.Series(list(numbers))).dtype == "int"  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([*range(18, 78), -999, -999, 9999], {-999: 2, 9999: 1}),
        ([*range(60), -99, -99], {-99: 2}),
        ([*range(18, 60), 99, 99], {}),
        ([*range(0, 12_000, 200), 9999], {}),
        ([-999] * 40 + [*range(20)], {}),
        ([*range(60), -1], {}),
    ],
)
def test_numbers_that_stand_for_a_missing_value(
    values: list[int], expected: dict[int, int]
) -> None:
    assert find_sentinels(pd.Series(values, dtype=float)) == expected


def test_a_sentinel_is_declared_said_and_in_no_range() -> None:
    ages = [*range(18, 104), -999, -999, -999, 9999]
    draft = draft_model(table(age=ages), "y")
    column = draft.columns["age"]
    assert (column.nulls, column.min, column.max, column.usual) == ([-999, 9999], 0, 120, [5, 115])
    assert column.missing == 0.1
    assert "age: -999 (3 rows) and 9999 (1 row) mean missing" in " ".join(draft.checks)
    with pytest.raises(TagshipError, match="target 'age': -999 in 3 rows"):
        draft_model(table(age=ages, x=np.arange(90.0)), "age")


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("hr", range(24), (0, 23, None)),
        ("hr", range(30), (None, None, [0, 32])),
        ("year_built", range(1872, 2011), (None, None, [1850, 2030])),
        ("price", range(100, 1000, 9), (0, None, [0, 1100])),
        ("temperature", range(5, 35), (None, None, [2, 38])),
        ("flag", [0, 1, 1], (0, 1, None)),
        ("latitude", [50.1, 50.9], (-90, 90, [50, 51])),
    ],
)
def test_a_range_is_what_a_person_would_write(
    name: str, values: object, expected: tuple[object, ...]
) -> None:
    series = pd.Series(list(values), dtype=float)  # type: ignore[call-overload]
    made = find_range(name, series, integer=bool((series == series.round()).all()))
    assert (made.min, made.max) == expected[:2]
    if expected[2] is None:
        assert made.usual is None
    else:
        assert made.usual is not None
        assert made.usual == pytest.approx(expected[2], rel=0.02)


def test_a_long_tail_is_not_usual() -> None:
    incomes = pd.Series([*np.linspace(1000, 5000, 999), 10_000_000.0])
    usual = find_range("income", incomes, integer=False).usual
    assert usual is not None
    assert usual[1] < 20_000


def test_categories_that_differ_by_case_or_blanks_are_named() -> None:
    profile = profile_column("k", pd.Series(["Yes", "yes ", "No", "YES", "No"] * 20))
    assert "'Yes', 'yes ', 'YES' differ by case or blanks alone (60 rows)" in profile.remark


def test_whole_numbers_that_float32_cannot_tell_apart_are_no_feature() -> None:
    frame = table(x=np.arange(90.0), account=np.arange(90) * 3 + 2_000_000_000)
    draft = draft_model(frame, "y")
    assert not draft.columns["account"].feature
    assert "would be equal in float32" in " ".join(draft.checks)
    people = table(people=np.random.default_rng(0).integers(1e6, 3e8, 90))
    assert draft_model(people, "y").columns["people"].feature


@pytest.mark.parametrize(
    ("labels", "positive", "given"),
    [
        (["True", "False"], True, (False, True)),
        (["0", "1"], 1, (0, 1)),
        (["no", "yes"], "yes", ("no", "yes")),
        (["1.5", "2.5"], "2.5", ("1.5", "2.5")),
    ],
)
def test_labels_keep_their_type_in_answers(
    labels: list[str], positive: object, given: tuple[object, ...]
) -> None:
    frame = pd.DataFrame({"x": np.arange(90.0), "y": (labels * 45)[:90]})
    wished = next(label for label in labels if label.lower() == str(positive).lower())
    assert draft_model(frame, "y", Wishes(positive=wished)).positive == positive
    content = {
        "source": {"kind": "csv", "path": "x.csv"},
        "target": {"column": "y", "positive": positive},
        "rows": {"min": 1},
        "columns": {"x": {"dtype": "float"}},
    }
    data = DataConfig.model_validate(content)
    table = check_contract(frame, data, "binary")
    kind = {bool: "bool", int: "int"}.get(type(positive), "string")
    classes = tuple(sorted(table["y"].unique(), key=lambda label: label == str(positive).lower()))
    assert Boundary("binary", (), classes=classes, labels=kind).answers == given
