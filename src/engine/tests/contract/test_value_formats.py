"""Numbers and dates as people write them: one value in tables, in requests and in batches."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tagship.contract.boundary import Boundary, Field, NumberFormat, date_part
from tagship.contract.example import example_value
from tagship.contract.json_records import InvalidRecords, RecordReader
from tagship.contract.table_columns import read_cells
from tagship.contract.value_formats import instant_reader, number_reader

DOLLARS = NumberFormat("$", ",")
EUROS = NumberFormat("€", ".", ",")
SPACED = NumberFormat("", " ", ",")
NOON = "2024-12-31T12:00:00.000000"


@pytest.mark.parametrize(
    ("written", "text", "number"),
    [
        (DOLLARS, "$1,234.50", 1234.5),
        (DOLLARS, "1234.5", 1234.5),
        (DOLLARS, "($5)", -5),
        (DOLLARS, "-$5", -5),
        (DOLLARS, "$-5.25", -5.25),
        (DOLLARS, "\u2212$5", -5),
        (DOLLARS, "--5", None),
        (DOLLARS, "(-5)", None),
        (DOLLARS, "$12,34", None),
        (DOLLARS, "€5", None),
        (DOLLARS, "$", None),
        (EUROS, "1.234,5 €", 1234.5),
        (EUROS, "1,234.5 €", None),
        (SPACED, "14\u00a0590,5", 14590.5),
        (SPACED, "14 590", 14590),
        (SPACED, "14\u202f590", 14590),
        (NumberFormat("%"), "26.1%", 26.1),
        (NumberFormat("%"), "-12 %", -12),
        (NumberFormat("kg"), "3 KG", 3),
        (NumberFormat("kg"), "3 lb", None),
        (NumberFormat("", "'"), "1'234", 1234),
        (NumberFormat("", ","), "1,23,456", 123456),
        (DOLLARS, "+" + " " * 50_000 + "5", None),
    ],
)
def test_a_number_is_read_by_its_format_or_refused(
    written: NumberFormat, text: str, number: float | None
) -> None:
    read = number_reader(written)
    if number is None:
        with pytest.raises(ValueError, match="must be a number"):
            read(text)
    else:
        assert read(text) == number


@pytest.mark.parametrize(
    ("patterns", "text", "moment"),
    [
        (["%d.%m.%Y"], "31.12.2024", "2024-12-31"),
        (["%d.%m.%Y"], "12.31.2024", None),
        (["%d.%m.%Y"], "2024-12-31", None),
        (["%m/%d/%y", "%Y-%m-%d"], "2024-12-31", "2024-12-31"),
        (["%b %d, %Y %I:%M %p"], "Dec 31, 2024 12:00 PM", NOON),
        (["%Y-%m-%dT%H:%M:%S%z"], "2024-12-31T14:00:00+0200", NOON),
        (["unix"], "1735646400", NOON),
        (["unix_ms"], "1735646400000", NOON),
        (["unix"], "nan", None),
        (["unix"], "1e40", None),
        (["%d %m %Y"], "1 " + " " * 50_000 + "2 2024", None),
    ],
)
def test_a_date_is_read_by_its_formats_or_refused(
    patterns: list[str], text: str, moment: str | None
) -> None:
    read = instant_reader(patterns)
    if moment is None:
        with pytest.raises(ValueError, match="must be a date as"):
            read(text)
    else:
        assert read(text) == np.datetime64(moment, "us")


FIELDS = (
    Field("price", "float", max=10_000, nullable=True, format=DOLLARS, nulls=("-999",)),
    Field("when", "datetime", format=("%d.%m.%Y",), parts=("month", "weekday")),
    Field("age", "int", nullable=True, nulls=("-999", "x")),
    Field("kind", "category", values=("a", "None")),
)
BOUNDARY = Boundary(
    "binary", FIELDS, derived=("when.month", "when.weekday"), classes=("no", "yes"),
    ignored=("id", "y"), nulls=("", "None", "NA"),
)  # fmt: skip
ROW = {"price": "$1,234.50", "when": "31.12.2024", "age": 7, "kind": "None"}


def test_a_row_of_a_file_becomes_a_record_of_the_contract() -> None:
    read = RecordReader(BOUNDARY).read([{**ROW, "id": "r1", "y": "yes"}])
    assert read.records == [
        {"price": 1234.5, "when": "2024-12-31T00:00:00.000000", "age": 7, "kind": "None"}
    ]
    assert read.ignored == {"id", "y"}
    assert BOUNDARY.names == ("price", "age", "when.month", "when.weekday", "kind")
    assert BOUNDARY.matrix(read.columns).tolist() == [[1234.5, 7, 12, 1, 1]]
    assert Boundary.from_json(BOUNDARY.to_json()) == BOUNDARY


@pytest.mark.parametrize("null", [{"age": -999}, {"age": -999.0}, {"age": "x"}, {"age": "NA"}, {}])
def test_what_means_missing_in_a_request(null: dict[str, Any]) -> None:
    rest = {name: value for name, value in ROW.items() if name != "age"}
    read = RecordReader(BOUNDARY).read([{**rest, **null}])
    assert read.records[0]["age"] is None
    assert np.isnan(read.columns["age"]).all()


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("price", "$12,34", "must be a number such as 1,234.5 $; is '$12,34'"),
        ("price", "$99,999", "must be between -3.40282e+38 and 10000, is 99999.0"),
        ("when", "2024-12-31", "must be a date as %d.%m.%Y; is '2024-12-31'"),
        ("when", None, "must not be null"),
        ("kind", "NA", "must not be null"),
    ],
)
def test_a_value_that_its_format_does_not_fit_is_refused_once(
    field: str, value: Any, problem: str
) -> None:
    with pytest.raises(InvalidRecords) as refused:
        RecordReader(BOUNDARY).read([{**ROW, field: value}])
    assert [(p.field, p.problem) for p in refused.value.problems] == [(field, problem)]


def test_columns_that_nobody_declared_are_refused_or_ignored() -> None:
    with pytest.raises(InvalidRecords):
        RecordReader(BOUNDARY).read([{**ROW, "colour": "red"}])
    empty = ROW | {"": "", "Unnamed: 4": None}  # as commas at row ends make it
    assert RecordReader(BOUNDARY).read([empty]).records[0].keys() == ROW.keys()
    with pytest.raises(InvalidRecords):
        RecordReader(BOUNDARY).read([ROW | {"Unnamed: 4": 1}])
    loose = Boundary("binary", FIELDS, extra="ignore")
    assert "colour" not in RecordReader(loose).read([{**ROW, "colour": "red"}]).records[0]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_an_example_is_of_its_own_format(field: Field) -> None:
    record = {**ROW, field.name: example_value(vars(field))}
    RecordReader(BOUNDARY).read([record])


@pytest.mark.parametrize(
    "block",
    [
        pa.array(["$1,234.50", "-999", None, "$x"]),
        pa.array(["$1,234.50", "-999", None, "$x"]).dictionary_encode(),
    ],
)
def test_a_table_is_read_as_a_request_is(block: pa.Array) -> None:
    cells = read_cells(FIELDS[0], block)
    assert cells.values[0] == 1234.5
    assert cells.missing.tolist() == [False, True, True, False]
    assert cells.unread.tolist() == [False, False, False, True]
    assert read_cells(FIELDS[0], pa.array([1.5, -999.0])).missing.tolist() == [False, True]


@pytest.mark.parametrize(
    ("part", "number"),
    [("year", 1969), ("month", 12), ("day", 31), ("weekday", 2), ("hour", 23), ("days", -1)],
)
def test_a_part_of_a_date(part: str, number: int) -> None:
    dates = np.array(["1969-12-31T23:30", "NaT"], dtype="datetime64[us]")
    made = date_part(dates, part)
    assert made[0] == number
    assert np.isnan(made[1])
