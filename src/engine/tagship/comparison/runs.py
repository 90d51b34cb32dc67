"""What MLflow has of trainings and tunings. Only numbers and tags are read, never an artifact."""

import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tagship.config.root import tracking_uri
from tagship.training.mlflow_store import mlflow_client
from tagship.training.registration import SHA_TAG
from tagship.training.tracking import fold_metric

_PARENT = "mlflow.parentRunId"
KIND = "tagship.kind"
"""The tag that tells a search's run from a training's; its value is ``tuning``."""
MOST_RUNS = 50_000
"""Runs that are read in one answer, as many as MLflow gives."""


@dataclass(frozen=True)
class TrackedRun:
    """One run, and the runs under it by name: candidates of a training, trials of a tuning."""

    id: str
    name: str
    time: str
    """When it started (ISO 8601, UTC)."""
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    children: Sequence["TrackedRun"]

    @property
    def candidate_seconds(self) -> dict[str, float]:
        """How long each candidate of a training took over all folds, where that is recorded."""
        runs = {run.name: run.metrics for run in self.children}
        return {name: figures["seconds"] for name, figures in runs.items() if "seconds" in figures}


@dataclass(frozen=True)
class TrackedModel:
    """One experiment: its runs, the oldest first."""

    trainings: list[TrackedRun] = field(default_factory=list)
    tunings: list[TrackedRun] = field(default_factory=list)

    def last_training(self, sha256s: Collection[str]) -> TrackedRun | None:
        """The last training of one of these artifacts."""
        runs = [run for run in self.trainings if run.tags[SHA_TAG] in sha256s]
        return runs[-1] if runs else None


def tracked_models(root: Path, models: Iterable[str]) -> dict[str, TrackedModel]:
    """Finished trainings, and tunings, of these models; none where there is no store.

    The project's own store tells of all its models, removed ones too; a server has other projects'.

    Raises:
        TagshipError: the store cannot be reached or read.
    """
    uri = tracking_uri(root)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        return {}
    shared = bool(os.environ.get("MLFLOW_TRACKING_URI"))  # MLflow sets it, too
    with mlflow_client(root) as client:
        if shared:
            experiments = [client.get_experiment_by_name(name) for name in models]
        else:
            experiments = client.search_experiments()
        names = {e.experiment_id: e.name for e in experiments if e is not None}
        runs = _all_runs(client, list(names))
    children: dict[str, list[TrackedRun]] = {}
    tracked_by_model: dict[str, TrackedModel] = {}
    for run in sorted(runs, key=lambda run: _PARENT not in run.data.tags):
        tags = run.data.tags
        tracked = _tracked(run, children.get(run.info.run_id, []))
        if _PARENT in tags:
            children.setdefault(tags[_PARENT], []).append(tracked)
            continue
        model = tracked_by_model.setdefault(names[run.info.experiment_id], TrackedModel())
        if tags.get(KIND) == "tuning":
            model.tunings.append(tracked)
        elif SHA_TAG in tags and run.info.status == "FINISHED":
            model.trainings.append(tracked)
    return {
        name: model for name, model in tracked_by_model.items() if model.trainings or model.tunings
    }


def fold_values(root: Path, run: TrackedRun, metric: str) -> list[float] | None:
    """A candidate's selection metric of each fold; None where its run does not have them.

    Raises:
        TagshipError: the store cannot be reached or read.
    """
    key = fold_metric(metric)
    if key not in run.metrics:
        return None
    with mlflow_client(root) as client:
        history = client.get_metric_history(run.id, key)
    values = [point.value for point in sorted(history, key=lambda point: point.step)]
    return values if all(map(math.isfinite, values)) else None


def _all_runs(client: Any, experiments: list[str]) -> Iterable[Any]:
    page, token = [], None
    while experiments:
        answer = client.search_runs(
            experiments,
            max_results=MOST_RUNS,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        page += answer
        token = answer.token
        if not token:
            break
    return page


def _tracked(run: Any, children: Sequence[TrackedRun]) -> TrackedRun:
    started = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    return TrackedRun(
        id=run.info.run_id,
        name=run.info.run_name or "",
        time=started.isoformat(timespec="seconds"),
        metrics={key: value for key, value in run.data.metrics.items() if math.isfinite(value)},
        params=run.data.params,
        tags=run.data.tags,
        children=children,
    )
