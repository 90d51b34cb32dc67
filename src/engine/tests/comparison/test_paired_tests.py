"""Tests of candidates on the same rows and folds, against figures that were worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from tagship.comparison.artifacts import front
from tagship.comparison.paired_tests import bootstrap_tests, corrected_t_test, holm
from tagship.training.bundle import OutOfFold


def test_the_corrected_t_test_of_a_worked_example() -> None:
    """Five folds: mean 0.02, s² = 5e-5, factor 1/5 + 1/4; t with 4 degrees: 2.7764 at 97.5 %."""
    test = corrected_t_test([0.01, 0.02, 0.03, 0.02, 0.02], 1 / 4)
    error = (0.45 * 5e-5) ** 0.5
    assert test.difference == pytest.approx(0.02)
    assert test.low == pytest.approx(0.02 - 2.7764 * error, abs=1e-6)
    assert test.high == pytest.approx(0.02 + 2.7764 * error, abs=1e-6)
    assert test.p_value == pytest.approx(0.0135, abs=1e-4)


def test_folds_that_never_differ_say_nothing_and_a_lead_that_never_varies_everything() -> None:
    assert corrected_t_test([0.0, 0.0, 0.0], 0.5).p_value == 1
    assert corrected_t_test([0.25, 0.25, 0.25], 0.5).p_value == 0


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.9]) == [1, 1]
    assert holm([]) == []


def out_of_fold(**scores: np.ndarray) -> OutOfFold:
    target = np.random.default_rng(3).normal(size=400)
    given = {name: target + noise for name, noise in scores.items()}
    return OutOfFold(np.repeat(np.arange(4), 100), np.arange(400), target, given, {})


def test_the_bootstrap_tells_a_lead_from_none_whichever_way_the_metric_is_better() -> None:
    noise = np.random.default_rng(1).normal(size=(2, 400))
    folds = out_of_fold(best=0.1 * noise[0], same=0.1 * noise[0], worse=noise[1])
    for metric in ("rmse", "r2"):
        tests = bootstrap_tests("regression", folds, "best", (), metric, 0.5, 7)
        assert (tests["same"].difference, tests["same"].p_value) == (0, 1)
        assert 0 < tests["worse"].low < tests["worse"].difference < tests["worse"].high
        assert tests["worse"].p_value == pytest.approx(2 / 1001)


def repeated(folds: OutOfFold, times: int) -> OutOfFold:
    return OutOfFold(
        np.concatenate([folds.fold + 4 * at for at in range(times)]),
        np.tile(folds.rows, times),
        np.tile(folds.target, times),
        {name: np.tile(each, times) for name, each in folds.scores.items()},
        {},
    )


def test_folds_that_are_drawn_again_make_no_new_rows() -> None:
    noise = np.random.default_rng(1).normal(size=(2, 400))
    folds = out_of_fold(best=0.9 * noise[0], worse=noise[1])
    arguments = ("best", (), "rmse", 0.5, 7)
    once = bootstrap_tests("regression", folds, *arguments)["worse"]
    often = bootstrap_tests("regression", repeated(folds, 9), *arguments)["worse"]
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    assert often.p_value == once.p_value


def test_rows_without_weight_decide_nothing() -> None:
    noise = np.random.default_rng(1).normal(size=(2, 400))
    halves = np.where(np.arange(400) < 200, noise[0], 9.0)
    folds = out_of_fold(best=halves, worse=noise[1])
    first = (np.arange(400) < 200).astype(float)
    arguments = ("best", (), "rmse", 0.5, 7)
    assert bootstrap_tests("regression", folds, *arguments)["worse"].difference < -1
    weighted = bootstrap_tests("regression", replace(folds, weights=first), *arguments)["worse"]
    assert abs(weighted.difference) < 0.3


def test_many_candidates_have_resamples_enough_for_the_correction() -> None:
    noise = np.random.default_rng(1).normal(size=(30, 400))
    worse = {f"worse{at}": each for at, each in enumerate(noise)}
    folds = out_of_fold(best=0.1 * noise[0], **worse)
    tests = bootstrap_tests("regression", folds, "best", (), "r2", 0.5, 7)
    assert max(holm([test.p_value for test in tests.values()])) < 0.05


def test_the_front_holds_what_nothing_beats_in_all_that_is_known_of_it() -> None:
    costs = {"good": (1, 9), "quick": (5, 2), "beaten": (5, 3), "unmeasured": (4, None)}
    assert front(costs) == {"good", "quick"}
    assert front({"alone": (None, None)}) == {"alone"}
