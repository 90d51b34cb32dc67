"""What is said of candidates: a clear winner, no telling apart, one candidate only."""

from typing import Any

from tagship.comparison.conclusion import conclude
from tagship.comparison.document import (
    AgainstBest,
    CandidateFigures,
    FoldFigures,
    Lead,
)
from tagship.formatting import MINUS


def lead(difference: float, reach: float, p_value: float) -> Lead:
    return Lead(
        difference=difference, low=difference - reach, high=difference + reach,
        p_value=p_value / 2, corrected_p_value=p_value,
    )  # fmt: skip


def candidate(mean: float, seconds: float | None = 1.0, **against: Any) -> CandidateFigures:
    return CandidateFigures(
        state="trained", winner=not against, estimator="some.Estimator", seconds=seconds,
        metrics={"r2": FoldFigures(mean=mean, std=0.01, folds=None)}, front=False,
        against_best=AgainstBest(best="boosting", **against) if against else None,
    )  # fmt: skip


CLEAR = {"rows": lead(0.02, 0.005, 0.004), "folds": lead(0.02, 0.01, 0.01), "told_apart": True}
CHANCE = {"rows": lead(0.002, 0.005, 0.4), "folds": lead(0.002, 0.01, 0.7)}
UNSTEADY = {"rows": lead(0.02, 0.005, 0.004), "folds": lead(0.02, 0.03, 0.2)}


def test_a_clear_winner() -> None:
    candidates = {"boosting": candidate(0.8), "forest": candidate(0.78, **CLEAR)}
    assert conclude("housing", "r2", candidates, "boosting") == [
        "boosting wins housing by 0.02 r2 over forest; the interval 0.015 to 0.025 excludes 0."
    ]


def test_candidates_that_cannot_be_told_apart_leave_the_cheapest() -> None:
    candidates = {
        "boosting": candidate(0.8, 9.0),
        "forest": candidate(0.79, 20.0, told_apart=False, **CHANCE),
        "ridge": candidate(0.78, 0.5, told_apart=False, **UNSTEADY),
    }
    first, *reasons = conclude("housing", "r2", candidates, "boosting")
    assert first == (
        "The three candidates of housing cannot be told apart: take the cheapest, ridge (trained"
        " in 0.50 s, the others in 9 and 20 s)."
    )
    assert reasons == [
        f"boosting is ahead of forest by 0.002 r2, but the interval {MINUS}0.003 to 0.007 includes"
        " 0.",
        "boosting is ahead of ridge by 0.02 r2, and the interval 0.015 to 0.025 excludes 0 on"
        " these rows, but the lead is not steady over the folds: another training may reverse it.",
    ]


def test_a_lead_that_the_correction_takes_away() -> None:
    lost = {"rows": lead(0.02, 0.015, 0.06), "folds": lead(0.02, 0.01, 0.01)}
    candidates = {"boosting": candidate(0.8), "forest": candidate(0.7, told_apart=False, **lost)}
    assert conclude("housing", "r2", candidates, "boosting")[1].endswith(
        "excludes 0, but not once corrected for many comparisons."
    )


def test_some_are_beaten_and_some_are_not() -> None:
    candidates = {
        "boosting": candidate(0.8, None),
        "forest": candidate(0.79, told_apart=False, **CHANCE),
        "ridge": candidate(0.6, **CLEAR),
    }
    assert conclude("housing", "r2", candidates, "boosting")[:2] == [
        "boosting and forest of housing cannot be told apart; which is the cheapest to train is not"
        " recorded.",
        "boosting beats ridge by 0.02 r2; the interval 0.015 to 0.025 excludes 0.",
    ]


def test_one_candidate_only() -> None:
    (said,) = conclude("housing", "r2", {"boosting": candidate(0.8)}, "boosting")
    assert said.startswith("boosting is the only candidate of housing, with r2 0.8000 over")


def test_without_the_folds_nothing_is_claimed() -> None:
    unknown = candidate(0.7, rows=None, folds=None, told_apart=None)
    (said,) = conclude("housing", "r2", {"boosting": candidate(0.8), "ridge": unknown}, "boosting")
    assert "cannot be told: the values of the folds are not recorded" in said
