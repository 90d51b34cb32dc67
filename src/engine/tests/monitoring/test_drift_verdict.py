"""The verdict: what fails, what only warns, and what is no data."""

from typing import Any

import numpy as np
import pytest
from peer_evidently import category_profile, number_profile

from tagship.config.drift import Drift
from tagship.monitoring.current_data import Current, Values
from tagship.monitoring.drift import judge_drift
from tagship.monitoring.verdicts import DriftVerdict, Finding
from tagship.training.profiles import TextProfile
from tagship.training.reference import Reference

ROWS = 4000
PLANS = ("free", "plus", "pro")
SHARES = (0.6, 0.3, 0.1)


def ages(seed: int, rows: int = ROWS) -> np.ndarray:
    return np.random.default_rng(seed).normal(45, 12, rows).clip(18, 99).round()


def plans(seed: int, rows: int = ROWS, shares: tuple[float, ...] = SHARES) -> np.ndarray:
    return np.random.default_rng(seed).choice(3, rows, p=shares)


def scores(seed: int, rows: int = ROWS) -> np.ndarray:
    return np.random.default_rng(seed).beta(2, 5, rows)


@pytest.fixture(scope="module")
def reference() -> Reference:
    age = number_profile(np.where(np.arange(ROWS) % 20, ages(1), np.nan))
    return Reference(
        model="tiny",
        task="binary",
        threshold=0.5,
        columns={
            "age": age.model_copy(update={"min": 18.0, "max": 100.0}),
            "plan": category_profile([PLANS[code] for code in plans(2)], PLANS),
            "note": TextProfile(dtype="string", rows=ROWS, missing=ROWS // 2),
        },
        target=category_profile(["no", "yes"] * (ROWS // 2), ("no", "yes")),
        prediction=number_profile(scores(3)),
    )


def drift(**changed: Any) -> Drift:
    content = {
        "method": "wasserstein",
        "warn_above": 0.08,
        "fail_above": 0.1,
        "categories": {"method": "jensen_shannon", "warn_above": 0.06, "fail_above": 0.08},
    }
    return Drift.model_validate(content | changed)


def current(rows: int = ROWS, **changed: Any) -> Current:
    """Data like the training's, but for what is given; None leaves a column out."""
    values = {
        "age": np.where(np.arange(rows) % 20, ages(11, rows), np.nan),
        "plan": plans(12, rows),
        "note": np.arange(rows) % 2 == 0,
        "prediction": scores(13, rows),
    } | changed
    made = {
        name: found if isinstance(found, Values) else Values(found)
        for name, found in values.items()
        if found is not None and name not in ("times", "extra")
    }
    return Current(
        rows,
        {name: made[name] for name in ("age", "plan", "note") if name in made},
        made.get("prediction"),
        made.get("target"),
        values.get("times"),
        values.get("extra", ()),
    )


def one(verdict: DriftVerdict, column: str, check: str = "drift") -> Finding:
    [found] = [f for f in verdict.findings if (f.column, f.check) == (column, check)]
    return found


def test_data_like_the_trainings_is_ok(reference: Reference) -> None:
    verdict = judge_drift(reference, drift(), current())
    assert (verdict.status, verdict.rows, verdict.drifted_share) == ("ok", ROWS, 0)
    assert {(f.column, f.check) for f in verdict.findings} == {
        ("age", "drift"),
        ("plan", "drift"),
        ("prediction", "prediction"),
    }


def test_a_shifted_column_is_named_and_fails(reference: Reference) -> None:
    verdict = judge_drift(reference, drift(), current(age=ages(11) * 1.6))
    assert (verdict.status, verdict.drifted_share) == ("fail", 0.5)
    assert verdict.reason == "age"
    assert one(verdict, "age").status == "fail"
    assert one(verdict, "plan").status == "ok"
    assert "mean 44.91 → 72.33" in one(verdict, "age").detail


def test_a_share_of_failed_columns_that_is_allowed_only_warns(reference: Reference) -> None:
    moved = current(age=ages(11) + 9)
    assert judge_drift(reference, drift(share_fail_above=0.49), moved).status == "fail"
    verdict = judge_drift(reference, drift(share_fail_above=0.5), moved)
    assert verdict.status == "warn"
    assert verdict.reason == "age: 50.0 % of the columns, not above 50.0 %"


def test_between_its_limits_a_column_warns(reference: Reference) -> None:
    verdict = judge_drift(reference, drift(warn_above=0.05), current(age=ages(11) + 0.6))
    assert 0.05 < (one(verdict, "age").value or 0) < 0.1
    assert (verdict.status, one(verdict, "age").status) == ("warn", "warn")


def test_a_distance_that_chance_explains_is_none(reference: Reference) -> None:
    """200 rows scatter by more than 0.1 now and then; 20,000 that are as far away do not."""
    shift = 1.3
    few = one(judge_drift(reference, drift(), current(200, age=ages(11, 200) + shift)), "age")
    assert few.value is not None
    assert few.value > 0.1
    assert (few.status, few.detail.endswith(", within chance")) == ("ok", True)
    many = judge_drift(reference, drift(), current(20_000, age=ages(11, 20_000) + shift))
    assert one(many, "age").status == "fail"


def test_a_column_has_limits_of_its_own(reference: Reference) -> None:
    own = drift(columns={"age": {"warn_above": 0.5, "fail_above": 0.9}})
    assert judge_drift(reference, own, current(age=ages(11) + 5)).status == "ok"


@pytest.mark.parametrize("method", ["psi", "jensen_shannon", "wasserstein", "ks"])
@pytest.mark.parametrize("moved", [0, 9])
def test_every_method_tells_drift_from_none(reference: Reference, method: str, moved: int) -> None:
    """The direction is each method's own: a p-value fails below its limit, a distance above."""
    limit = {"fail_below": 0.001} if method == "ks" else {"fail_above": 0.1}
    own = drift(columns={"age": {"method": method, **limit}})
    verdict = judge_drift(reference, own, current(age=ages(11) + moved))
    assert verdict.status == ("fail" if moved else "ok")


@pytest.mark.parametrize("method", ["psi", "jensen_shannon", "chi_square"])
@pytest.mark.parametrize("shares", [SHARES, (0.4, 0.3, 0.3)])
def test_every_method_for_categories_too(
    reference: Reference, method: str, shares: tuple[float, ...]
) -> None:
    limit = {"fail_below": 0.001} if method == "chi_square" else {"fail_above": 0.1}
    own = drift(categories={"method": method, **limit})
    verdict = judge_drift(reference, own, current(plan=plans(12, ROWS, shares)))
    assert verdict.status == ("ok" if shares == SHARES else "fail")


def test_p_values_are_corrected_for_the_number_of_columns(reference: Reference) -> None:
    tests = {
        "method": "ks",
        "warn_above": None,
        "fail_above": None,
        "fail_below": 0.05,
        "categories": {"method": "chi_square", "fail_below": 0.05},
    }
    data = current(age=ages(11) + 0.4)
    found = {
        name: one(judge_drift(reference, drift(**tests, correction=name), data), "age").value
        for name in ("none", "bonferroni")
    }
    assert found["none"] is not None
    assert found["bonferroni"] == pytest.approx(2 * found["none"])


def test_predictions_that_moved_fail_alone(reference: Reference) -> None:
    verdict = judge_drift(
        reference, drift(share_fail_above=1.0), current(prediction=scores(13) + 0.2)
    )
    assert (verdict.status, verdict.reason) == ("fail", "prediction")


def test_the_target_is_judged_when_the_data_has_it(reference: Reference) -> None:
    rare = np.zeros(ROWS, dtype=int)
    verdict = judge_drift(reference, drift(), current(target=rare))
    assert verdict.status == "fail"
    assert one(verdict, "target", "target").detail == "no 50.0 % → 100 %"


@pytest.mark.parametrize("rows", [0, 1, 199])
def test_too_few_rows_are_no_data_and_no_pass(reference: Reference, rows: int) -> None:
    verdict = judge_drift(reference, drift(), current(rows))
    assert (verdict.status, verdict.findings) == ("no data", ())
    assert verdict.reason == (
        f"{rows} rows, fewer than min_rows 200" if rows else "there are no rows"
    )


def test_more_missing_values_fail_unless_chance_explains_them(reference: Reference) -> None:
    many = np.where(np.random.default_rng(5).random(ROWS) < 0.15, np.nan, ages(11))
    verdict = judge_drift(reference, drift(), current(age=many))
    found = one(verdict, "age", "missing")
    assert (verdict.status, found.status) == ("fail", "fail")
    assert found.detail.startswith("missing 5.0 % → 1")
    few = np.where(np.arange(600) % 13, ages(11, 600), np.nan)
    assert judge_drift(reference, drift(), current(600, age=few)).status == "ok"


def test_text_is_compared_by_what_is_missing(reference: Reference) -> None:
    verdict = judge_drift(reference, drift(), current(note=np.zeros(ROWS, dtype=bool)))
    assert one(verdict, "note", "missing").status == "fail"


def test_a_column_without_any_value_fails(reference: Reference) -> None:
    verdict = judge_drift(reference, drift(), current(age=np.full(ROWS, np.nan)))
    assert verdict.status == "fail"
    assert one(verdict, "age").value is None
    assert one(verdict, "age").detail == "no value to compare"
    empty = judge_drift(reference, drift(), current(plan=np.full(ROWS, -1)))
    assert one(empty, "plan").status == "fail"


def test_a_column_that_was_empty_in_training(reference: Reference) -> None:
    nothing = number_profile(np.full(ROWS, np.nan))
    then = reference.model_copy(update={"columns": {**reference.columns, "age": nothing}})
    for method in ({}, {"age": {"method": "ks", "fail_below": 0.01}}):
        still = judge_drift(then, drift(columns=method), current(age=np.full(ROWS, np.nan)))
        assert still.status == "ok"
    filled = one(judge_drift(then, drift(), current()), "age")
    assert (filled.status, filled.detail) == ("fail", "missing in every row of the training")


def test_a_constant_column_is_compared_like_any_other(reference: Reference) -> None:
    assert judge_drift(reference, drift(), current(age=np.full(ROWS, 45.0))).status == "fail"
    constant = number_profile(np.full(ROWS, 45.0))
    then = reference.model_copy(update={"columns": {**reference.columns, "age": constant}})
    for method in ("psi", "jensen_shannon", "wasserstein"):
        own = drift(columns={"age": {"method": method, "warn_above": 0.05, "fail_above": 0.1}})
        assert judge_drift(then, own, current(age=np.full(ROWS, 45.0))).status == "ok"
        assert judge_drift(then, own, current(age=np.full(ROWS, 46.0))).status == "fail"


def test_new_values_unreadable_ones_and_those_out_of_range_are_named(reference: Reference) -> None:
    gold = plans(12)
    gold[:100] = 3
    unread = np.arange(ROWS) < 80
    old = np.where(unread, np.nan, ages(11))
    old[200:300] = 130
    verdict = judge_drift(
        reference, drift(), current(plan=Values(gold, new=("gold",)), age=Values(old, unread))
    )
    assert one(verdict, "plan", "unknown").detail == "100 values that the contract lacks: 'gold'"
    assert one(verdict, "age", "unknown").detail == "80 values that are not float"
    assert one(verdict, "age", "out of range").detail == "100 values outside 18..100"
    assert {f.status for f in verdict.findings if f.method == "share"} == {"fail"}


def test_what_is_unusual_is_out_of_range_though_it_is_possible(reference: Reference) -> None:
    age = reference.columns["age"].model_copy(update={"usual": [30.0, 60.0]})
    then = reference.model_copy(update={"columns": {**reference.columns, "age": age}})
    assert one(judge_drift(then, drift(), current()), "age", "out of range").status == "fail"


def test_a_column_that_is_gone_fails_and_a_new_one_warns(reference: Reference) -> None:
    gone = judge_drift(reference, drift(), current(age=None))
    assert (gone.status, one(gone, "age", "column").detail) == (
        "fail",
        "the data has no such column",
    )
    new = judge_drift(reference, drift(), current(extra=("height",)))
    assert (new.status, new.extra) == ("warn", ("height",))


def times(rows: int = ROWS) -> np.ndarray:
    return np.datetime64("2026-11-21T00:00", "ms") + np.arange(rows) * np.timedelta64(1000, "ms")


def moved(*parts: int) -> np.ndarray:
    """Ages that are shifted in some of ten parts of the time."""
    part = np.arange(ROWS) * 10 // ROWS
    return ages(11) + 9 * np.isin(part, parts)


@pytest.mark.parametrize(
    ("parts", "status", "windows"),
    [
        ((), "ok", ["ok"] * 5),
        ((4, 5, 6, 7, 8, 9), "fail", ["ok", "ok", "fail", "fail", "fail"]),
        ((0, 1, 8, 9, 2, 3), "fail", ["fail", "fail", "ok", "ok", "fail"]),
        ((8, 9), "warn", ["ok", "ok", "ok", "ok", "fail"]),
        ((0, 1, 2, 3, 4, 5, 6, 7), "ok", ["fail", "fail", "fail", "fail", "ok"]),
    ],
    ids=["none", "lasting", "coming and going", "once", "over"],
)
def test_only_drift_that_lasts_until_now_fails(
    reference: Reference, parts: tuple[int, ...], status: str, windows: list[str]
) -> None:
    own = drift(window={"fail": 3, "of": 5})
    verdict = judge_drift(reference, own, current(age=moved(*parts), times=times()))
    assert [window.status for window in verdict.windows] == windows
    assert verdict.status == status
    assert sum(window.rows for window in verdict.windows) == ROWS
    assert verdict.windows[0].since == "2026-11-21T00:00:00.000Z"


def test_few_rows_make_fewer_windows_and_no_times_make_one(reference: Reference) -> None:
    own = drift(window={"fail": 3, "of": 5})
    shifted = ages(11, 500) + 9
    two = judge_drift(reference, own, current(500, age=shifted, times=times(500)))
    assert (two.status, [window.rows for window in two.windows]) == ("fail", [250, 250])
    single = judge_drift(reference, own, current(500, age=shifted))
    assert (single.status, len(single.windows)) == ("fail", 1)


def test_it_is_plain_json(reference: Reference) -> None:
    import json

    verdict = judge_drift(reference, drift(), current(age=ages(11) + 9, times=times()))
    content = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    assert content["schema"] == 1
    assert content["findings"][0]["column"] == "age"
    assert content["status"] == "fail"
