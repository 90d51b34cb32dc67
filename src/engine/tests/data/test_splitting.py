"""The holdout, the folds, and what may not leak between them."""

import numpy as np
import pandas as pd
import pytest

from projects import Project
from tagship.config.project_files import ModelFiles
from tagship.data.splitting import check_leakage, folds, split_table
from tagship.data.table import load_table
from tagship.errors import TagshipError


def _loaded(project: Project) -> tuple[ModelFiles, pd.DataFrame]:
    return project.files, load_table(project.files).frame


@pytest.fixture
def grouped(project: Project) -> Project:
    project.edit("data", "stratify: true", "group: shop")
    project.edit("data", "  age:", "  shop: {dtype: string, feature: false}\n  age:")
    project.rewrite_table(lambda frame: frame.assign(shop=[f"s{n % 30}" for n in range(300)]))
    return project


@pytest.fixture
def timed(project: Project) -> Project:
    project.edit("data", "stratify: true", "time: day")
    project.edit("data", "  age:", "  day: {dtype: datetime, feature: false}\n  age:")
    days = pd.date_range("2024-01-01", periods=300).strftime("%Y-%m-%d").to_numpy()
    project.rewrite_table(
        lambda frame: frame.assign(day=np.random.default_rng(0).permutation(days))
    )
    return project


@pytest.mark.parametrize("split", ["stratify: true", "stratify: false", "seed: 1"])
def test_every_row_is_on_one_side(project: Project, split: str) -> None:
    project.edit("data", "stratify: true", split)
    files, table = _loaded(project)
    holdout = split_table(table, files.data, files.model)
    assert sorted([*holdout.train, *holdout.test]) == list(range(len(table)))
    assert len(holdout.test) == 60


def test_the_same_seed_gives_the_same_holdout_and_another_another(project: Project) -> None:
    files, table = _loaded(project)
    first = split_table(table, files.data, files.model).test
    assert np.array_equal(first, split_table(table, files.data, files.model).test)
    project.edit("data", "stratify: true", "stratify: true, seed: 1")
    assert not np.array_equal(first, split_table(table, project.files.data, files.model).test)


def test_stratifying_keeps_the_share_of_each_class(project: Project) -> None:
    files, table = _loaded(project)
    holdout = split_table(table, files.data, files.model)
    shares = [
        (table["bought"].iloc[rows] == "yes").mean() for rows in (holdout.train, holdout.test)
    ]
    assert shares[0] == pytest.approx(shares[1], abs=0.01)


def test_a_group_is_never_on_both_sides(grouped: Project) -> None:
    files, table = _loaded(grouped)
    holdout = split_table(table, files.data, files.model)
    pairs = [(holdout.train, holdout.test), *folds(table, holdout, files.data, files.model)]
    for one, other in pairs:
        assert not set(table["shop"].iloc[one]) & set(table["shop"].iloc[other])


def test_the_future_is_never_trained_on(timed: Project) -> None:
    files, table = _loaded(timed)
    holdout = split_table(table, files.data, files.model)
    pairs = [(holdout.train, holdout.test), *folds(table, holdout, files.data, files.model)]
    for one, other in pairs:
        assert table["day"].iloc[one].max() < table["day"].iloc[other].min()


@pytest.mark.parametrize("days", [7, 31])
def test_rows_of_one_time_are_on_one_side(timed: Project, days: int) -> None:
    timed.rewrite_table(
        lambda frame: frame.assign(day=[f"2024-01-{n * 5 % days + 1:02d}" for n in range(300)])
    )
    files, table = _loaded(timed)
    holdout = split_table(table, files.data, files.model)
    assert abs(len(holdout.test) - 60) <= 300 / days
    pairs = [(holdout.train, holdout.test), *folds(table, holdout, files.data, files.model)]
    for one, other in pairs:
        assert table["day"].iloc[one].max() < table["day"].iloc[other].min()


@pytest.mark.parametrize(
    ("early", "says"),
    [
        (300, "split: every row has the same 'day'"),
        (200, "split.time: no training row is earlier than the first fold of 3"),
    ],
)
def test_a_time_that_sets_no_rows_apart_is_refused(timed: Project, early: int, says: str) -> None:
    timed.edit("data", ', positive: "yes"', "")
    timed.edit("data", "column: bought", "column: visits")
    timed.edit("data", "  visits: {dtype: int, min: 0, max: 50}\n", "")
    timed.rewrite_table(
        lambda frame: frame.drop(columns="bought").assign(
            day=["2024-01-01" if n < early else "2024-01-02" for n in range(300)]
        )
    )
    timed.write(
        "model",
        "task: regression\nselect: {metric: mae, folds: 3}\n"
        "candidates: {line: {estimator: sklearn.linear_model.Ridge}}\n",
    )
    timed.edit("thresholds", "roc_auc: {fail_below: 0.6}", "mae: {fail_above: 9}")
    timed.edit("thresholds", "metric: f1", "metric: mae")
    timed.refused("train", "tiny", says=("data.yaml: " + says,))


@pytest.mark.parametrize(
    ("sizes", "held"),
    [
        ([240, *[2] * 30], {60}),
        ([2, 3, 5, 10, *[20] * 14], set(range(50, 71))),
        ([150, 150], {150}),
        ([10, 290], {10}),
    ],
)
def test_the_share_held_out_is_of_rows_not_of_groups(
    grouped: Project, sizes: list[int], held: set[int]
) -> None:
    shops = [f"s{group}" for group, size in enumerate(sizes) for _ in range(size)]
    files, table = _loaded(grouped)
    table["shop"] = shops
    for seed in range(5):
        split = files.data.split.model_copy(update={"seed": seed})
        data = files.data.model_copy(update={"split": split})
        found = split_table(table, data, files.model)
        assert len(found.test) in held
        assert np.array_equal(found.test, split_table(table, data, files.model).test)


