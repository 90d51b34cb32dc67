"""The report says how far to trust a model, and shows no row where it must not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from html_pages import Page
from report_models import ROWS, Trained, last_scores, table, write_project
from test_report_html import report

from tagship.config.contract import Column
from tagship.config.model import Candidate, ChosenThreshold
from tagship.config.project_files import ModelFiles
from tagship.config.thresholds import Value
from tagship.formatting import plain
from tagship.gates.behaviour import moved_rows
from tagship.gates.evaluate import evaluate_gates
from tagship.gates.holdout import ChampionScores
from tagship.reports.diagnosis import (
    threshold_reason,
    threshold_rows,
    training_gap,
    worst_rows,
)
from tagship.training.bundle import load_bundle, save_bundle
from tagship.training.train import train


def with_model(files: ModelFiles, **changes: object) -> ModelFiles:
    return replace(files, model=files.model.model_copy(update=changes))


def test_each_candidate_has_its_parameters_and_the_mean_of_its_folds_models(
    trained: Trained,
) -> None:
    holdout = trained.bundle.diagnosis.holdout
    assert {name: len(values) for name, values in holdout.items()} == {"plain": 3, "shallow": 3}
    page = Page(report(trained)).text
    for name, settings in (("shallow", "max_depth: 3"), ("plain", "scale: true")):
        score = trained.bundle.lock.candidates[name]
        values = (score.mean, score.std, float(np.mean(holdout[name])))
        assert f"{settings} {' '.join(map(plain, values))} " in page
    assert "It chooses nothing" in page


def test_the_bundle_keeps_them_and_the_lock_does_not(trained: Trained) -> None:
    save_bundle(trained.files, trained.bundle)
    kept = load_bundle(trained.files)
    assert kept.diagnosis == trained.bundle.diagnosis
    assert kept.evidence.rows is not None
    assert kept.lock.model_dump() == trained.bundle.lock.model_dump()
    assert "diagnosis" not in kept.lock.model_dump_json()


def test_a_candidate_that_learns_by_heart_has_a_large_gap(tmp_path: Path) -> None:
    files = write_project(tmp_path, "binary", table())
    tree = {"estimator": "sklearn.tree.DecisionTreeClassifier"}
    files = with_model(files, candidates={"memory": Candidate.model_validate(tree)})
    bundle = train(files)
    assert bundle.diagnosis.train == 1
    gap = training_gap(files, bundle)
    assert gap is not None
    assert gap.large
    verdict = evaluate_gates(files, bundle, None)
    page = Page(report(Trained(files, bundle, verdict, {}, [], None, [], [])))
    assert "large gap roc_auc is 1 on the rows that the winner was fitted to" in page.text
    assert "overfitting" in page.text


def test_a_plain_model_has_none(trained: Trained) -> None:
    gap = training_gap(trained.files, trained.bundle)
    assert gap is not None
    assert not gap.large
    assert "No large gap" in Page(report(trained)).text


def test_an_undefined_score_gives_no_gap(trained: Trained) -> None:
    undefined = replace(trained.bundle.diagnosis, train=None)
    assert training_gap(trained.files, replace(trained.bundle, diagnosis=undefined)) is None


def test_the_worst_rows_are_those_of_the_table_with_the_largest_loss(trained: Trained) -> None:
    evidence, frame = trained.bundle.evidence, table()
    assert evidence.rows is not None
    task, column = trained.files.model.task, trained.files.data.target.column
    scores = evidence.scores.astype(float)
    if task == "regression":
        loss = np.abs(scores - evidence.target)
    else:
        each = scores if scores.ndim > 1 else np.stack([1 - scores, scores], axis=1)
        loss = -np.log(each[np.arange(len(each)), evidence.target])
    numbers = [row.number for row in trained.worst]
    assert numbers == (evidence.rows[np.argsort(-loss, kind="stable")[:10]] + 1).tolist()
    for row in trained.worst:
        actual = frame[column].iloc[row.number - 1]
        assert row.actual == (plain(actual) if task == "regression" else actual)
        assert row.columns["region"] == frame["region"].iloc[row.number - 1]
    assert max(numbers) <= ROWS
    assert "The 10 holdout rows with the largest" in Page(report(trained)).text


def test_shown_rows_hold_features_alone_and_nothing_that_seems_personal(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(trained.worst[0].columns) == set(trained.files.data.features)
    monkeypatch.delenv("CI", raising=False)
    count = len(trained.bundle.evidence.target)
    more = {
        "phone": np.arange(count) + 4.915112e11,
        "remarks": np.array([f"call person{n}@secret.example" for n in range(count)], object),
    }
    evidence = trained.bundle.evidence
    evidence = replace(evidence, columns={**evidence.columns, **more})
    declared = {"phone": trained.files.data.columns["age"], "remarks": Column(dtype="string")}
    columns = {**trained.files.data.columns, **declared}
    data = trained.files.data.model_copy(update={"columns": columns})
    files, bundle = replace(trained.files, data=data), replace(trained.bundle, evidence=evidence)
    moved = moved_rows(files, bundle, ChampionScores("shop/v1.0.0", lambda: last_scores(bundle)))
    for rows in (worst_rows(files, bundle), moved):
        assert rows
        assert "region" in rows[0].columns
        assert not {"phone", "remarks", "joined", "email", "customer"} & set(rows[0].columns)


def test_rows_that_moved_are_counted_as_in_the_table(trained: Trained) -> None:
    frame, target = table(), trained.files.data.target.column
    for row in trained.moved:
        actual = frame[target].iloc[row.number - 1]
        assert row.actual == (plain(actual) if trained.files.model.task == "regression" else actual)
        assert row.columns["region"] == frame["region"].iloc[row.number - 1]


def test_a_report_of_ci_holds_no_row(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert worst_rows(trained.files, trained.bundle) == []
    assert "Worst rows" not in Page(report(replace(trained, worst=[]))).text


def test_a_threshold_stands_beside_one_half(binary_files: ModelFiles) -> None:
    prices = binary_files.thresholds.model_copy(
        update={"value": Value(true_positive=5, false_positive=-1)}
    )
    files = replace(with_model(binary_files, threshold=0.3), thresholds=prices)
    bundle = train(files)
    used, half = threshold_rows(files, bundle)
    assert (used.threshold, used.used, half.threshold, half.used) == (0.3, True, 0.5, False)
    metrics, scores, target = bundle.lock.metrics, bundle.evidence.scores, bundle.evidence.target
    for name in ("precision", "recall", "f1"):
        assert used.cells[name] == plain(metrics[name].value)
    assert half.positives == str((scores >= 0.5).sum())
    assert half.cells["recall"] == plain(float((scores[target == 1] >= 0.5).mean()))
    assert "value of a decision" in half.cells


def test_the_report_says_why_the_threshold_is_what_it_is(binary_files: ModelFiles) -> None:
    assert "the usual" in threshold_reason(binary_files)
    by_f1 = with_model(binary_files, threshold=ChosenThreshold(maximise="f1"))
    assert "best f1 on the winner's scores of the folds" in threshold_reason(by_f1)
    by_value = with_model(binary_files, threshold=ChosenThreshold(maximise="value"))
    assert "by the prices of thresholds.yaml" in threshold_reason(by_value)


def test_other_tasks_have_no_threshold(trained: Trained) -> None:
    if trained.files.model.task != "binary":
        assert threshold_rows(trained.files, trained.bundle) == []
        assert 'href="#threshold"' not in report(trained)


def test_a_chosen_threshold_judges_each_candidate_by_its_own(binary_files: ModelFiles) -> None:
    select = binary_files.model.select.model_copy(update={"metric": "f1"})
    half = train(with_model(binary_files, select=select))
    choice = ChosenThreshold(maximise="f1")
    chosen = train(with_model(binary_files, select=select, threshold=choice))
    for name, values in chosen.diagnosis.holdout.items():
        assert np.mean(values) > np.mean(half.diagnosis.holdout[name])
    assert chosen.boundary.threshold != 0.5
    assert chosen.diagnosis.train != half.diagnosis.train
