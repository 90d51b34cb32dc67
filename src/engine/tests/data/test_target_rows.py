"""Rows without a target and of rare classes, as data.yaml says what becomes of them."""

import numpy as np
import pandas as pd

from projects import ROWS, Project
from tagship.training.bundle import load_bundle
from tagship.training.fingerprint import current_inputs

TARGET = 'positive: "yes"'


def without_some(project: Project) -> None:
    def drop(table: pd.DataFrame) -> None:
        table["bought"] = table["bought"].mask(np.arange(len(table)) % 50 == 3, "")

    project.rewrite_table(drop)


def with_rare(project: Project) -> None:
    def name(table: pd.DataFrame) -> None:
        table.loc[[5, 17, 40], "bought"] = ["perhaps", "perhaps", "never"]

    project.rewrite_table(name)


def test_rows_without_a_target_are_refused_or_left_out_and_counted(project: Project) -> None:
    without_some(project)
    project.refused("train", "tiny", says=("target is missing",))
    project.edit("data", TARGET, TARGET + ", missing: drop")
    said = project.tagship("train", "tiny")
    assert said.code == 0, said
    assert f"{len(range(3, ROWS, 50))} of {ROWS} rows have no target and are left out" in said.out
    assert load_bundle(project.files).lock.data.rows == ROWS - len(range(3, ROWS, 50))


def test_rare_classes_are_left_out_or_joined(project: Project) -> None:
    with_rare(project)
    project.refused("train", "tiny", says="exactly two labels")
    project.edit("data", TARGET, TARGET + ", rare: {below: 5}")
    said = project.tagship("train", "tiny")
    assert "3 rows of rare classes are left out: never (1), perhaps (2)" in said.out
    project.edit("data", "{below: 5}", "{below: 5, into: other}")
    project.refused("train", "tiny", says=("exactly two labels", "other"))


def test_a_regression_has_no_rare_classes(project: Project) -> None:
    project.edit("model", "task: binary", "task: regression")
    project.edit("data", TARGET, "rare: {below: 5}")
    project.refused("check", says=("target.rare", "no classes"))


def test_keys_that_say_what_holds_anyway_change_no_lock(project: Project) -> None:
    before = current_inputs(project.files).data
    project.edit("data", TARGET, TARGET + ", missing: refuse")
    project.edit("data", "kind: csv", "kind: csv, header: true, skip: 0")
    assert current_inputs(project.files).data == before
    project.edit("data", "missing: refuse", "missing: drop")
    assert current_inputs(project.files).data["target"] != before["target"]
