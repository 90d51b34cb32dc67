"""Observe one model in one environment: drift and performance of what runs there."""

import json
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from tagship.config.base_model import parse_duration
from tagship.config.drift import Drift
from tagship.config.project import ProjectConfig
from tagship.config.project_files import load_model
from tagship.config.thresholds import ThresholdsConfig
from tagship.errors import TagshipError
from tagship.files import explain_os_error
from tagship.monitoring.current_data import Values, from_log
from tagship.monitoring.drift import judge_drift
from tagship.monitoring.label_join import LabelledRows, join_labels
from tagship.monitoring.labels import Labels, read_feedback, read_labels
from tagship.monitoring.log_files import check_folder
from tagship.monitoring.log_lines import utc
from tagship.monitoring.log_reader import LoggedRows, in_order, read_predictions
from tagship.monitoring.performance import (
    judge_performance,
    nothing_judged,
    window_length,
)
from tagship.monitoring.running_models import (
    LOCAL,
    RunningModel,
    TrainedModel,
    local_artifact,
    read_training,
)
from tagship.monitoring.sample import MOST_WINDOWS
from tagship.monitoring.verdicts import (
    ORDER,
    DriftVerdict,
    Observation,
    PerformanceReport,
    Period,
    Status,
    worst,
)
from tagship.sources.fetching import expand
from tagship.training.reference import Reference


def observe(
    root: Path, project: ProjectConfig, running: RunningModel, now: datetime
) -> Observation:
    """Judge what runs; whatever goes wrong becomes an observation with status ``error``."""
    blank = Observation(
        time=format_time(now),
        model=running.model,
        environment=running.environment,
        release=running.release,
        model_sha256=running.model_sha256,
        status="no data",
    )
    try:
        observation = blank.model_copy(update=_judge(root, project, running, now))
        json.dumps(observation.model_dump(mode="json"), allow_nan=False)
        return observation
    except Exception as error:  # one model's must not keep the others from being observed
        return blank.model_copy(update={"status": "error", "error": _explain(error)})


