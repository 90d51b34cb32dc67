"""Columns that give the target away are found, named and refused: real trainings and verdicts."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from projects import Project

ROWS = 300
FLOAT = "{dtype: float}"
HINT = "or allow it in `leakage` with a reason"
ESTIMATORS = {
    "regression": "sklearn.linear_model.LinearRegression",
    "class": "sklearn.tree.DecisionTreeClassifier, params: {max_depth: 4}",
}
DERIVE = "import numpy as np\n\n\ndef derive(columns):\n    return {'%s': %s}\n"


def noise(seed: int, low: float = 1.0, high: float = 9.0, rows: int = ROWS) -> Any:
    return np.random.default_rng(seed).uniform(low, high, rows)


def write(
    project: Project,
    table: Mapping[str, Any] | str,
    columns: Mapping[str, str],
    *,
    task: str = "regression",
    target: str = "{column: total}",
    split: str = "{}",
    gate: str = "{fail_above: 0.999}",
    extra: str = "",
) -> None:
    """Make it a project of one table, one linear candidate or tree, and the gate."""
    source = f"{{kind: sklearn, table: {table}}}"
    if not isinstance(table, str):
        project.write("data/tiny.csv", pd.DataFrame(table).to_csv(index=False))
        source = "{kind: csv, path: data/tiny.csv}"
    metric = "r2" if task == "regression" else "accuracy"
    listed = "".join(f"  {name}: {column}\n" for name, column in columns.items())
    project.write(
        "data",
        f"source: {source}\ntarget: {target}\nsplit: {split}\n"
        f"rows: {{min: 40, duplicates: 1}}\ncolumns:\n{listed}",
    )
    estimator = ESTIMATORS.get(task, ESTIMATORS["class"])
    project.write(
        "model",
        f"task: {task}\n{extra}select: {{metric: {metric}, folds: 3}}\n"
        f"candidates:\n  only: {{estimator: {estimator}}}\n",
    )
    project.write(
        "thresholds",
        f"metrics: {{{metric}: {{fail_below: -9}}}}\nbaseline: {{metric: {metric}, margin: 0}}\n"
        f"parity: {{max_difference: 1}}\nleakage: {gate}\n",
    )


def judged(project: Project) -> list[dict[str, Any]]:
    """What the gate says after a training."""
    trained = project.tagship("train", "tiny")
    assert trained.code == 0, trained
    ran = project.tagship("gate", "tiny", "--json")
    (answer,) = json.loads(ran.out)
    return [result for result in answer["results"] if result["gate"] == "leakage"]


def one(project: Project) -> tuple[str, str, float, str]:
    """The only result of the gate."""
    (result,) = judged(project)
    assert result["limit"].startswith("≤ 0.9")
    return result["status"], result["subject"], result["value"], result["detail"]


def rides(rows: int = ROWS) -> dict[str, Any]:
    casual, member = (noise(s, 0, 900, rows).astype(int) for s in (1, 2))
    wind = noise(3, rows=rows)
    return {"casual": casual, "wind": wind, "member": member, "total": casual + member}


RIDES = {"casual": FLOAT, "wind": FLOAT, "member": FLOAT}


@pytest.mark.parametrize("rows", [60, 300])
def test_a_target_that_is_a_sum_of_two_columns_names_them(project: Project, rows: int) -> None:
    write(project, rides(rows), RIDES)
    status, subject, value, detail = one(project)
    assert (status, subject) == ("fail", "casual, member")
    assert value == pytest.approx(1.0, abs=1e-6)
    assert f"total = casual + member in {rows} of {rows} rows" in detail
    assert f"remove casual or member, {HINT}" in detail


@pytest.mark.parametrize(
    ("formula", "total"),
    [
        ("a - b", lambda a, b: a - b),
        ("b - a", lambda a, b: b - a),
        ("a \u00d7 b", lambda a, b: a * b),
        ("b / a", lambda a, b: b / a),
    ],
)
def test_other_arithmetic_of_two_columns_is_named(
    project: Project, formula: str, total: Any
) -> None:
    a, b = noise(1), noise(2)
    table = {"a": a, "b": b, "c": noise(3), "total": total(a, b)}
    write(project, table, {"a": FLOAT, "b": FLOAT, "c": FLOAT})
    status, subject, value, detail = one(project)
    assert (status, subject, round(value, 6)) == ("fail", "a, b", 1.0)
    assert f"total = {formula} in 300 of 300 rows" in detail


def test_arithmetic_in_another_unit_is_named_though_it_is_not_equal(project: Project) -> None:
    weight, height = noise(1, 50, 90), noise(2, 1.5, 2.0)
    table = {"weight": weight, "height": height, "total": np.round(100 * weight / height, 1)}
    write(project, table, {"weight": FLOAT, "height": FLOAT})
    status, subject, _, detail = one(project)
    assert (status, subject) == ("fail", "weight, height")
    assert "total follows weight / height in 300 rows" in detail


def test_a_target_that_is_a_sum_of_many_columns_names_those_and_no_other(project: Project) -> None:
    parts = {f"p{k}": noise(k).round(2) for k in range(8)}
    total = sum(parts[f"p{k}"] for k in range(6)) - 2.5 * parts["p6"]
    write(project, {**parts, "total": total}, dict.fromkeys(parts, FLOAT))
    status, subject, _, detail = one(project)
    assert (status, subject) == ("fail", "p0, p1, p2, p3, p4, p5, p6")
    assert "total = p0 + p1 + p2 + p3 + p4 + p5 - 2.5 \u00d7 p6 in 300 rows" in detail


def test_a_near_copy_in_another_unit_is_named(project: Project) -> None:
    total = noise(1)
    table = {"cents": 100 * total + noise(2, 0, 3), "other": noise(3), "total": total}
    write(project, table, {"cents": FLOAT, "other": FLOAT})
    status, subject, value, detail = one(project)
    assert (status, subject) == ("fail", "cents")
    assert 0.999 < value < 1
    assert "cents alone gives total in 300 rows; the winner's r2 is 1" in detail


def classes(count: int) -> Any:
    return np.random.default_rng(7).integers(0, count, ROWS)


BINARY: dict[str, Any] = {"task": "binary", "target": "{column: left, positive: 1}"}
SEVERAL: dict[str, Any] = {"task": "multiclass", "target": "{column: kind}"}


def test_one_number_that_separates_the_classes_is_named(project: Project) -> None:
    left = classes(2)
    table = {"calls": noise(1) + 10 * left, "age": noise(2), "left": left}
    write(project, table, {"calls": FLOAT, "age": FLOAT}, **BINARY)
    assert one(project)[:3] == ("fail", "calls", 1.0)


def test_a_category_of_finer_words_than_the_classes_is_named(project: Project) -> None:
    kind = classes(3)
    code = np.char.add(kind.astype(str), np.where(noise(1) > 5, "x", "y"))
    values = ", ".join(sorted(set(code)))
    columns = {"code": f"{{dtype: category, values: [{values}]}}", "age": FLOAT}
    write(project, {"code": code, "age": noise(2), "kind": kind}, columns, **SEVERAL)
    assert one(project)[:3] == ("fail", "code", 1.0)


def test_a_pair_is_named_where_it_explains_a_near_perfect_winner(project: Project) -> None:
    """Neither column alone says who left; their difference does, and the feature of it wins."""
    opened = noise(1, 0, 100)
    left = classes(2)
    table = {"opened": opened, "closed": opened + 0.2 + left, "age": noise(2), "left": left}
    columns = {"opened": FLOAT, "closed": FLOAT, "age": FLOAT}
    write(project, table, columns, **BINARY)
    project.edit("model", ESTIMATORS["class"], "sklearn.linear_model.LogisticRegression")
    project.edit("model", "Regression}", "Regression, params: {C: 10000, max_iter: 5000}}")
    status, subject, value, detail = one(project)
    assert (status, subject, value) == ("fail", "opened, closed", 1.0)
    assert "left follows opened - closed in 300 rows" in detail
    assert "the winner's roc_auc is 1" in detail


def test_a_column_missing_exactly_where_a_class_is_names_the_class(project: Project) -> None:
    kind = classes(3)
    table = {"refund": np.where(kind == 2, np.nan, noise(1)), "age": noise(2), "kind": kind}
    write(project, table, {"refund": "{dtype: float, missing: 0.9}", "age": FLOAT}, **SEVERAL)
    status, subject, value, detail = one(project)
    assert (status, subject, value) == ("fail", "refund", 1.0)
    assert "refund is missing exactly where kind = 2, in" in detail


def test_a_column_present_only_where_a_number_is_zero_is_named(project: Project) -> None:
    total = np.where(classes(2) == 1, noise(1), 0.0)
    table = {"reason": np.where(total == 0, noise(2), np.nan), "age": noise(3), "total": total}
    write(project, table, {"reason": "{dtype: float, missing: 0.9}", "age": FLOAT})
    status, subject, value, detail = one(project)
    assert (status, subject, value) == ("fail", "reason", 1.0)
    assert "reason is present exactly where total = 0, in" in detail


@pytest.mark.parametrize(("later", "leaks"), [(3, True), (-3, False)])
def test_a_date_after_the_time_of_its_row_is_of_the_future(
    project: Project, later: int, leaks: bool
) -> None:
    ordered = pd.date_range("2025-01-01", periods=ROWS, freq="D")
    arrived = ordered + pd.Timedelta(days=later)
    arrived = arrived.where(np.arange(ROWS) % 9 != 0)
    table = {"ordered": ordered, "arrived": arrived, "size": noise(1), "total": noise(2)}
    columns = {
        "ordered": "{dtype: datetime, feature: false}",
        "arrived": "{dtype: datetime, missing: 0.2}",
        "size": FLOAT,
    }
    extra = "features: features.tiny:derive\n"
    write(project, table, columns, split="{time: ordered}", extra=extra)
    month = "columns['arrived'].astype('datetime64[M]').astype(float) % 12"
    project.write("src/features/tiny.py", DERIVE % ("month", month))
    status, subject, value, detail = one(project)
    assert (status, subject) == (("fail", "arrived") if leaks else ("pass", "every column"))
    if leaks:
        assert value == 1.0
        assert "arrived is after the row's time in 53 of 53 holdout rows" in detail


def test_what_is_allowed_passes_and_shows_the_reasons(project: Project) -> None:
    gate = "{fail_above: 0.999, allow: {casual: known at noon, member: counted by us}}"
    write(project, rides(), RIDES, gate=gate)
    status, subject, value, detail = one(project)
    assert (status, subject, round(value, 6)) == ("pass", "casual, member", 1.0)
    assert "casual is allowed: known at noon; member is allowed: counted by us" in detail


def test_a_relation_fails_while_one_of_its_columns_is_not_allowed(project: Project) -> None:
    write(project, rides(), RIDES, gate="{fail_above: 0.999, allow: {casual: known at noon}}")
    status, _, _, detail = one(project)
    assert status == "fail"
    assert f"casual is allowed: known at noon; remove member, {HINT}" in detail


def test_a_feature_that_training_refuses_is_trained_on_when_it_is_allowed(project: Project) -> None:
    left = classes(2)
    table = {"refund": np.where(left == 1, np.nan, noise(1)), "age": noise(2), "left": left}
    columns = {"refund": "{dtype: float, missing: 0.9}", "age": FLOAT}
    write(project, table, columns, **BINARY)
    project.refused("train", "tiny", says=("columns.refund", "a leak", "leakage.allow"))
    project.edit("thresholds", "0.999}", "0.999, allow: {refund: paid in advance}}")
    status, subject, _, detail = one(project)
    assert (status, subject) == ("pass", "refund")
    assert "refund is allowed: paid in advance" in detail


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ("{fail_above: 0.999, allow: {causal: x}}", ("leakage.allow.causal", "'casual'")),
        ("{fail_above: 0.999, allow: {casual: ' '}}", ("leakage.allow.casual",)),
        ("{fail_above: 1}", ("leakage.fail_above", "less than 1")),
    ],
)
def test_a_wrong_name_an_empty_reason_and_a_hollow_limit_are_refused(
    project: Project, gate: str, says: tuple[str, ...]
) -> None:
    write(project, rides(), RIDES, gate=gate)
    project.refused("check", "tiny", says=("thresholds.yaml", *says))


def test_a_derived_feature_is_named_and_allowed_by_its_name(project: Project) -> None:
    table = {"a": noise(1), "b": noise(2), "total": np.sin(noise(1)) + noise(3, 0, 1e-3)}
    gate = "{fail_above: 0.999, allow: {wve: a sensor}}"
    extra = "features: features.tiny:derive\n"
    write(project, table, {"a": FLOAT, "b": FLOAT}, gate=gate, extra=extra)
    project.write("src/features/tiny.py", DERIVE % ("wave", "np.sin(columns['a'])"))
    unknown, leak = judged(project)
    assert (unknown["status"], unknown["subject"]) == ("fail", "allow.wve")
    assert "did you mean 'wave'?" in unknown["detail"]
    assert (leak["status"], leak["subject"]) == ("fail", "wave")
    project.edit("thresholds", "wve", "wave")
    assert one(project)[:2] == ("pass", "wave")


def sklearn_columns(table: str) -> dict[str, str]:
    from sklearn import datasets

    names = getattr(datasets, f"load_{table}")().feature_names
    clean = [str(n).replace(" (cm)", "").replace(" ", "_").replace("/", "_per_") for n in names]
    return dict.fromkeys(clean, FLOAT)


@pytest.mark.parametrize(
    ("table", "target", "task"),
    [
        ("iris", "{column: species}", "multiclass"),
        ("breast_cancer", "{column: diagnosis, positive: malignant}", "binary"),
        ("wine", "{column: cultivar}", "multiclass"),
        ("diabetes", "{column: progression}", "regression"),
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_strong_but_honest_features_raise_no_alarm(
    project: Project, table: str, target: str, task: str, seed: int
) -> None:
    columns = sklearn_columns(table)
    split = f"{{seed: {seed}{'' if task == 'regression' else ', stratify: true'}}}"
    write(project, table, columns, task=task, target=target, split=split)
    status, subject, value, detail = one(project)
    assert (status, subject) == ("pass", "every column"), detail
    assert value < 0.999


def test_the_same_verdict_twice(project: Project) -> None:
    write(project, rides(), RIDES)
    assert judged(project) == judged(project)


def test_without_training_rows_of_an_older_engine_the_gate_fails(project: Project) -> None:
    write(project, rides(), RIDES)
    judged(project)
    path = project.files.work / "evidence.npz"
    with np.load(path) as archive:
        kept = {name: archive[name] for name in archive.files if name != "train_rows"}
    np.savez(path, **kept)
    (answer,) = json.loads(project.tagship("gate", "tiny", "--json").out)
    (result,) = [r for r in answer["results"] if r["gate"] == "leakage"]
    assert (result["status"], result["value"], result["detail"]) == ("fail", None, "train again")
