"""How a model was found and what it must reach: candidates, runs, tunings, and KPIs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tagship.comparison.compare import candidate_states, tuning_figures
from tagship.comparison.document import Comparison, ModelFigures, State
from tagship.comparison.runs import TrackedModel, TrackedRun
from tagship.config.model import higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.config.thresholds import MetricBound
from tagship.formatting import brief
from tagship.reports.report_view import limits_of
from tagship.site.document import Kpi, Origin, ReleaseRow, Run, ScoredCandidate, Training
from tagship.training.lock import Interval, Lock
from tagship.training.registration import SHA_TAG
from tagship.training.tracking import metric_names
from tagship.verdict import GateStatus, parse_status


def read_comparison(root: Path) -> dict[str, ModelFigures]:
    """What ``reports/comparison.json`` says of each model; empty where it was not made."""
    path = root / "reports" / "comparison.json"
    try:
        return Comparison.model_validate_json(path.read_text(encoding="utf-8")).models
    except (OSError, ValidationError):
        return {}


def describe_training(
    files: ModelFiles,
    lock: Lock | None,
    tracked: TrackedModel,
    run: TrackedRun | None,
    compared: ModelFigures | None,
    releases: Sequence[ReleaseRow],
    origin: Origin,
) -> Training:
    """The lock's training; without a lock, what model.yaml asks for.

    Args:
        run: that of the locked artifact.
        compared: what ``reports/comparison.json`` says of the model.
    """
    inputs: Mapping[str, Any] = lock.inputs.model if lock else {}
    select = inputs.get("select") or files.model.select.model_dump()
    metric = str(select["metric"])
    if lock is None or compared is None or compared.holdout != lock.metrics:
        compared = None  # it is of another training
    return Training(
        metric=metric,
        higher_is_better=higher_is_better(metric),
        folds=int(select["folds"]),
        winner=lock.winner.candidate if lock else None,
        params=dict(lock.winner.params) if lock else {},
        threshold=_threshold(files, lock),
        candidates=_candidates(files, lock, run, compared),
        tuning=[tuning_figures(run, higher_is_better(metric)) for run in reversed(tracked.tunings)],
        runs=[_run(run, metric, lock, releases) for run in reversed(tracked.trainings)],
        conclusion=list(compared.conclusion) if compared else [],
        libraries=dict(lock.inputs.libraries) if lock else {},
        origin=origin if lock else None,
    )


def kpis(files: ModelFiles, lock: Lock | None, origin: Origin) -> list[Kpi]:
    """Each metric that thresholds.yaml bounds, with the lock's value."""
    return [
        _kpi(name, bound, lock.metrics.get(name) if lock else None, origin)
        for name, bound in files.thresholds.metrics.items()
    ]


def _kpi(name: str, bound: MetricBound, interval: Interval | None, origin: Origin) -> Kpi:
    status: GateStatus | None = None
    if interval is not None:
        end = interval.low if bound.below else interval.high
        status = bound.outcome(end if bound.judge == "interval" else interval.value)
    limits = limits_of(bound)
    return Kpi(
        name=name,
        value=interval,
        higher_is_better=higher_is_better(name),
        limits=list(_limit_texts(bound)),
        fail=limits.get("fail"),
        warn=limits.get("warn"),
        status=status,
        origin=origin if interval else None,
    )


def _limit_texts(bound: MetricBound) -> Iterator[str]:
    for kind, limit in limits_of(bound).items():
        yield f"{kind}s {'below' if bound.below else 'above'} {brief(limit)}"
    if bound.judge == "interval":
        yield "judged by the worse end of its 95 % interval"


def _threshold(files: ModelFiles, lock: Lock | None) -> float | None:
    if files.model.task != "binary":
        return None
    if lock is None:
        return files.model.threshold if isinstance(files.model.threshold, float) else None
    declared = lock.inputs.model.get("threshold")
    return float(declared) if isinstance(declared, int | float) else lock.threshold


def _candidates(
    files: ModelFiles, lock: Lock | None, run: TrackedRun | None, compared: ModelFigures | None
) -> list[ScoredCandidate]:
    states: dict[str, State] = dict.fromkeys(files.model.candidates, "not trained")
    if lock is not None:
        states = candidate_states(files.model, lock)
    then = lock.inputs.model.get("candidates", {}) if lock else {}
    seconds = run.candidate_seconds if run else {}
    for name, figures in (compared.candidates if compared else {}).items():
        if figures.seconds:
            seconds.setdefault(name, figures.seconds)
    rows = []
    for name, state in states.items():
        score = lock.candidates.get(name) if lock else None
        estimator = then.get(name, {}).get("estimator")
        if score is None:
            estimator = files.model.candidates[name].estimator
        rows.append(
            ScoredCandidate(
                name=name,
                estimator=estimator,
                mean=score.mean if score else None,
                std=score.std if score else None,
                winner=lock is not None and name == lock.winner.candidate,
                seconds=seconds.get(name) if score else None,
                state=state,
            )
        )
    return rows


def _run(run: TrackedRun, metric: str, lock: Lock | None, releases: Sequence[ReleaseRow]) -> Run:
    sha256 = run.tags[SHA_TAG]
    names = metric_names(lock.metrics if lock else [metric])
    return Run(
        id=run.id,
        time=run.time,
        candidate=run.params.get("winner"),
        value=run.metrics.get(names.get(metric, metric)),
        status="FINISHED",  # others are not read
        verdict=parse_status(run.tags.get("verdict")),
        artifact=sha256,
        releases=[release.release for release in releases if release.model_sha256 == sha256],
    )
