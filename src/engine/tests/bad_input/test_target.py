"""Targets from which nothing can be learnt."""

from collections.abc import Callable

import pandas as pd
import pytest

from projects import Project


def _yes(count: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(bought=["yes"] * count + ["no"] * (len(frame) - count))


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (lambda f: f.drop(columns="bought"), "bought  column is missing"),
        (lambda f: f.assign(bought="yes"), "bought  target is constant  300    yes"),
        (lambda f: f.assign(bought=""), "bought  target is all missing  300"),
        (lambda f: f.assign(bought=["", *f.bought[1:]]), "bought  target is missing  1"),
        (lambda f: f.assign(bought=["maybe", *f.bought[1:]]), "exactly two labels  3"),
        (lambda f: f.assign(bought=f.bought.str.upper()), "has the positive label 'yes'"),
    ],
)
def test_a_target_that_cannot_be_learnt_is_refused(
    run_project: Project, change: Callable[[pd.DataFrame], pd.DataFrame], row: str
) -> None:
    run_project.rewrite_table(change)
    run_project.refused(
        "train", "tiny", says=("the data breaks its contract", row, "config/tiny/data.yaml")
    )


@pytest.mark.parametrize(
    ("values", "rule"),
    [([1.5, "inf"], "finite"), ([2, 2], "target is constant"), ([1, "x"], "a nu")],
)
def test_a_regression_target_must_be_finite_numbers_that_vary(
    run_project: Project, values: list[object], rule: str
) -> None:
    run_project.rewrite_table(lambda frame: frame.assign(bought=values * (len(frame) // 2)))
    run_project.edit("data", ', positive: "yes"', "")
    run_project.edit("data", ", stratify: true", "")
    run_project.edit("model", "binary", "regression")
    run_project.edit("model", "roc_auc", "r2")
    run_project.edit("thresholds", "roc_auc", "r2")
    run_project.edit("thresholds", "f1", "r2")
    run_project.edit("model", "LogisticRegression", "Ridge")
    run_project.edit("model", "DecisionTreeClassifier", "DecisionTreeRegressor")
    run_project.refused("train", "tiny", says=("breaks its contract", "bought", rule))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_class_with_fewer_rows_than_folds_is_named(run_project: Project, count: int) -> None:
    run_project.rewrite_table(_yes(count))
    run_project.refused(
        "train",
        "tiny",
        says=("config/tiny/data.yaml", f"class 'yes' has {count} rows", "3 folds", "select.folds"),
    )


def test_a_class_that_misses_the_holdout_is_named(run_project: Project) -> None:
    run_project.edit("data", "stratify: true", "time: visits")
    run_project.rewrite_table(
        lambda frame: _yes(40)(frame.sort_values("visits").reset_index(drop=True))
    )
    run_project.refused(
        "train", "tiny", says=("class 'yes' has no row in the holdout", "stratify: true")
    )
