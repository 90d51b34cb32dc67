"""What monitoring saw, here and on the branch of its scheduled job, and what asks for retraining.

Of drift only numbers and statuses are taken: its findings quote requests.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tagship.gitops.snapshot import Snapshot
from tagship.monitoring.alerts import MonitorEntry, models_to_retrain
from tagship.monitoring.history import BRANCH, FOLDER
from tagship.monitoring.model_proposal import branch_of
from tagship.site.document import ObservationRow, Origin
from tagship.site.links import Links

MOST = 180
"""Observations of one model in one environment that are shown, the latest."""
_DISTANCE = re.compile(r"≤ ([0-9.e+-]+)")


def observations(snapshot: Snapshot, links: Links) -> dict[str, list[ObservationRow]]:
    """For each model what was observed of it in every environment, oldest first."""
    texts = {**_local(snapshot.git.root), **_on_branch(snapshot, links)}
    newest: dict[str, list[str]] = {}
    for path in sorted(texts):
        newest.setdefault(path.rpartition("/")[0], []).append(path)
    rows: dict[str, list[ObservationRow]] = {}
    for paths in newest.values():
        for path in paths[-MOST:]:
            read, origin = texts[path]
            row = _row(read(), origin)
            if row is not None:
                rows.setdefault(path.split("/")[1], []).append(row)
    for listed in rows.values():
        listed.sort(key=lambda row: row.time)
    return rows


def last_observation(rows: Sequence[ObservationRow], environment: str) -> ObservationRow | None:
    """The last one of an environment, of rows that are the oldest first."""
    return next((row for row in reversed(rows) if row.environment == environment), None)


def _on_branch(snapshot: Snapshot, links: Links) -> dict[str, Any]:
    commit = snapshot.remote.heads.get(BRANCH)
    if commit is None:
        return {}
    git = snapshot.git
    git.fetch(commit)
    return {
        path: (lambda held=entry.hash: git.blob(held), links.branch(BRANCH, path))
        for path, entry in git.listing(f"{commit}^{{tree}}")
        if re.fullmatch(r"history/[^/]+/[^/]+/[^/]+\.json", path)
    }


def _local(root: Path) -> dict[str, Any]:
    folder = root / FOLDER
    return {
        path.relative_to(folder).as_posix(): (
            path.read_bytes,
            Origin(text=path.relative_to(root).as_posix()),
        )
        for path in folder.glob("history/*/*/*.json")
    }


def _row(content: bytes, origin: Origin) -> ObservationRow | None:
    """An observation as a row; None where it is none that this engine reads."""
    try:
        entry = json.loads(content)
        drift, performance = entry.get("drift") or {}, entry.get("performance") or {}
        metrics = performance.get("metrics") or []
        return ObservationRow(
            environment=entry["environment"],
            time=entry["time"],
            release=entry["release"],
            status=entry["status"],
            reasons=entry.get("reasons") or [],
            rows=entry.get("rows") or 0,
            drift=max(_distances(drift), default=None),
            drift_status=drift.get("status"),
            performance={m["metric"]: float(m["value"]) for m in metrics if m["value"] is not None},
            performance_status=performance.get("status"),
            origin=origin,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _distances(drift: dict[str, Any]) -> Iterator[float]:
    for finding in drift.get("findings") or []:
        limit = _DISTANCE.match(finding["limit"])
        if finding["check"] == "drift" and finding["value"] is not None and limit:
            bound = float(limit[1])
            if bound > 0:
                yield finding["value"] / bound


def retraining(
    snapshot: Snapshot, observed: Mapping[str, Sequence[ObservationRow]], now: datetime
) -> dict[str, list[str]]:
    """For each model that something asks for, what does, in sentences."""
    last = snapshot.environments[-1]
    latest = {
        model: row
        for model, rows in observed.items()
        if (row := last_observation(rows, last)) is not None
    }
    entries = {model: _entry(model, row) for model, row in latest.items()}
    reasons: dict[str, list[str]] = {}
    for model in models_to_retrain(snapshot, entries.values(), now):
        failing = " and ".join(
            kind
            for kind in snapshot.project.retrain.on
            if model in latest and getattr(latest[model], f"{kind}_status") == "fail"
        )
        why = f"{failing} fails in {last}" if failing else f"what {last} runs is old"
        way = f"tagship retrain {model}"
        reasons[model] = [f"{why}: config/project.yaml asks for a new training: {way}"]
    for model in snapshot.models:
        for command in ("retrain", "tune"):
            branch = branch_of(model, command)
            if branch in snapshot.remote.heads:
                reasons.setdefault(model, []).append(f"the branch {branch} proposes a new training")
    return reasons


def _entry(model: str, row: ObservationRow) -> MonitorEntry:
    parts = {kind: getattr(row, f"{kind}_status") for kind in ("drift", "performance")}
    return MonitorEntry.model_validate(
        {"time": row.time, "model": model, "environment": row.environment, "status": row.status}
        | {kind: {"status": status} for kind, status in parts.items() if status}
    )
