"""A label is acknowledged only where whoever reads the log will take it."""

import json

import numpy as np
import pytest

from tagship.contract.boundary import Boundary, Field
from tagship.contract.json_records import InvalidRecords
from tagship.monitoring.label_join import _encoded
from tagship.serving.feedback import LabelReader, UnknownPrediction
from tagship.serving.request_reader import NotJson, TooManyRows

FIELDS = (Field("a", "float"),)
CLASSES = Boundary("binary", FIELDS, classes=("no", "yes: surely"))
NUMBERS = Boundary("regression", FIELDS)


def read(body, boundary=CLASSES):
    text = body if isinstance(body, str) else json.dumps(body)
    return LabelReader(boundary, 3, {"given": 2, "other": 1}.get).read(text.encode())


def label(actual="no", **more):
    return {"request_id": "given", "actual": actual, **more}


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (label(), [0]),
        ([label(), label(row=1), label("yes: surely", row=0)], [0, 1, 0]),
        ('{"actual": "no", "\\u0072ow": 1, "request_id": "giv\\u0065n"}', [1]),
    ],
)
def test_labels_are_read_wherever_a_colon_stands(body, places):
    assert [each.place for each in read(body)] == places


@pytest.mark.parametrize(
    "body",
    [
        '{"request_id": "given", "row": 5, "row": 0, "actual": "no"}',
        '{"request_id": "given", "actual": "no", "actual": "yes: surely"}',
        '[{"request_id": "given", "actual": "no"},'
        ' {"request_id": "given", "request_id": "other", "actual": "no"}]',
        "{",
        "",
        "NaN",
        '{"request_id": "\\ud800", "actual": "no"}',
        '{"request_id": "given", "actual": "no"} {}',
    ],
)
def test_what_is_not_json_or_says_a_thing_twice_is_not_read(body):
    with pytest.raises(NotJson):
        read(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (label("yes"), "actual"),
        (label(1), "actual"),
        (label(row=2), "row"),
        (label(row=-1), "row"),
        (label(row=2**70), "row"),
        (label(why=1), ""),
        ([], ""),
        (None, ""),
    ],
)
def test_a_label_that_cannot_be_used_is_named(body, field):
    with pytest.raises(InvalidRecords) as refused:
        read(body)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_label_of_another_prediction_is_told_by_its_place():
    with pytest.raises(UnknownPrediction) as refused:
        read([label(), {"request_id": "none", "actual": "no"}])
    assert [problem.row for problem in refused.value.problems] == [1]


def test_too_many_labels_are_refused():
    with pytest.raises(TooManyRows):
        read([label()] * 4)


@pytest.mark.parametrize(
    "actual", [0, -0.0, 3.5, 3.4e38, 1e39, 1e308, -1e39, 2**70, 10**400, 2**128 - 2**104, 2**128]
)
def test_a_number_is_taken_where_the_watcher_takes_it(actual):
    try:
        taken = len(read(label(actual), NUMBERS)) == 1
    except InvalidRecords:
        taken = False
    _, valid = _encoded([actual], NUMBERS)
    assert np.array_equal(valid, [taken])
