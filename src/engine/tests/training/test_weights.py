"""Rows that count by their weight in fitting, metrics, intervals and gates."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as theirs

from projects import Project
from tagship.config.bound import Bound
from tagship.config.thresholds import Baseline, Champion, Fairness, Slices
from tagship.gates.groups import fairness_gates, slice_gates
from tagship.gates.holdout import HoldoutPredictions
from tagship.gates.performance import baseline_gate, champion_gate
from tagship.training import metrics
from tagship.training.bootstrap import intervals, paired_drop
from tagship.training.bundle import Evidence, load_bundle
from tagship.training.lock import read_lock

LINE = "line: {estimator: sklearn.linear_model.LogisticRegression, scale: true}"
COLUMN = "  exposure: {dtype: float, min: 0, feature: false}\n"


def weighted(project: Project, column: str = COLUMN) -> None:
    def add(table: pd.DataFrame) -> None:
        table["exposure"] = np.where(table["visits"] % 2, 0.25, 4.0)

    project.rewrite_table(add)
    project.edit("data", "rows: {min: 50}\n", "rows: {min: 50}\nweight: exposure\n")
    project.write("data", project.path("data").read_text() + column)


def test_metrics_are_scikit_learn_s_with_weights() -> None:
    random = np.random.default_rng(0)
    y, p, w = random.integers(0, 2, 200), random.random(200), random.random(200)
    given = {"sample_weight": w}
    ours = {
        name: metrics.value(name, "binary", y, p, weights=w)
        for name in ("f1", "roc_auc", "pr_auc", "accuracy", "brier")
    }
    assert ours["f1"] == pytest.approx(theirs.f1_score(y, p >= 0.5, **given))
    assert ours["roc_auc"] == pytest.approx(theirs.roc_auc_score(y, p, **given))
    assert ours["pr_auc"] == pytest.approx(theirs.average_precision_score(y, p, **given))
    assert ours["brier"] == pytest.approx(theirs.brier_score_loss(y, p, **given))
    value = intervals("binary", y, p, weights=w)["accuracy"]
    assert value.value == pytest.approx(ours["accuracy"], abs=1e-6)
    assert value.low < ours["accuracy"] < value.high
    drops = paired_drop("accuracy", "binary", y, y * 1.0, 1.0 - y, (), (0.5, 0.5), weights=w)
    np.testing.assert_allclose(drops, 1)


def test_a_row_with_a_weight_counts_by_it_everywhere(project: Project) -> None:
    weighted(project)
    project.relock()
    bundle, lock = load_bundle(project.files), read_lock(project.lock)
    evidence = bundle.evidence
    assert evidence.weights is not None
    assert set(evidence.weights) == {0.25, 4.0}
    value = metrics.value("roc_auc", "binary", evidence.target, evidence.scores)
    own = theirs.roc_auc_score(evidence.target, evidence.scores, sample_weight=evidence.weights)
    assert lock.metrics["roc_auc"].value == pytest.approx(own, abs=1e-6)
    assert abs(own - value) > 1e-4
    assert [field.name for field in bundle.boundary.fields] == ["age", "visits", "plan"]
    text = project.lock.read_bytes()
    project.relock()
    assert project.lock.read_bytes() == text
    assert "weight" in lock.inputs.data
    unweighted = project.path("data").read_text().replace("weight: exposure\n", "")
    project.write("data", unweighted)
    project.relock()
    assert read_lock(project.lock).artifact.sha256 != lock.artifact.sha256
    assert "weight" not in read_lock(project.lock).inputs.data


def judge(project: Project, weights: list[float]) -> HoldoutPredictions:
    """Six rows in two groups, the last two of each wrong."""
    target = np.array([1, 0, 1, 0, 1, 0])
    scores = np.array([0.9, 0.1, 0.8, 0.9, 0.1, 0.1])
    evidence = Evidence(
        matrix=np.zeros((6, 1), dtype=np.float32),
        target=target,
        scores=scores,
        pipeline_scores=scores,
        columns={},
        groups={"plan": np.array(["a", "a", "a", "b", "b", "b"])},
        train_target=np.array([1, 1, 0, 0]),
        weights=np.array(weights, dtype=np.float64),
        train_weights=np.array([3.0, 3.0, 1.0, 1.0]),
    )
    project.relock()
    return HoldoutPredictions(project.files.model, load_bundle(project.files).boundary, evidence)


def test_gates_count_by_weight(project: Project) -> None:
    by = judge(project, [1, 1, 1, 5, 0, 1])
    slices = Slices(by=["plan"], metric="accuracy", fail_below=0.5, min_rows=1)
    values = {result.subject[-1]: result for result in slice_gates(slices, by)}
    assert values["a"].value == pytest.approx(1.0)
    assert values["b"].value == pytest.approx(1 / 6)
    assert values["b"].status == "fail"
    fairness = Fairness(by="plan", demographic_parity_difference=Bound(fail_above=0.5), min_rows=1)
    [result] = fairness_gates(fairness, by)
    assert result.value == pytest.approx(5 / 6 - 2 / 3)
    baseline = baseline_gate(Baseline(metric="accuracy", margin=0.2), by)
    assert baseline.value == pytest.approx(4 / 9 - 7 / 9)
    assert baseline.status == "fail"
    champion = Champion(metric="accuracy", max_drop=0.01, test="none")
    result = champion_gate(champion, by, by.evidence.target * 1.0, 0.5, "tiny/v1.0.0")
    assert result.value == pytest.approx(5 / 9)
    assert result.status == "fail"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("data", "weight: exposure", "weight: exposures", ("weight", "did you mean 'exposure'")),
        ("data", ", feature: false", "", ("columns.exposure", "`feature: false`")),
        ("data", "exposure: {dtype: float", "exposure: {missing: 0.1, dtype: float", ("missing",)),
        ("data", COLUMN, "  exposure: {dtype: bool, feature: false}\n", ("float or int",)),
        (
            "model",
            LINE,
            "near: {estimator: sklearn.neighbors.KNeighborsClassifier}",
            ("candidates.near", "KNeighborsClassifier takes no weights"),
        ),
    ],
)
def test_weights_that_cannot_be_used_are_refused(
    project: Project, file: str, old: str, new: str, says: tuple[str, ...]
) -> None:
    weighted(project)
    project.edit(file, old, new)
    project.refused("check", says=says)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (lambda table: np.where(table.index == 6, -1.0, 1.0), ("a weight of at least 0", "7")),
        (lambda table: 0.0, ("exposure", "a weight above 0 in some row")),
        (lambda table: np.where(table.index == 6, np.nan, 1.0), ("exposure", "missing", "7")),
    ],
)
def test_a_table_with_impossible_weights_is_refused(project, weights, says) -> None:
    weighted(project, "  exposure: {dtype: float, feature: false}\n")
    project.rewrite_table(lambda table: table.assign(exposure=weights(table)))
    project.refused("train", "tiny", says=says)


def test_a_holdout_without_weight_is_refused(project: Project) -> None:
    weighted(project)
    project.edit("data", "split: {test: 0.2, stratify: true}", "split: {test: 0.2, time: visits}")
    last = lambda table: table["visits"] < table["visits"].quantile(0.7)  # noqa: E731
    project.rewrite_table(lambda table: table.assign(exposure=np.where(last(table), 1.0, 0.0)))
    project.refused("train", "tiny", says=("data.yaml", "weight: 'exposure' is 0 in the whole"))
