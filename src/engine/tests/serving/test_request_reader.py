"""msgspec decides the speed of reading, never what is accepted."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagship.contract.boundary import Boundary, Field
from tagship.contract.json_records import InvalidRecords
from tagship.serving import request_reader
from tagship.serving.request_reader import NotJson, Reader, TooManyRows

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
    assert outcome(reader.read, body) == outcome(reader.read_exactly, body)


@pytest.mark.parametrize("body", [b'{"a": 1, "k": "x"}', b' [{"a": 1.5, "k": null}]'])
def test_the_common_case_never_reaches_the_exact_decoder(body, monkeypatch):
    monkeypatch.setattr(request_reader.RecordReader, "read", None)
    assert Reader(SMALL, 10).read(body).matrix.dtype == np.float32


def test_a_missing_value_of_a_number_is_nan_and_of_a_category_minus_one():
    nullable = Boundary("regression", (Field("a", "float", nullable=True), *SMALL.fields[1:]))
    (row,) = Reader(nullable, 10).read(b'{"a": null, "k": null}').matrix.tolist()
    assert math.isnan(row[0])
    assert row[1] == -1


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "k": "x", "a": 2}',
        b'[{"a": 1, "k": "x"}, {"a": 1, "k": "x", "k": "y"}]',
        b'{"a": 1, "k" : "x", "k" :"y"}',
    ],
)
def test_a_key_that_stands_twice_is_refused(body):
    with pytest.raises(NotJson, match="stands twice"):
        Reader(SMALL, 10).read(body)


def test_columns_are_a_record_like_any_other():
    problems = outcome(Reader(SMALL, 10).read, b'{"columns": {"a": [1], "k": ["x"]}}')
    assert (0, "columns", "is not in the contract") in problems


@pytest.mark.parametrize(
    "change", [{"note": "\ud800"}, {"note": "a\udc00b"}, {"since": "2024-01-01\ud80000:00"}]
)
def test_half_a_character_is_refused_since_no_reader_of_the_log_takes_it(change):
    with pytest.raises(InvalidRecords) as refused:
        Reader(BOUNDARY, 10).read(json.dumps(GOOD | change).encode())
    assert [problem.field for problem in refused.value.problems] == [*change]
    whole = json.dumps(GOOD | {"note": "\U0001f600"}).encode()  # a pair, in JSON
    assert Reader(BOUNDARY, 10).read(whole).logged


def test_one_row_too_many_is_refused():
    body = json.dumps([{"a": 1.0, "k": "x"}] * 4).encode()
    with pytest.raises(TooManyRows, match="4 records; at most 3"):
        Reader(SMALL, 3).read(body)
    assert len(Reader(SMALL, 4).read(body).matrix) == 4


class Counted(str):
    """A key that counts how often it is looked up or compared."""

    count = 0

    def __hash__(self):
        Counted.count += 1
        return super().__hash__()

    def __eq__(self, other):
        Counted.count += 1
        return super().__eq__(other)


@pytest.mark.parametrize("keys", [1000, 20_000])
def test_a_key_that_stands_twice_is_told_by_looking_at_each_key_a_few_times(keys):
    pairs = [(Counted(f"k{number}"), 0) for number in range(keys)]
    Counted.count = 0
    with pytest.raises(ValueError, match="the key 'k0' stands twice"):
        request_reader._once(pairs + [(Counted(key), value) for key, value in pairs])
    assert Counted.count < 10 * keys


MANY = 10_000
FLOODS = {
    "keys": "{%s}" % ",".join(f'"k{n}":0' for n in range(MANY)),  # noqa: UP031
    "records": "[%s]" % ",".join(["{}"] * MANY),  # noqa: UP031
    "arrays": "[" + "[[],[]]," * MANY + "0]",
    "texts": "[%s]" % ",".join(['{"a":"[,{"}'] * MANY),  # noqa: UP031
    "an open text": "[" + "0," * MANY + '"' + '\\"' * MANY,
}


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("boundary", [SMALL, BOUNDARY], ids=["numbers", "texts"])
def test_more_values_than_the_largest_request_has_are_counted_and_never_read(
    flood, boundary, monkeypatch
):
    reader = Reader(boundary, 100)
    for name in ("_one", "_many", "_exact"):
        monkeypatch.setattr(reader, name, None)
    monkeypatch.setattr(request_reader, "_JSON", None)
    with pytest.raises(TooManyRows, match="at most 100 records of"):
        reader.read(FLOODS[flood].encode())
    with pytest.raises(TooManyRows, match="at most 100 records of"):
        reader.read_exactly(FLOODS[flood].encode())


def test_text_may_hold_what_would_be_too_many_values():
    row = GOOD | {"note": '[{"a, b": c}], ' * 1000}
    assert len(Reader(BOUNDARY, 5).read(json.dumps([row] * 5).encode()).matrix) == 5


def test_text_is_left_out_of_the_count_in_one_go():
    """An open text is one match: were it tried again at each quote, its length would be squared."""
    for text in (b'"' + b'\\"' * 5000, b'"' + b"\\" * 5001, b'"ab' + b"\\\\" * 4000 + b'"'):
        assert len(request_reader._TEXT.findall(text)) == 1
    assert request_reader._TEXT.sub(b'""', b'{"a,\\"": [1, "\\\\", "b"]}') == b'{"": [1, "", ""]}'


def test_no_more_problems_are_made_than_are_shown():
    bad = [{"a": "x", "k": "z", **{f"u{n}": 0 for n in range(200)}} for _ in range(300)]
    with pytest.raises(InvalidRecords) as refused:
        request_reader.RecordReader(SMALL).read(bad)
    assert len(refused.value.problems) == 100
    assert {problem.row for problem in refused.value.problems} == {0}


def test_text_is_only_looked_for_where_a_right_request_may_hold_what_is_counted(monkeypatch):
    monkeypatch.setattr(request_reader, "_TEXT", None)
    with pytest.raises(TooManyRows):
        Reader(SMALL, 1).read(FLOODS["texts"].encode())
    with pytest.raises(TooManyRows):  # nor where there are too many of them
        Reader(BOUNDARY, 1).read(b"[" + b'"",' * MANY + b"0]")
    with pytest.raises(AttributeError):
        Reader(BOUNDARY, 1).read(b'["' + b"," * MANY + b'"]')
    for name, values in (("a, b", ("x",)), ("a", ("x", "y]"))):
        field = Field(name, "category", values=values)
        with pytest.raises(AttributeError):
            Reader(Boundary("regression", (field,)), 1).read(b'["' + b"," * MANY + b'"]')


@pytest.mark.parametrize("said", ["", "soon", "2024-13-01"])
def test_a_date_that_nothing_reads_is_checked_all_the_same(said):
    """Of a single record, whose numbers go straight into the matrix."""
    boundary = Boundary("regression", (*SMALL.fields, Field("d", "datetime", feature=False)))
    body = json.dumps({"a": 1.5, "k": "x", "d": said}).encode()
    problem = f"must be an ISO 8601 date; is {said!r}"
    assert outcome(Reader(boundary, 10).read, body) == [(0, "d", problem)]
