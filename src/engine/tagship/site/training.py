"""How a model was found: the lock's candidates, MLflow's runs and tunings, the comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tagship.comparison.compare import tuning_figures
from tagship.comparison.document import Comparison, ModelFigures
from tagship.comparison.runs import TrackedModel, TrackedRun
from tagship.config.model import higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.site.document import Origin, ReleaseRow, Run, ScoredCandidate, Training
from tagship.training.lock import Lock
from tagship.training.registration import SHA_TAG
from tagship.training.tracking import metric_names
from tagship.verdict import parse_status


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
    compared: ModelFigures | None,
    releases: Sequence[ReleaseRow],
    origin: Origin,
) -> Training:
    """The lock's training; without a lock, what model.yaml asks for."""
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
        candidates=_candidates(files, lock, tracked, compared),
        tuning=[tuning_figures(run, higher_is_better(metric)) for run in reversed(tracked.tunings)],
        runs=[_run(run, metric, lock, releases) for run in reversed(tracked.trainings)],
        conclusion=list(compared.conclusion) if compared else [],
        libraries=dict(lock.inputs.libraries) if lock else {},
        origin=origin if lock else None,
    )


def run_of(lock: Lock | None, tracked: TrackedModel) -> TrackedRun | None:
    """The last run of the locked artifact."""
    sha256 = lock.artifact.sha256 if lock else None
    runs = [run for run in tracked.trainings if run.tags[SHA_TAG] == sha256]
    return runs[-1] if runs else None


def seconds_of(run: TrackedRun | None) -> dict[str, float]:
    """How long each candidate of a run took."""
    children = run.children if run else ()
    return {each.name: each.metrics["seconds"] for each in children if "seconds" in each.metrics}


def _threshold(files: ModelFiles, lock: Lock | None) -> float | None:
    if files.model.task != "binary":
        return None
    if lock is None:
        return files.model.threshold if isinstance(files.model.threshold, float) else None
    declared = lock.inputs.model.get("threshold")
    return float(declared) if isinstance(declared, int | float) else lock.threshold


def _candidates(
    files: ModelFiles, lock: Lock | None, tracked: TrackedModel, compared: ModelFigures | None
) -> list[ScoredCandidate]:
    then = lock.inputs.model.get("candidates", {}) if lock else {}
    scores = dict(lock.candidates) if lock else {}
    seconds = seconds_of(run_of(lock, tracked))
    if compared:
        figures = compared.candidates.items()
        seconds = {name: each.seconds for name, each in figures if each.seconds} | seconds
    now = files.model.model_dump(mode="json", exclude_none=True)["candidates"]
    better = -1 if lock and higher_is_better(lock.inputs.model["select"]["metric"]) else 1
    rows = []
    for name in sorted(scores, key=lambda name: better * scores[name].mean):
        state = "trained" if now.get(name) == then.get(name) else "changed"
        rows.append(
            ScoredCandidate(
                name=name,
                estimator=then.get(name, {}).get("estimator"),
                mean=scores[name].mean,
                std=scores[name].std,
                winner=lock is not None and name == lock.winner.candidate,
                seconds=seconds.get(name),
                state=state if name in now else "removed",
            )
        )
    return rows + [
        ScoredCandidate(
            name=name, estimator=candidate["estimator"], mean=None, std=None, winner=False,
            seconds=None, state="not trained",
        )
        for name, candidate in now.items()
        if name not in scores
    ]  # fmt: skip


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
        releases=[each.release for each in releases if each.model_sha256 == sha256],
    )