def test_one_group_only_is_refused(grouped: Project) -> None:
    grouped.rewrite_table(lambda frame: frame.assign(shop="a"))
    grouped.refused("train", "tiny", says=("data.yaml: split: every row has the same 'shop'",))


def test_folds_never_see_the_holdout(project: Project) -> None:
    files, table = _loaded(project)
    holdout = split_table(table, files.data, files.model)
    made = list(folds(table, holdout, files.data, files.model))
    assert len(made) == 3
    judged = np.concatenate([judge for _, judge in made])
    assert sorted(judged) == list(holdout.train)
    for fit, judge in made:
        assert not set(fit) & (set(judge) | set(holdout.test))


def test_fewer_groups_than_folds_are_refused(grouped: Project) -> None:
    grouped.rewrite_table(lambda frame: frame.assign(shop=["a", "b", "c"] * 100))
    grouped.refused("train", "tiny", says=("data.yaml: split.group: 2 groups", "select.folds"))


@pytest.mark.parametrize(
    "column",
    [lambda f: (f.bought == "yes") * 7, lambda f: np.where(f.bought == "yes", 1, np.nan)],
    ids=["other numbers", "missing otherwise"],
)
def test_a_feature_that_gives_the_target_away_is_refused(project: Project, column: object) -> None:
    assert callable(column)
    project.rewrite_table(lambda frame: frame.assign(age=column(frame)))
    project.edit("data", "min: 18, max: 100, missing: 0.2", "missing: 1")
    files, table = _loaded(project)
    holdout = split_table(table, files.data, files.model)
    with pytest.raises(TagshipError, match=r"columns\.age: this feature .*'bought'.*a leak"):
        check_leakage(table, holdout, files.data)


def test_a_regression_feature_that_is_the_target_is_refused(project: Project) -> None:
    project.edit("data", ', positive: "yes"', "")
    project.edit("data", ", stratify: true", "")
    project.edit("model", "binary", "regression")
    project.edit("model", "roc_auc", "r2")
    project.edit("thresholds", "roc_auc", "r2")
    project.edit("thresholds", "f1", "r2")
    project.rewrite_table(lambda frame: frame.assign(bought=frame.visits * 2.5 - 1))
    files, table = _loaded(project)
    with pytest.raises(TagshipError, match=r"columns\.visits: .* a leak"):
        check_leakage(table, split_table(table, files.data, files.model), files.data)


def test_rows_on_both_sides_are_refused_above_the_declared_share(project: Project) -> None:
    def double(frame: pd.DataFrame) -> pd.DataFrame:
        twice = pd.concat([frame, frame], ignore_index=True)
        return twice.assign(visitor=[f"v{n}" for n in range(len(twice))])

    project.rewrite_table(double)
    project.refused("train", "tiny", says=("data.yaml: rows.duplicates", "of the holdout rows"))
    project.edit("data", "rows: {min: 50}", "rows: {min: 50, duplicates: 1}")
    assert project.tagship("train", "tiny").code == 0


@pytest.mark.parametrize("ordered", ["binary", "multiclass"])
def test_a_fold_that_would_be_trained_without_a_class_is_refused(
    timed: Project, ordered: str
) -> None:
    """Its columns of probabilities would be fewer, and taken for those of other classes."""
    timed.rewrite_table(lambda frame: frame.sort_values("day", ignore_index=True))
    if ordered == "binary":
        late = np.where(np.arange(300) % 2, "yes", "no")
        late[:100] = "no"
        timed.rewrite_table(lambda frame: frame.assign(bought=late))
    else:
        timed.write("model", timed.path("model").read_text().replace("binary", "multiclass"))
        timed.edit("model", "roc_auc", "accuracy")
        timed.edit("data", ', positive: "yes"', "")
        late = np.tile(["a", "b", "c"], 100)
        late[:100] = np.tile(["b", "c"], 50)
        timed.rewrite_table(lambda frame: frame.assign(bought=late))
    timed.refused(
        "train",
        "tiny",
        says=("data.yaml: split: fold 1 of 3", "none of class '", "select.folds in model.yaml"),
    )


@pytest.mark.slow
def test_text_that_a_feature_function_reads_tells_rows_apart(project: Project) -> None:
    project.write(
        "src/features/tiny.py",
        "import numpy as np\n\n\ndef derive(columns):\n"
        "    return {'length': np.array([len(text) for text in columns['note']], dtype=float)}\n",
    )
    project.edit("model", "task: binary\n", "task: binary\nfeatures: features.tiny:derive\n")
    columns = project.path("data").read_text().partition("columns:\n")[2]
    project.edit("data", columns, "  note: {dtype: string}\n")

    def noted(frame: pd.DataFrame) -> pd.DataFrame:
        notes = [f"{n:09d}" + "!" * (bought == "yes") for n, bought in enumerate(frame["bought"])]
        return frame[["visitor", "bought"]].assign(note=notes)

    project.rewrite_table(noted)
    project.relock()
    assert project.tagship("record", "tiny").code == 0, "a report of text alone"
    project.rewrite_table(lambda frame: frame.assign(note=frame["note"].str[-2:]))
    project.refused("train", "tiny", says=("data.yaml: rows.duplicates: ",))
