"""Files and requests are held to one contract: what one accepts the other accepts, with one matrix.

The service's decoder is the judge; the batch must agree about typed columns and about text.
"""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tagship.batch.decoding import decode
from tagship.contract.boundary import UNSEEN, Boundary, Field
from tagship.contract.json_records import InvalidRecords, RecordReader

calmly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The speed of the machine decides nothing."""
LIMITS = st.none() | st.integers(-1000, 1000).map(float) | st.floats(-1e6, 1e6)
ANY_FLOAT = st.floats(allow_nan=False, allow_infinity=False)
NEAR = [0, 1, -1, 0.5, 3.0, 3.4028234663852886e38, -3.5e38, 1000.0000001]
TEXT = st.text("aZ1 .-:\"',\n\tä٣中𝄞", max_size=6)
WORDS = ["free", "plus", "Free", "free ", "", "1", "2", "ä", "null"]
ZONES = st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=-7, minutes=30)))
MOMENTS = st.datetimes(timezones=ZONES)
ISO = ["2024-02-29", "2024-02-30", "20240101T101112", "2024-W01-1", "2024-01-01 10:11", "now", ""]


@st.composite
def numbers(draw: Any) -> tuple[Field, list[Any]]:
    low, high = sorted([draw(LIMITS), draw(LIMITS)], key=lambda limit: (limit is None, limit))
    limits = draw(st.sampled_from([(low, high), (low, None), (None, low)]))
    field = Field("x", draw(st.sampled_from(["float", "int"])), *limits)
    whole = st.integers(-(2**53), 2**53)
    near = st.sampled_from([limit for limit in (low, high) if limit is not None] + NEAR)
    value = draw(st.sampled_from([whole, ANY_FLOAT | near | whole.map(float)]))
    return field, draw(st.lists(st.none() | value, max_size=8))


@st.composite
def groups(draw: Any) -> tuple[Field, list[Any]]:
    if draw(st.booleans()):
        values = draw(st.lists(st.integers(-5, 5), min_size=1, max_size=4, unique=True))
        given_ = st.integers(-6, 6)
    else:
        values = draw(st.lists(st.sampled_from(WORDS) | TEXT, min_size=1, max_size=4, unique=True))
        given_ = st.sampled_from([*values, *WORDS]) | TEXT
    return Field("x", "category", values=tuple(values)), draw(st.lists(st.none() | given_))


def others() -> st.SearchStrategy[tuple[Field, list[Any]]]:
    kinds = {
        "bool": st.booleans(),
        "string": TEXT,
        "datetime": st.sampled_from(ISO) | MOMENTS.map(datetime.isoformat) | TEXT,
    }
    return st.sampled_from(sorted(kinds)).flatmap(
        lambda kind: st.tuples(st.just(Field("x", kind)), st.lists(st.none() | kinds[kind]))
    )


def with_nulls(
    pair: tuple[Field, list[Any]], nullable: bool, closed: bool
) -> tuple[Boundary, list[Any]]:
    field, values = pair
    named = {"min": field.min, "max": field.max, "values": field.values}
    made = Field(field.name, field.dtype, **named, nullable=nullable, closed=closed)  # type: ignore[arg-type]
    return Boundary("binary", (made,)), values


CASES = st.builds(with_nulls, numbers() | groups() | others(), st.booleans(), st.booleans())


def judged(boundary: Boundary, values: list[Any]) -> tuple[list[bool], np.ndarray[Any, Any]]:
    """What the service says of each value alone, and the column of those that it takes."""
    decoder, good = RecordReader(boundary), []
    for value in values:
        try:
            decoder.read([{"x": value}])
        except InvalidRecords:
            good.append(False)
        else:
            good.append(True)
    kept = [{"x": value} for value, ok in zip(values, good, strict=True) if ok]
    return good, decoder.read(kept).columns["x"]


def same(boundary: Boundary, values: list[Any], column: pa.Array) -> None:
    good, expected = judged(boundary, values)
    found = decode(boundary, pa.record_batch({"x": column}))
    assert found.good.tolist() == good
    assert found.columns["x"].dtype == expected.dtype
    np.testing.assert_array_equal(found.columns["x"], expected)
    refused = sorted(row for broken in found.broken for row in broken.rows.tolist())
    assert refused == [row for row, ok in enumerate(good) if not ok]  # one reason for each
    if boundary.names:
        matrix = boundary.matrix(found.columns)
        np.testing.assert_array_equal(matrix, boundary.matrix({"x": expected}))


@calmly
@given(CASES)
def test_typed_columns_are_judged_as_the_service_judges(case: tuple[Boundary, list[Any]]) -> None:
    boundary, values = case
    column = pa.array(values)
    same(boundary, values, column)
    if not pa.types.is_null(column.type):
        same(boundary, values, column.dictionary_encode())


@calmly
@given(CASES)
@example((Boundary("binary", (Field("x", "datetime"),)), ["2024-01-01T01:00+05:30", "2024-01-01"]))
@example((Boundary("binary", (Field("x", "datetime"),)), ["0001-01-01T00:00+05:30", "20240101"]))
def test_text_is_judged_as_the_service_judges_the_values(case: tuple[Boundary, list[Any]]) -> None:
    boundary, values = case
    text = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    same(boundary, values, pa.array(text, pa.string()))


@calmly
@given(st.lists(st.none() | MOMENTS), st.sampled_from(["us", "ns", "ms"]), st.booleans())
def test_moments_are_those_of_the_service(
    values: list[datetime | None], unit: str, utc: bool
) -> None:
    boundary = Boundary("binary", (Field("x", "datetime", nullable=True),))
    step = timedelta(milliseconds=1) if unit == "ms" else timedelta(microseconds=1)
    naive = []
    for value in values:
        if value is None or (unit == "ns" and not 1700 < value.year < 2200):
            continue
        plain = (value.astimezone(UTC) if value.tzinfo else value).replace(tzinfo=None)
        naive.append(plain - (plain - datetime(1970, 1, 1)) % step)
    column = pa.array(naive, pa.timestamp(unit, tz="UTC" if utc else None))
    same(boundary, [value.isoformat() for value in naive], column)


NUMBER_TEXT = st.text("0123456789+-.eEinfaINFAty \t_x,", max_size=8)


@calmly
@given(st.lists(NUMBER_TEXT, min_size=1, max_size=10))
@example(["nan", "NaN", "+nan", "-nan", "inf", "-Infinity", "1e5", "1E+5", ".5", "5.", ".", "1e"])
@example(["1e400", "-1e400", "1e-400", "٣", "1\n", "1_0", "0x10", "+-1", "1 2"])
def test_a_bad_number_beside_it_does_not_change_how_a_number_is_read(texts: list[str]) -> None:
    boundary = Boundary("binary", (Field("x", "float", nullable=True),))
    texts = [text.strip() for text in texts]  # spaces are cut once a number was not read at once

    def read(values: list[str]) -> tuple[list[bool], list[float]]:
        found = decode(boundary, pa.record_batch({"x": pa.array(values, pa.string())}))
        return found.good.tolist(), found.columns["x"].tolist()

    alone = [read([text]) for text in texts]
    good, values = read([*texts, "bad"])
    assert good == [*(ok for (ok,), _ in alone), False]
    np.testing.assert_array_equal(values, [value for _, found in alone for value in found])


@pytest.mark.parametrize(
    ("dtype", "column", "expected"),
    [
        ("float", pa.array([" 1.5 ", "+2", "x"]), [1.5, 2.0]),
        ("float", pa.array([True, False]), []),
        ("float", pa.array([1.5, float("nan")]), [1.5, float("nan")]),
        ("bool", pa.array(["TRUE", "false", "1", "0", "yes"]), [1.0, 0.0, 1.0, 0.0]),
        ("bool", pa.array([1, 0, 2]), [1.0, 0.0]),
        ("bool", pa.array([1.0, None]), [1.0, float("nan")]),
        ("string", pa.array([1.0, 2.5]), ["1", "2.5"]),
        ("float", pa.array([b"1"]), []),
        ("string", pa.array([b"1"]), []),
        ("float", pa.array([datetime(2024, 1, 1)]), []),
        ("float", pa.array([[1.0]]), []),
        ("datetime", pa.array([1]), []),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_a_file_is_read_as_training_reads_it(
    dtype: str, column: pa.Array, expected: list[Any]
) -> None:
    boundary = Boundary("binary", (Field("x", dtype, nullable=True),))
    found = decode(boundary, pa.record_batch({"x": column}))
    np.testing.assert_array_equal(found.columns["x"].tolist(), expected)


def test_a_category_of_whole_numbers_is_found_in_a_column_of_floats() -> None:
    boundary = Boundary("binary", (Field("x", "category", values=(1, 2), nullable=True),))
    block = pa.record_batch({"x": pa.array([2.0, None, 1.0, 1.5])})
    found = decode(boundary, block)
    assert found.columns["x"].tolist() == [1, -1, 0, UNSEEN]
    assert found.broken == []


def test_a_decimal_comma_is_read_where_the_contract_declares_it() -> None:
    boundary = Boundary("binary", (Field("x", "float"),))
    block = pa.record_batch({"x": pa.array(["1,5", "2"])})
    assert decode(boundary, block, ",").columns["x"].tolist() == [1.5, 2.0]
    assert decode(boundary, block).good.tolist() == [False, True]
    thousands = pa.record_batch({"x": pa.array(["1,5", "1.234", "1.234,5", None])})
    found = decode(boundary, thousands, ",")
    assert found.columns["x"].tolist() == [1.5]
    rules = [(broken.problem, broken.rows.tolist()) for broken in found.broken]
    assert rules == [("must not be null", [3]), ("must be a number", [1, 2])]
