"""One model's candidates, trainings, tunings and releases, from what is known of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from tagship.comparison.conclusion import conclude
from tagship.comparison.document import (
    AgainstBest,
    ArtifactFigures,
    CandidateFigures,
    FoldFigures,
    Lead,
    LearningCurve,
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
from tagship.comparison.runs import TrackedModel, TrackedRun, fold_values
from tagship.config.model import ModelConfig, higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.files import read_under_key, sha256_of_file, sha256_of_json, write_under_key
from tagship.gitops.local_snapshot import ReleasedLock
from tagship.reports.report_view import sorted_candidates
from tagship.training import metrics
from tagship.training.bundle import Bundle
from tagship.training.lock import Interval, Lock
from tagship.training.registration import SHA_TAG
from tagship.training.tracking import metric_names
from tagship.verdict import Verdict


@dataclass(frozen=True)
class ModelRecords:
    """All that is known of one model."""

    files: ModelFiles
    lock: Lock
    bundle: Bundle | None
    """Of the lock's own training; None where it is not here."""
    verdict: Verdict | None
    """Of that bundle."""
    tracked: TrackedModel
    releases: Sequence[ReleasedLock]
    learning_curve: LearningCurve | None
    notes: list[str]
    """What is not there, and which command brings it."""

    @property
    def metric(self) -> str:
        """The selection metric of the lock."""
        return str(self.lock.inputs.model["select"]["metric"])

    @property
    def shas(self) -> set[str]:
        """Of the locked artifact, and of the equivalent one that this machine trained."""
        bundle = {self.bundle.lock.artifact.sha256} if self.bundle else set()
        return {self.lock.artifact.sha256, *bundle}

    @property
    def run(self) -> TrackedRun | None:
        """The last run of the locked artifact."""
        return self.tracked.last_training(self.shas)


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
        artifacts=_artifacts(records),
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


def front(costs: Mapping[str, Sequence[float | None]]) -> set[str]:
    """The Pareto front: those that no other beats, less being better.

    One beats another that is at least as good in all that is known of the other, and better in any.
    """

    def beats(theirs: Sequence[float | None], own: Sequence[float | None]) -> bool:
        pairs = [(a, b) for a, b in zip(theirs, own, strict=True) if b is not None]
        no_worse = [(a, b) for a, b in pairs if a is not None and a <= b]
        return len(no_worse) == len(pairs) and any(a < b for a, b in no_worse)

    return {
        name
        for name, own in costs.items()
        if not any(beats(other, own) for other in costs.values())
    }


def _artifacts(records: ModelRecords) -> list[ArtifactFigures]:
    """Each artifact once, by its SHA-256, with all that runs, releases and the lock say of it."""
    lock, metric, bundle = records.lock, records.metric, records.bundle
    sources = [_of_run(run, lock, metric) for run in records.tracked.trainings]
    for release in records.releases:
        if release.lock is not None:
            about = {"time": release.time, "releases": [release.name]}
            sources.append(_of_lock(release.lock, lock, metric, release.verdict, about))
    seconds = bundle.cost.candidate_seconds.get(lock.winner.candidate) if bundle else None
    about_lock = {"seconds": seconds, "locked": records.files.lock_path.is_file()}
    sources.append(_of_lock(lock, lock, metric, records.verdict, about_lock))
    artifacts: dict[str, ArtifactFigures] = {}
    for source in sources:
        sha256 = lock.artifact.sha256 if source.sha256 in records.shas else source.sha256
        before = artifacts.get(sha256)
        artifacts[sha256] = _merge(before, source) if before else source
    sign = -1 if higher_is_better(metric) else 1
    efficient = front(
        {
            sha256: (
                sign * artifact.quality.value,
                artifact.seconds,
                artifact.bytes,
                artifact.p99_ms,
            )
            for sha256, artifact in artifacts.items()
            if artifact.same_rows and artifact.quality is not None
        }
    )
    marked = [
        artifact.model_copy(update={"sha256": sha256, "front": sha256 in efficient})
        for sha256, artifact in artifacts.items()
    ]
    return sorted(marked, key=lambda artifact: artifact.time or "~")


def _merge(before: ArtifactFigures, later: ArtifactFigures) -> ArtifactFigures:
    """What two sources say of one artifact: the later's word where it has one."""
    update = {key: value for key, value in later if value is not None}
    update["releases"] = [*before.releases, *later.releases]
    update["time"] = before.time or later.time
    return before.model_copy(update=update)


def _of_run(run: TrackedRun, lock: Lock, metric: str) -> ArtifactFigures:
    name = metric_names(lock.metrics).get(metric, "")
    keys = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
    parts = {part: run.metrics[key] for part, key in keys.items() if key in run.metrics}
    candidate, size = run.params.get("winner"), run.metrics.get("artifact_mb")
    return ArtifactFigures(
        sha256=run.tags[SHA_TAG],
        time=run.time,
        candidate=candidate,
        same_rows=run.tags.get("data_sha256") == lock.data.sha256,
        quality=Interval(**parts) if len(parts) == len(keys) else None,
        seconds=run.candidate_seconds.get(candidate or ""),
        bytes=None if size is None else round(size * 1e6),
        p99_ms=run.metrics.get("p99_ms"),
        verdict=run.tags.get("verdict"),
    )


def _of_lock(
    lock: Lock, current: Lock, metric: str, verdict: Verdict | None, about: Mapping[str, Any]
) -> ArtifactFigures:
    split, current_split = (side.inputs.data.get("split") for side in (lock, current))
    return ArtifactFigures(
        sha256=lock.artifact.sha256,
        candidate=lock.winner.candidate,
        same_rows=lock.data.sha256 == current.data.sha256 and split == current_split,
        quality=lock.metrics.get(metric),
        bytes=lock.artifact.bytes,
        p99_ms=verdict.p99_ms if verdict else None,
        verdict=verdict.status if verdict else None,
        **about,
    )


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
