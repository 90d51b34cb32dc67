"""The rules as a table: what each type makes of a value, in every form that a value has.

A JSON value is read by the service and from logs; a cell, by training, ``predict``, ``drift`` and
``describe``, from a csv file's text, an Arrow array or a series of mixed Python values.
"""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tagship.config.contract import FLOAT32_MAX as DECLARED_MAX
from tagship.config.contract import DataConfig
from tagship.contract.boundary import UNSEEN, Boundary, Field
from tagship.contract.json_records import ColumnReader, InvalidRecords, RecordReader
from tagship.contract.table_columns import as_text, broken_rules, declared_field, read_cells
from tagship.contract.values import FLOAT32_MAX, cell_text, is_missing
from tagship.data.failures import ContractError
from tagship.data.validation import check_contract

FREE, AGE = Field("x", "float", nullable=True), Field("x", "float", 0, 120, nullable=True)
WHOLE, TRUTH = Field("x", "int", nullable=True), Field("x", "bool", nullable=True)
NAMES = Field("x", "category", values=("a", "1"), nullable=True, closed=True)
CODES = Field("x", "category", values=(1, 2), nullable=True, closed=True)
TEXT, TIME = Field("x", "string", nullable=True), Field("x", "datetime", nullable=True)
REFUSED, MISSING = "refused", "missing"
NOON = np.datetime64("2024-01-01T12:00:00", "us")
DAY = np.datetime64("2024-01-01T00:00:00", "us")

JSON = [
    *((field, None, MISSING) for field in (FREE, WHOLE, TRUTH, NAMES, CODES, TEXT, TIME)),
    *((FREE, value, value) for value in (12, 12.5, -0.0, 3e38, 10**30)),
    *((FREE, value, REFUSED) for value in (True, "12", 1e39, math.inf, 10**400, [1], {})),
    *((AGE, value, value) for value in (0, 120, 120.0)),
    *((AGE, value, REFUSED) for value in (-1e-9, 120.0000001, 10**30)),
    *((WHOLE, value, value) for value in (12, 12.0, -(2**53), 1e30)),
    *((WHOLE, value, REFUSED) for value in (12.5, True, "12", 1e39)),
    (TRUTH, True, 1.0),
    (TRUTH, False, 0.0),
    *((TRUTH, value, REFUSED) for value in (1, 0, 1.0, "true")),
    (NAMES, "1", 1),
    *((NAMES, value, REFUSED) for value in (1, 1.0, True, "A", "", ["a"])),
    (CODES, 1, 0),
    *((CODES, value, REFUSED) for value in ("1", 1.0, True, 3)),
    *((TEXT, value, value) for value in ("", "12", "null")),
    *((TEXT, value, REFUSED) for value in (1, True, [], {})),
    (TIME, "2024-01-01T14:00+02:00", NOON),
    *((TIME, value, REFUSED) for value in (20240101, 1.5, True, [])),
]

DATES = {
    "2024-01-01": DAY,
    "20240101": DAY,
    "2024-01-01T12:00": NOON,
    "2024-01-01 12:00:00": NOON,
    "2024-01-01T12": NOON,
    "2024-01-01T12:00:00Z": NOON,
    "2024-01-01T14:00+02:00": NOON,
    "2024-01-01T12:00:00.000000999": NOON,
    "1500-01-01": np.datetime64("1500-01-01", "us"),
    "9999-12-31": np.datetime64("9999-12-31", "us"),
}
NO_DATES = (
    "2024-01", "2024", "2024-1-1", "2024-W01-1", "2024-0101", "2024-01-01x12:00", " 2024-01-01",
    "2024-01-01T24:00", "2024-02-30", "01/02/2024", "now", "today", "1700000000", "٢٠٢٤-01-01",
)  # fmt: skip

