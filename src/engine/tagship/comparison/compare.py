"""One model's candidates, trainings, tunings and releases, from what is known of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from tagship.comparison.artifacts import artifact_figures, front
from tagship.comparison.conclusion import conclude
from tagship.comparison.document import (
    AgainstBest,
    CandidateFigures,
    FoldFigures,
    Lead,
    ModelFigures,
    State,
    TuningFigures,
)
from tagship.comparison.paired_tests import (
    ALPHA,
    bootstrap_tests,
    correct,
    corrected_t_test,
)
from tagship.comparison.records import ModelRecords
from tagship.comparison.runs import TrackedRun, fold_values
from tagship.config.model import ModelConfig, higher_is_better
from tagship.files import read_under_key, sha256_of_file, sha256_of_json, write_under_key
from tagship.reports.report_view import sorted_candidates
from tagship.training import metrics
from tagship.training.lock import Lock


def compare_model(records: ModelRecords) -> ModelFigures:
    """Put side by side what is known of one model; nothing is guessed."""
    lock, metric = records.lock, records.metric
    notes, values = list(records.notes), _fold_values(records)
    if not all(values.values()):
        notes.append(
            "the values of the folds are not recorded, neither here nor in MLflow:"
            f" `tagship train {lock.model}`"
        )
    if records.run is None:
        notes.append(
            f"no run in MLflow is of this artifact: `tagship run {lock.model}` records one"
        )
    tuning = [tuning_figures(run, higher_is_better(metric)) for run in records.tracked.tunings]
    candidates = _candidates(records, values, _against_best(records, values), tuning)
    best = lock.winner.candidate
    figures = {name: candidate for name, candidate in candidates.items() if candidate.metrics}
    return ModelFigures(
        task=lock.task,
        metric=metric,
        higher_is_better=higher_is_better(metric),
        folds=lock.inputs.model["select"]["folds"],
        winner=best,
        candidates=candidates,
        holdout=lock.metrics,
        artifacts=artifact_figures(records),
        tuning=tuning,
        learning_curve=records.learning_curve,
        conclusion=conclude(lock.model, metric, figures, best),
        not_recorded=notes,
    )


def _fold_values(records: ModelRecords) -> dict[str, list[float] | None]:
    """The selection metric of each fold, by candidate, from the bundle or else from MLflow."""
    if records.bundle is not None:
        return {name: list(v) for name, v in records.bundle.out_of_fold.values.items()}
    runs = {child.name: child for child in records.run.children} if records.run else {}
    return {
        name: fold_values(records.files.root, runs[name], records.metric) if name in runs else None
        for name in records.lock.candidates
    }


def _against_best(
    records: ModelRecords, values: Mapping[str, list[float] | None]
) -> dict[str, AgainstBest]:
    """The best candidate against each other, each kind of test corrected for their number."""
    best, sign = records.lock.winner.candidate, 1 if higher_is_better(records.metric) else -1
    rivals = [name for name in records.lock.candidates if name != best]
    by_folds = {}
    for name in rivals:
        first, second = values[best] or [], values[name] or []
        if len(first) == len(second) > 1:
            leads = [sign * (a - b) for a, b in zip(first, second, strict=True)]
            by_folds[name] = corrected_t_test(leads, _test_to_train(records))
    rows, folds = correct(_by_rows(records)), correct(by_folds)
    return {name: _join_tests(best, rows.get(name), folds.get(name)) for name in rivals}


def _by_rows(records: ModelRecords) -> dict[str, Lead]:
    """The tests on the same rows, which take seconds: kept for later calls."""
    if records.bundle is None:
        return {}
    best, work = records.lock.winner.candidate, records.files.work
    seed = records.lock.inputs.model["select"]["seed"]
    decides = records.metric, records.bundle.boundary.threshold, seed
    path = work / "paired_tests.json"
    key = sha256_of_json([sha256_of_file(work / "folds.npz"), *decides])
    tests = read_under_key(path, key, TypeAdapter(dict[str, Lead]).validate_python)
    if tests is None:
        task, classes = records.files.model.task, records.bundle.boundary.classes
        tests = bootstrap_tests(task, records.bundle.out_of_fold, best, classes, *decides)
        write_under_key(path, key, {name: test.model_dump() for name, test in tests.items()})
    return tests


def _join_tests(best: str, rows: Lead | None, folds: Lead | None) -> AgainstBest:
    tests = [test for test in (rows, folds) if test is not None]
    apart = all(test.corrected_p_value < ALPHA and test.difference > 0 for test in tests)
    return AgainstBest(best=best, rows=rows, folds=folds, told_apart=apart if tests else None)


def _test_to_train(records: ModelRecords) -> float:
    """Rows that judge to rows that train: folds of equal size, which a split by time adds up."""
    count = int(records.lock.inputs.model["select"]["folds"])
    if records.files.data.split.time is not None:
        return float(np.mean([1 / fold for fold in range(1, count + 1)]))
    return 1 / (count - 1)


def candidate_states(model: ModelConfig, lock: Lock) -> dict[str, State]:
    """Every candidate of the lock, best first, then those that only model.yaml has."""
    now = model.model_dump(mode="json", exclude_none=True)["candidates"]
    then = lock.inputs.model["candidates"]
    states: dict[str, State] = {}
    for name in sorted_candidates(lock):
        states[name] = "trained" if now.get(name) == then.get(name) else "changed"
        if name not in now:
            states[name] = "removed"
    return states | {name: "not trained" for name in now if name not in states}


def _candidates(
    records: ModelRecords,
    values: Mapping[str, list[float] | None],
    against: Mapping[str, AgainstBest],
    tunings: Sequence[TuningFigures],
) -> dict[str, CandidateFigures]:
    lock, metric = records.lock, records.metric
    better = -1 if higher_is_better(metric) else 1
    then = lock.inputs.model["candidates"]
    if records.bundle is not None:
        seconds = records.bundle.cost.candidate_seconds
    else:
        seconds = records.run.candidate_seconds if records.run else {}
    efficient = front(
        {n: (better * s.mean, seconds[n]) for n, s in lock.candidates.items() if n in seconds}
    )
    figures = {}
    for name, state in candidate_states(records.files.model, lock).items():
        if state == "not trained":
            figures[name] = untrained_candidate(records.files.model, name)
            continue
        score = lock.candidates[name]
        folds = FoldFigures(mean=score.mean, std=score.std, folds=values[name])
        figures[name] = CandidateFigures(
            state=state,
            winner=name == lock.winner.candidate,
            estimator=then[name]["estimator"],
            metrics={metric: folds} | _other_metrics(records, name),
            seconds=seconds.get(name),
            against_best=against.get(name),
            front=name in efficient,
            tuned=any(_has_best_params(run, name, then[name]["params"]) for run in tunings),
        )
    return figures


def untrained_candidate(model: ModelConfig, name: str) -> CandidateFigures:
    """A candidate that only model.yaml has."""
    return CandidateFigures(state="not trained", estimator=model.candidates[name].estimator)


def _other_metrics(records: ModelRecords, name: str) -> dict[str, FoldFigures]:
    """Every other metric of a candidate over the folds, from its out-of-fold scores."""
    if records.bundle is None:
        return {}
    out_of_fold, task = records.bundle.out_of_fold, records.files.model.task
    threshold = records.bundle.boundary.threshold
    by_metric: dict[str, list[float]] = {}
    for fold in np.unique(out_of_fold.fold):
        rows = out_of_fold.fold == fold
        weights = None if out_of_fold.weights is None else out_of_fold.weights[None, rows]
        target, scores = out_of_fold.target[rows], out_of_fold.scores[name][rows]
        measured = metrics.evaluate(task, target, scores, weights, threshold=threshold)
        for metric, value in measured.items():
            by_metric.setdefault(metric, []).append(float(value[0]))
    return {
        metric: FoldFigures(
            mean=float(np.mean(folds)),
            std=float(np.std(folds)),
            folds=folds,
        )
        for metric, folds in by_metric.items()
        if metric != records.metric and np.isfinite(folds).all()
    }


def tuning_figures(run: TrackedRun, higher: bool) -> TuningFigures:
    """One tuning: how its trials ended, and the best of the complete ones."""
    complete = [
        trial
        for trial in run.children
        if trial.tags.get("state") == "complete" and "value" in trial.metrics
    ]
    choose = max if higher else min
    best = choose(complete, key=lambda trial: trial.metrics["value"]) if complete else None
    return TuningFigures(
        run=run.id,
        candidate=run.tags.get("candidate"),
        time=run.time,
        states=dict(Counter(trial.tags.get("state", "unknown") for trial in run.children)),
        best=best.metrics["value"] if best else None,
        params=dict(best.params) if best else {},
        values=[trial.metrics["value"] for trial in complete],
    )


def _has_best_params(tuning: TuningFigures, name: str, params: Mapping[str, Any]) -> bool:
    """Whether the best of a tuning is what a candidate was trained with."""
    tried = {key: params.get(key) for key in tuning.params}
    is_same = {key: str(value) for key, value in tried.items()} == tuning.params
    return bool(tuning.params) and tuning.candidate == name and is_same