def format_time(moment: datetime) -> str:
    """A time as the history has it, in UTC; in milliseconds: two observations are two files."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _explain(error: Exception) -> str:
    """The message for a person; that of an unexpected error is left out, as it may quote data."""
    if isinstance(error, TagshipError):
        return str(error)
    if isinstance(error, OSError):
        return str(explain_os_error(error, Path(error.filename or ".")))
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return f"unexpected {type(error).__name__} in {where}\n  → please report it"


def _judge(
    root: Path, project: ProjectConfig, running: RunningModel, now: datetime
) -> dict[str, Any]:
    """What is observed of one model, by the names of ``Observation``."""
    thresholds = load_model(root, running.model).thresholds
    training = read_training(root, running)
    log = _log(root, project, running)
    if log is None:
        missing = (
            f"config/project.yaml: monitoring.log does not say where {running.environment} logs"
        )
        return {"reasons": [missing], **_unmeasured(thresholds, training, missing)}
    if thresholds.drift is None and thresholds.performance is None:
        path = f"config/{running.model}/thresholds.yaml"
        return {"reasons": [f"{path}: it declares neither drift nor performance"]}
    since = now - parse_duration(project.monitoring.window)
    earliest = _earliest(thresholds, since, now)
    boundary = training.reference.boundary()
    logged = read_predictions(
        log,
        boundary,
        earliest,
        release=running.release or None,
        model=running.model,
        model_sha256=running.model_sha256 or local_artifact(root, running.model),
        now=now,
    )
    skipped = Counter(logged.skipped)
    labels: Iterator[Labels] = read_feedback(log, earliest, now, skipped)
    if project.monitoring.labels is not None:
        filled = _fill_template(project.monitoring.labels, "labels", running)
        labels = chain(labels, read_labels(filled, root))
    gate = thresholds.performance
    labelled = join_labels(logged, labels, boundary, window_length(gate) if gate else None)
    drift, performance = None, None
    if thresholds.drift is not None:
        drift = _judge_logged_drift(training.reference, thresholds.drift, logged, labelled, since)
    if gate is not None:
        performance = judge_performance(
            boundary, logged, labelled, thresholds, training.metrics, now
        )
    status, reasons = _summary(drift, performance)
    rows = int((logged.times >= utc(since)).sum())
    if logged.skipped and not rows:
        why = ", ".join(f"{count} {reason}" for reason, count in logged.skipped.most_common())
        reasons.append(f"no line of the log could be used: {why}")
    if not rows and not logged.skipped and running.environment != LOCAL:
        reasons += _missing_folder(log)
    return {
        "status": status,
        "reasons": reasons,
        "window": Period(since=format_time(since), until=format_time(now)),
        "rows": rows,
        "one_in": logged.one_in,
        "skipped": dict(+skipped),
        "drift": drift.to_json() if drift else None,
        "performance": performance,
    }


def _judge_logged_drift(
    reference: Reference, drift: Drift, logged: LoggedRows, labelled: LabelledRows, since: datetime
) -> DriftVerdict:
    """Compare what was logged from ``since`` on with how the release was trained.

    The target is compared when every window has ``min_rows`` labels: labels come late, and those
    that are missing yet must not look like drift.
    """
    rows = in_order(logged, since)
    current = from_log(reference, logged, rows)
    has_label = np.zeros(len(logged), dtype=bool)
    has_label[labelled.at] = True
    windows = np.array_split(has_label[rows], drift.window.of if drift.window else 1)
    if min(int(window.sum()) for window in windows) >= drift.min_rows:
        missing = np.nan if reference.task == "regression" else -1
        target = np.full(len(logged), missing, dtype=labelled.target.dtype)
        target[labelled.at] = labelled.target
        current = replace(current, target=Values(target[rows]))
    return judge_drift(reference, drift, current)


def _unmeasured(thresholds: ThresholdsConfig, training: TrainedModel, why: str) -> dict[str, Any]:
    """Drift and performance, where declared, without data and why."""
    blank = DriftVerdict(training.reference.model, "no data", why, rows=0)
    performance = None
    if thresholds.performance is not None:
        performance = nothing_judged(thresholds, training.metrics, why)
    return {
        "drift": blank.to_json() if thresholds.drift is not None else None,
        "performance": performance,
    }


def _summary(
    drift: DriftVerdict | None, performance: PerformanceReport | None
) -> tuple[Status, list[str]]:
    """The worse of what has data, and why, worst first."""
    parts: list[tuple[Status, list[str]]] = []
    if drift is not None:
        why = [] if drift.status == "ok" else [f"drift: {drift.reason}"]
        parts.append((drift.status, why))
    if performance is not None:
        parts.append((performance.status, [f"performance: {why}" for why in performance.reasons]))
    parts.sort(key=lambda part: -ORDER.index(part[0]))
    with_data = [status for status, _ in parts if status != "no data"]
    return worst(with_data), [reason for _, reasons in parts for reason in reasons]


def _log(root: Path, project: ProjectConfig, running: RunningModel) -> str | None:
    """The folder or URL of the log; None where project.yaml names none."""
    if running.environment == LOCAL:
        return str(root / ".tagship" / "predictions" / running.model)
    if project.monitoring.log is None:
        return None
    place = _fill_template(project.monitoring.log, "log", running)
    return place if "://" in place else str(root / place)


def _missing_folder(log: str) -> list[str]:
    """Why there is nothing, where it may be a wrong path: a service that never answered has none
    either."""
    try:
        check_folder(log)
    except TagshipError as error:
        return [error.args[0]]
    return []


def _fill_template(template: str, key: str, running: RunningModel) -> str:
    names = template.replace("{model}", running.model).replace("{environment}", running.environment)
    return expand(names, f"config/project.yaml: monitoring.{key}")


def _earliest(thresholds: ThresholdsConfig, since: datetime, now: datetime) -> datetime | None:
    """Where reading begins: drift and performance have windows of their own."""
    if thresholds.performance is None:
        return since
    length = window_length(thresholds.performance)
    return None if length is None else min(since, now - MOST_WINDOWS * length)