CSV = [
    *((FREE, text, 12.0) for text in ("12", "12.0", "+12", "12.", "1.2e1", " 12 ")),
    *((FREE, text, MISSING) for text in ("nan", "NaN", "-nan")),
    *((FREE, text, REFUSED) for text in ("inf", "1e400", "-1e400", "1e39", "true", "12abc", "")),
    *((FREE, text, REFUSED) for text in ("0x10", "1_0", "1,5", "٣", "2024-01-01")),
    *((AGE, text, REFUSED) for text in ("-1", "120.0000001")),
    (WHOLE, "12.0", 12.0),
    *((WHOLE, text, REFUSED) for text in ("12.5", "true", "1e39")),
    *((TRUTH, text, 1.0) for text in ("true", "TRUE", "True", "1")),
    *((TRUTH, text, 0.0) for text in ("false", "0")),
    *((TRUTH, text, REFUSED) for text in ("1.0", " true", "yes", "t", "")),
    (NAMES, "a", 0),
    (CODES, "1", 0),
    *((NAMES, text, REFUSED) for text in ("1.0", " a", "A", "")),
    *((CODES, text, REFUSED) for text in ("1.0", "a")),
    *((TEXT, text, text) for text in ("x", "", "12", "nan", "2024-01-01")),
    *((TIME, text, made) for text, made in DATES.items()),
    *((TIME, text, REFUSED) for text in NO_DATES),
]

CELLS = [
    *((field, None, MISSING) for field in (FREE, WHOLE, TRUTH, NAMES, CODES, TEXT, TIME)),
    *((field, math.nan, MISSING) for field in (FREE, WHOLE, TRUTH, NAMES, CODES, TEXT)),
    *((FREE, value, 12.0) for value in (12, 12.0, Decimal("12.0"), "12")),
    *((FREE, value, REFUSED) for value in (math.inf, 1e39, True, b"1", [1.0], {"a": 1})),
    *((FREE, value, REFUSED) for value in (datetime(2024, 1, 1), date(2024, 1, 1), timedelta(1))),
    *((AGE, value, REFUSED) for value in (-1, 121.0)),
    *((WHOLE, value, REFUSED) for value in (12.5, Decimal("1.5"), True)),
    *((TRUTH, value, 1.0) for value in (True, 1, 1.0, "true")),
    *((TRUTH, value, REFUSED) for value in (2, 0.5, b"1", [True])),
    *((NAMES, value, 1) for value in ("1", 1, 1.0, Decimal("1"))),
    *((CODES, value, 0) for value in ("1", 1, 1.0)),
    *((CODES, value, REFUSED) for value in (True, 1.5, 3, b"1")),
    (TEXT, "x", "x"),
    (TEXT, 1, "1"),
    (TEXT, 1.0, "1"),
    (TEXT, 1.5, "1.5"),
    (TEXT, True, "true"),
    (TEXT, 1e300, "1e+300"),
    (TEXT, 2.0**60, str(2**60)),
    (TEXT, date(2024, 1, 1), "2024-01-01"),
    (TEXT, datetime(2024, 1, 1), "2024-01-01"),
    (TEXT, datetime(2024, 1, 1, 12), "2024-01-01 12:00:00"),
    *((TEXT, value, REFUSED) for value in (b"a", [1], {"a": 1})),
    *((TIME, value, DAY) for value in (datetime(2024, 1, 1), date(2024, 1, 1), 20240101)),
    (TIME, datetime(2024, 1, 1, 12, tzinfo=UTC), NOON),
    *((TIME, value, REFUSED) for value in (1_700_000_000, 1.5, True, b"2024-01-01")),
]


def said(field: Field, array: np.ndarray[Any, Any], refused: bool) -> Any:
    assert refused or len(array) == 1
    if refused:
        return REFUSED
    return MISSING if is_missing(field, array)[0] else array[0]


def read(field: Field, block: Any) -> Any:
    cells = read_cells(field, block)
    refused = any(rows[0] for _, rows in broken_rules(field, cells))
    return said(field, cells.values, refused)


@pytest.mark.parametrize(("field", "value", "expected"), JSON)
def test_a_json_value(field: Field, value: Any, expected: Any) -> None:
    array, refused = ColumnReader(field).read([value])
    assert said(field, array, bool(refused)) == expected
    in_a_mix, refused = ColumnReader(field).read([value, object()])
    assert said(field, in_a_mix[:1], 0 in refused) == expected
    if expected is REFUSED:
        with pytest.raises(InvalidRecords, match="break the contract"):
            RecordReader(Boundary("binary", (field,))).read([{"x": value}])


@pytest.mark.parametrize("field", [FREE, TRUTH, NAMES, TEXT, TIME], ids=lambda field: field.dtype)
def test_null_is_refused_where_nothing_may_be_missing(field: Field) -> None:
    strict = replace(field, nullable=False)
    assert ColumnReader(strict).read([None])[1] == {0: "must not be null"}
    assert read(strict, pa.array([None], pa.string())) == REFUSED


