"""Whatever a table holds becomes values that can be compared, or is counted as unknown."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prediction_logs import BINARY, NOON, RECORD, line, write

from tagship.contract.boundary import Field
from tagship.monitoring.current_data import Current, Values, from_log, from_table
from tagship.monitoring.log_reader import read_predictions
from tagship.training.profiles import Profile, describe
from tagship.training.reference import Reference

PLAN = describe(Field("x", "category", values=("free", "plus", 3)), np.array([0, 1, 2, -1]))
MEMBER = describe(Field("x", "bool"), np.array([0.0, 1.0]))
AGE = describe(Field("x", "float"), np.array([18.0, 40.0]))
NOTE = describe(Field("x", "string"), np.array(["a", None], dtype=object))


def values(profile: Profile, found: Any) -> Values:
    reference = Reference(
        model="tiny",
        task="regression",
        threshold=0.5,
        columns={"x": profile},
        target=AGE,
        prediction=AGE,
    )
    return from_table(reference, pd.DataFrame({"x": found}), "y").columns["x"]


@pytest.mark.parametrize(
    ("found", "codes", "new"),
    [
        (["free", "plus", "3", None, "gold"], [0, 1, 2, -1, 3], ("gold",)),
        (pd.Categorical(["plus", None, "gold"]), [1, -1, 3], ("gold",)),
        ([3.0, np.nan, 4.0], [2, -1, 3], ("4",)),
        (np.array(["free", 3, True], dtype=object), [0, 2, 3], ("true",)),
    ],
    ids=["text", "categorical", "numbers", "mixed"],
)
def test_categories(found: Any, codes: list[int], new: tuple[str, ...]) -> None:
    read = values(PLAN, found)
    assert (read.values.tolist(), read.new) == (codes, new)


@pytest.mark.parametrize(
    ("found", "codes", "new"),
    [
        ([True, False, True], [1, 0, 1], ()),
        (["True", "false", "1", "0", None], [1, 0, 1, 0, -1], ()),
        ([1.0, 0.0, np.nan], [1, 0, -1], ()),
        (["yes", "true", "1.0"], [2, 1, 3], ("yes", "1.0")),
    ],
    ids=["bool", "text", "numbers", "other"],
)
def test_truth_values(found: Any, codes: list[int], new: tuple[str, ...]) -> None:
    read = values(MEMBER, found)
    assert (read.values.tolist(), read.new) == (codes, new)


@pytest.mark.parametrize(
    ("found", "numbers", "unknown"),
    [
        ([1, 2, None], [1, 2, None], None),
        (["1", "2.5", "old", None], [1, 2.5, None, None], [False, False, True, False]),
        ([True, False], [None, None], [True, True]),
        (pd.to_datetime(["2026-11-21", None]), [None, None], [True, False]),
        (pd.array([1, None], dtype="Int64"), [1, None], None),
        ([np.inf, 1.0], [np.inf, 1.0], None),
    ],
    ids=["numbers", "text", "bool", "times", "nullable", "infinite"],
)
def test_numbers(found: Any, numbers: list[float | None], unknown: list[bool] | None) -> None:
    read = values(AGE, found)
    expected = [np.nan if number is None else number for number in numbers]
    assert np.array_equal(read.values, np.array(expected, dtype=float), equal_nan=True)
    assert (None if read.unknown is None else read.unknown.tolist()) == unknown


def test_of_text_only_whether_it_is_there() -> None:
    assert values(NOTE, ["secret", None, ""]).values.tolist() == [True, False, True]


def test_some_rows_of_everything() -> None:
    column = Values(np.arange(4.0), np.array([False, True, False, True]))
    times = np.datetime64("2026-11-21", "ms") + np.arange(4)
    taken = Current(4, {"x": column}, column, column, times).take(slice(1, 3))
    assert taken.rows == 2
    assert taken.times is not None
    assert taken.times.tolist() == times[1:3].tolist()
    for part in (taken.columns["x"], taken.prediction, taken.target):
        assert part is not None
        assert part.values.tolist() == [1, 2]
        assert part.unknown is not None
        assert part.unknown.tolist() == [True, False]


def test_a_category_that_the_service_did_not_know_is_unknown_and_not_missing(
    tmp_path: Path,
) -> None:
    gold, none = RECORD | {"plan": "gold"}, RECORD | {"plan": None}
    write(tmp_path, line(), line(gold, request_id="r2"), line(none, request_id="r3"))
    logged = read_predictions(tmp_path, BINARY, now=NOON)
    known = logged.columns | {"plan": np.array([1, 0, -1])}
    reference = Reference(
        model="tiny",
        task="binary",
        threshold=0.5,
        columns={f.name: describe(f, known[f.name]) for f in BINARY.fields},
        target=AGE,
        prediction=AGE,
    )
    plan = from_log(reference, logged, np.arange(3)).columns["plan"]
    assert plan.values.tolist()[1:] == [-1, -1]
    assert plan.unknown is not None
    assert plan.unknown.tolist() == [False, True, False]
