"""One look at one model in one environment: drift and performance of what runs there."""

import json
import traceback
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from tagship.config.duration import parse_duration
from tagship.config.frozen import Frozen
from tagship.config.project import ProjectConfig
from tagship.config.project_files import load_model
from tagship.config.thresholds import ThresholdsConfig
from tagship.errors import TagshipError
from tagship.files import explain_os_error
from tagship.monitoring.drift_verdict import DriftVerdict
from tagship.monitoring.label_join import join_labels
from tagship.monitoring.labels import Labels, read_feedback, read_labels
from tagship.monitoring.log_lines import check_folder, utc
from tagship.monitoring.performance import (
    PerformanceReport,
    judge_performance,
    nothing_judged,
    window_length,
)
from tagship.monitoring.prediction_log import read_predictions
from tagship.monitoring.status import ORDER, Status, worst
from tagship.monitoring.windows import MOST
from tagship.sources.fetching import expand
from tagship.watch.drifting import look_for_drift
from tagship.watch.running import LOCAL, Running, Trained, local_artifact, trained


class Window(Frozen):
    """The time that drift was looked for in."""

    since: str
    until: str


class Look(Frozen):
    """What was found: one file of the history."""

    version: Literal[1] = 1
    time: str
    model: str
    environment: str
    release: str
    """Empty for what is served here."""
    model_sha256: str
    status: Status | Literal["error"]
    """The worse of drift and performance, whichever has data."""
    reasons: list[str] = []
    """Why it is not ok, in sentences."""
    error: str = ""
    window: Window | None = None
    rows: int = 0
    """Rows in the window."""
    one_in: int = 1
    """One request of this many was looked at."""
    skipped: dict[str, int] = {}
    """Lines and files of the log, predictions and feedback, that could not be used, by reason."""
    drift: dict[str, Any] | None = None
    performance: PerformanceReport | None = None


def look_at(root: Path, project: ProjectConfig, one: Running, now: datetime) -> Look:
    """Judge what runs; whatever goes wrong becomes a look with status ``error``."""
    blank = Look(
        time=spelt(now),
        model=one.model,
        environment=one.environment,
        release=one.release,
        model_sha256=one.model_sha256,
        status="no data",
    )
    try:
        look = blank.model_copy(update=_found(root, project, one, now))
        json.dumps(look.model_dump(mode="json"), allow_nan=False)
        return look
    except Exception as error:  # one model's must not end the look at the others
        return blank.model_copy(update={"status": "error", "error": _explained(error)})


def spelt(moment: datetime) -> str:
    """A time as a history spells it, in UTC; in milliseconds: two looks are two files."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _explained(error: Exception) -> str:
    """What a person is told; a text that was not written for it may quote the data."""
    if isinstance(error, TagshipError):
        return str(error)
    if isinstance(error, OSError):
        return str(explain_os_error(error, Path(error.filename or ".")))
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return f"unexpected {type(error).__name__} in {where}\n  → please report it"


def _found(root: Path, project: ProjectConfig, one: Running, now: datetime) -> dict[str, Any]:
    """What a look at one model finds, by the names of ``Look``."""
    thresholds = load_model(root, one.model).thresholds
    known = trained(root, one)
    log = _log(root, project, one)
    if log is None:
        missing = f"config/project.yaml: monitoring.log does not say where {one.environment} logs"
        return {"reasons": [missing], **_unmeasured(thresholds, known, missing)}
    if thresholds.drift is None and thresholds.performance is None:
        path = f"config/{one.model}/thresholds.yaml"
        return {"reasons": [f"{path}: it declares neither drift nor performance"]}
    since = now - parse_duration(project.monitoring.window)
    earliest = _earliest(thresholds, since, now)
    boundary = known.reference.boundary()
    logged = read_predictions(
        log,
        boundary,
        earliest,
        release=one.release or None,
        model=one.model,
        model_sha256=one.model_sha256 or local_artifact(root, one.model),
        now=now,
    )
    skipped = Counter(logged.skipped)
    labels: Iterator[Labels] = read_feedback(log, earliest, now, skipped)
    if project.monitoring.labels is not None:
        filled = _filled(project.monitoring.labels, "labels", one)
        labels = chain(labels, read_labels(filled, root))
    gate = thresholds.performance
    labelled = join_labels(logged, labels, boundary, window_length(gate) if gate else None)
    drift, performance = None, None
    if thresholds.drift is not None:
        drift = look_for_drift(known.reference, thresholds.drift, logged, labelled, since)
    if gate is not None:
        performance = judge_performance(boundary, logged, labelled, thresholds, known.metrics, now)
    status, reasons = _summary(drift, performance)
    rows = int((logged.times >= utc(since)).sum())
    if logged.skipped and not rows:
        why = ", ".join(f"{count} {reason}" for reason, count in logged.skipped.most_common())
        reasons.append(f"no line of the log could be used: {why}")
    if not rows and not logged.skipped and one.environment != LOCAL:
        reasons += _missing_folder(log)
    return {
        "status": status,
        "reasons": reasons,
        "window": Window(since=spelt(since), until=spelt(now)),
        "rows": rows,
        "one_in": logged.one_in,
        "skipped": dict(+skipped),
        "drift": drift.to_json() if drift else None,
        "performance": performance,
    }


def _unmeasured(thresholds: ThresholdsConfig, known: Trained, why: str) -> dict[str, Any]:
    """What is said of declared drift and performance when there is nothing to read."""
    blank = DriftVerdict(known.reference.model, "no data", why, rows=0)
    performance = None
    if thresholds.performance is not None:
        performance = nothing_judged(thresholds, known.metrics, why)
    return {
        "drift": blank.to_json() if thresholds.drift is not None else None,
        "performance": performance,
    }


def _summary(
    drift: DriftVerdict | None, performance: PerformanceReport | None
) -> tuple[Status, list[str]]:
    """The worse of what has data, and why, worst first."""
    found: list[tuple[Status, list[str]]] = []
    if drift is not None:
        why = [] if drift.status == "ok" else [f"drift: {drift.reason}"]
        found.append((drift.status, why))
    if performance is not None:
        found.append((performance.status, [f"performance: {why}" for why in performance.reasons]))
    found.sort(key=lambda part: -ORDER.index(part[0]))
    with_data = [status for status, _ in found if status != "no data"]
    return worst(with_data), [reason for _, reasons in found for reason in reasons]


def _log(root: Path, project: ProjectConfig, one: Running) -> str | None:
    """The folder or URL of the log; None when nobody said where it is."""
    if one.environment == LOCAL:
        return str(root / ".tagship" / "predictions" / one.model)
    if project.monitoring.log is None:
        return None
    place = _filled(project.monitoring.log, "log", one)
    return place if "://" in place else str(root / place)


def _missing_folder(log: str) -> list[str]:
    """Why there is nothing, where it may be a wrong path: a service that never answered has none
    either."""
    try:
        check_folder(log)
    except TagshipError as error:
        return [error.args[0]]
    return []


def _filled(template: str, key: str, one: Running) -> str:
    names = template.replace("{model}", one.model).replace("{environment}", one.environment)
    return expand(names, f"config/project.yaml: monitoring.{key}")


def _earliest(thresholds: ThresholdsConfig, since: datetime, now: datetime) -> datetime | None:
    """Where reading begins: drift and performance look at windows of their own."""
    if thresholds.performance is None:
        return since
    length = window_length(thresholds.performance)
    return None if length is None else min(since, now - MOST * length)