@pytest.mark.parametrize(("field", "text", "expected"), CSV)
def test_a_text_of_a_csv_file(field: Field, text: str, expected: Any) -> None:
    assert read(field, pa.array([text], pa.string())) == expected
    assert read(field, pd.Series([text], dtype="str")) == expected
    assert read(field, pa.array([text]).dictionary_encode()) == expected


@pytest.mark.parametrize(("field", "value", "expected"), CELLS)
def test_a_cell_of_a_typed_table(field: Field, value: Any, expected: Any) -> None:
    block = pa.array([value], from_pandas=True)
    assert read(field, block) == expected
    assert read(field, block.to_pandas()) == expected
    assert read(field, pd.Series([value], dtype=object)) == expected


@pytest.mark.parametrize(("field", "value", "expected"), CELLS)
def test_what_stands_beside_a_cell_does_not_change_it(
    field: Field, value: Any, expected: Any
) -> None:
    mixed = pd.Series([value, "beside", 2.5, True, b"bytes", [1]], dtype=object)
    cells = read_cells(field, mixed)
    refused = any(rows[0] for _, rows in broken_rules(field, cells))
    assert said(field, cells.values[:1], refused) == expected


@pytest.mark.parametrize(("field", "text", "expected"), CSV)
def test_training_judges_as_cells_are_judged(field: Field, text: str, expected: Any) -> None:
    column = {"dtype": field.dtype, "min": field.min, "max": field.max, "missing": 0.5}
    content = {
        "source": {"kind": "csv", "path": "x.csv"},
        "target": {"column": "y"},
        "rows": {"min": 1},
        "columns": {"x": column | {"values": list(field.values) or None, "closed": field.closed}},
    }
    data = DataConfig.model_validate(content)
    assert declared_field("x", data.columns["x"]) == field
    frame = pd.DataFrame({"x": pd.Series([text, None], dtype="str"), "y": [1.0, 2.0]})
    if expected is REFUSED:
        with pytest.raises(ContractError):
            check_contract(frame, data, "regression")
    elif expected is not MISSING:
        made = check_contract(frame, data, "regression")["x"]
        values = made.cat.codes if field.dtype == "category" else made
        assert values[0] == expected


def test_text_is_the_same_whatever_stands_beside_it() -> None:
    assert as_text(pd.Series([1.0, 2.5, None])).tolist()[:2] == ["1", "2.5"]
    assert as_text(pd.Series([1, "a", True], dtype=object)).tolist() == ["1", "a", "true"]
    with pytest.raises(ValueError, match="not bytes"):
        cell_text(b"1")


def test_the_contract_and_the_values_have_one_limit() -> None:
    assert DECLARED_MAX == FLOAT32_MAX


@pytest.mark.parametrize(
    ("value", "code"), [(1, 0), ("1", 0), (1.0, 0), (True, UNSEEN), ("true", UNSEEN), (3, UNSEEN)]
)
def test_an_open_category_is_known_by_its_text_in_requests_and_in_tables(
    value: Any, code: int
) -> None:
    open_codes = replace(CODES, closed=False)
    array, refused = ColumnReader(open_codes).read([value])
    assert (array.tolist(), refused) == ([code], {})
    cells = read_cells(open_codes, pd.Series([value], dtype=object))
    assert (cells.values.tolist(), cells.unread.any()) == ([code], False)


@pytest.mark.parametrize(
    ("start", "step", "refused"), [(0, 1, False), (2**24, 1, True), (10**8, 64, False)]
)
def test_whole_numbers_that_float32_makes_equal_are_no_feature(
    start: int, step: int, refused: bool
) -> None:
    numbers = [float(start + step * n) for n in range(50)]
    frame = pd.DataFrame({"x": numbers, "y": np.arange(50.0)})
    content = {
        "source": {"kind": "csv", "path": "x.csv"},
        "target": {"column": "y"},
        "rows": {"min": 1},
        "columns": {"x": {"dtype": "int"}},
    }
    if refused:
        with pytest.raises(ContractError, match="can be told apart in float32"):
            check_contract(frame, DataConfig.model_validate(content), "regression")
        content["columns"]["x"]["feature"] = False  # type: ignore[index]
    check_contract(frame, DataConfig.model_validate(content), "regression")
