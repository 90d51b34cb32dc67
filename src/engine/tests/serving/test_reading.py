"""msgspec decides the speed of reading, never what is accepted."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagship.data.boundary import Boundary, Field
from tagship.serving import reading
from tagship.serving.decoding import InvalidRecords
from tagship.serving.reading import NotJson, Reader, TooManyRows

BOUNDARY = Boundary(
    "binary",
    (
        Field("age", "float", 0, 120, nullable=True),
        Field("free", "float"),
        Field("visits", "int", 0, 50),
        Field("huge", "int", nullable=True),
        Field("member", "bool"),
        Field("plan: kind", "category", values=("free", "a:b", 'quo"te')),
        Field("level", "category", values=(1, 2, 3), nullable=True),
        Field("since", "datetime", feature=False),
        Field("note", "string", nullable=True, feature=False),
    ),
    classes=("no", "yes"),
)
GOOD = {
    "age": 40.5,
    "free": -1e30,
    "visits": 3,
    "huge": None,
    "member": True,
    "plan: kind": "a:b",
    "level": 2,
    "since": "2024-01-01T00:00:00",
    "note": 'says "a": 1',
}
SMALL = Boundary(
    "regression", (Field("a", "float"), Field("k", "category", values=("x", "y"), nullable=True))
)

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.integers(-2, 4),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, 12.0, -0.0, 1e38, 3.5e38, 120, 120.0000001, 49.9, 50, 51, 1.0, 2]),
    st.sampled_from(["", "free", "a:b", 'quo"te', "Free", "2024-01-01", "2024-13-01", "\u2028"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=1),
)
changes = st.dictionaries(st.sampled_from([*GOOD, "other"]), values, max_size=2)
records = changes.map(lambda change: GOOD | change)


def outcome(read, *arguments):
    try:
        return read(*arguments).matrix.tobytes()
    except InvalidRecords as error:
        return [(problem.row, problem.field, problem.problem) for problem in error.problems]
    except (NotJson, TooManyRows) as error:
        return type(error)


@settings(max_examples=600, deadline=None)
@given(content=st.one_of(records, st.lists(records, max_size=3)))
def test_the_fast_reader_accepts_and_refuses_what_the_exact_one_does(content):
    reader = Reader(BOUNDARY, 100)
    body = json.dumps(content).encode()
    assert outcome(reader.read, body) == outcome(reader.from_content, content)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(records, min_size=1, max_size=3))
def test_columns_and_lines_give_what_records_give(rows):
    reader = Reader(BOUNDARY, 100)
    expected = outcome(reader.from_content, rows)
    lines = b"\n".join(json.dumps(row).encode() for row in rows) + b"\n\n"
    assert outcome(lambda: reader.read(lines, lines=True)) == expected
    if all(row.keys() == GOOD.keys() for row in rows):
        columns = {"columns": {name: [row[name] for row in rows] for name in GOOD}}
        assert outcome(reader.read, json.dumps(columns).encode()) == expected


@pytest.mark.parametrize("body", [b'{"a": 1, "k": "x"}', b'[{"a": 1, "k": null}]',
                                  b' {"columns": {"a": [1.5, 2], "k": ["x", null]}}'])  # fmt: skip
def test_the_common_case_never_reaches_the_exact_decoder(body, monkeypatch):
    monkeypatch.setattr(reading.Decoder, "decode", None)
    assert Reader(SMALL, 10).read(body).matrix.dtype == np.float32


def test_a_missing_value_of_a_number_is_nan_and_of_a_category_minus_one():
    nullable = Boundary("regression", (Field("a", "float", nullable=True), *SMALL.fields[1:]))
    (row,) = Reader(nullable, 10).read(b'{"a": null, "k": null}').matrix.tolist()
    assert math.isnan(row[0])
    assert row[1] == -1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"columns": {"a": [1], "k": ["x", "y"]}}', (1, "a", "has 1 values, another column 2")),
        (b'{"columns": {"a": [1]}}', (0, "k", "is missing")),
        (b'{"columns": {}}', (0, "a", "is missing")),
        (b'{"columns": {"a": 1, "k": "x"}}',
         (0, "columns", "must be an object of arrays, one a column")),
        (b'{"columns": {"a": [], "k": []}}', (0, "", "there are no records")),
        (b'{"columns": {"a": [1, "b"], "k": ["x", "y"]}}', (1, "a", "must be a number, not text")),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit_are_named(body, problem):
    assert outcome(Reader(SMALL, 10).read, body)[0] == problem


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "k": "x", "a": 2}',
        b'[{"a": 1, "k": "x"}, {"a": 1, "k": "x", "k": "y"}]',
        b'{"columns": {"a": [1], "a": [2], "k": ["x"]}}',
        b'{"a": 1, "k" : "x", "k" :"y"}',
    ],
)
def test_a_key_that_stands_twice_is_refused(body):
    with pytest.raises(NotJson, match="stands twice"):
        Reader(SMALL, 10).read(body)


GOOD_LINE = b'{"a": 1, "k": "x"}'
COLON = Boundary("regression", (*SMALL.fields[:1], Field("k", "category", values=("x", "a:b"))))


@pytest.mark.parametrize("boundary", [SMALL, COLON], ids=["fast", "exact"])
@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ([b'{"a": 1,', b' "k": "x"}'], 3),
        ([b'{"a": 1,', b' "k": "x"}', GOOD_LINE + b", " + GOOD_LINE], 3),
        ([GOOD_LINE + b", " + GOOD_LINE, b'{"a": 1,', b' "k": "x"}'], 3),
        ([GOOD_LINE, GOOD_LINE + GOOD_LINE], 4),
        ([GOOD_LINE, GOOD_LINE + b","], 4),
        ([GOOD_LINE, b"", GOOD_LINE[:-1]], 5),
        ([GOOD_LINE[:-1], b"}"], 3),
        ([b'{"a": 1, "k": "x', b'"}'], 3),
        ([b'{"a": 1, "k": "x", "a": 2}'], 3),
        ([b'{"a": NaN, "k": "x"}'], 3),
        ([b'{"a": 1, "k": "\xff"}'], 3),
    ],
)
def test_a_line_that_is_not_one_record_is_refused_by_its_number(boundary, broken, line):
    """Answers belong to lines by their place: the right number of records is not enough."""
    first = GOOD_LINE if boundary is SMALL else GOOD_LINE.replace(b'"x"', b'"a:b"')
    body = b"\n".join([first, b"", *broken, GOOD_LINE, b""])
    with pytest.raises(NotJson, match=rf"^line {line} is not one JSON record: "):
        Reader(boundary, 10).read(body, lines=True)


@pytest.mark.parametrize("boundary", [SMALL, COLON], ids=["fast", "exact"])
def test_lines_may_be_blank_and_end_as_windows_ends_them(boundary):
    first = GOOD_LINE if boundary is SMALL else GOOD_LINE.replace(b'"x"', b'"a:b"')
    found = Reader(boundary, 10).read(first + b" \r\n\r\n\n  " + GOOD_LINE, lines=True)
    assert (found.shape, len(found.matrix)) == ("lines", 2)
    assert json.loads(found.logged) == [json.loads(first), json.loads(GOOD_LINE)]


@pytest.mark.parametrize(
    "line", [b"[%b]" % GOOD_LINE, b'{"columns": {"a": [1], "k": ["x"]}}', b"1"]
)
def test_a_line_holds_a_record_and_no_other_shape(line):
    problems = outcome(lambda: Reader(SMALL, 10).read(GOOD_LINE + b"\n" + line, lines=True))
    assert {row for row, *_ in problems} == {1}


@pytest.mark.parametrize("shape", ["many", "columns", "lines"])
def test_one_row_too_many_is_refused_in_every_shape(shape):
    row = {"a": 1.0, "k": "x"}
    body = {
        "many": json.dumps([row] * 4),
        "columns": json.dumps({"columns": {"a": [1.0] * 4, "k": ["x"] * 4}}),
        "lines": "\n".join([json.dumps(row)] * 4),
    }[shape]
    reader = Reader(SMALL, 3)
    with pytest.raises(TooManyRows, match="4 records; at most 3"):
        reader.read(body.encode(), lines=shape == "lines")
    assert len(Reader(SMALL, 4).read(body.encode(), lines=shape == "lines").matrix) == 4
