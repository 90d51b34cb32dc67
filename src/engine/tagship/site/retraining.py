"""What asks for a new training of a model: monitoring, by project.yaml, or a branch of one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from tagship.gitops.snapshot import Snapshot
from tagship.monitoring.alerts import MonitorEntry, models_to_retrain
from tagship.monitoring.retrain_proposal import branch_of
from tagship.site.document import ObservationRow


def retraining(
    snapshot: Snapshot, observed: Mapping[str, Sequence[ObservationRow]], now: datetime
) -> dict[str, list[str]]:
    """For each model that something asks for, what does, in sentences."""
    last = snapshot.environments[-1]
    latest = {
        model: row for model, rows in observed.items() for row in rows if row.environment == last
    }
    entries = {model: _entry(model, row) for model, row in latest.items()}
    said: dict[str, list[str]] = {}
    for model in models_to_retrain(snapshot, entries.values(), now):
        failing = " and ".join(
            kind
            for kind in snapshot.project.retrain.on
            if model in latest and getattr(latest[model], f"{kind}_status") == "fail"
        )
        why = f"{failing} fails in {last}" if failing else f"what {last} runs is old"
        way = f"tagship retrain {model}"
        said[model] = [f"{why}: config/project.yaml asks for a new training: {way}"]
    for model in snapshot.models:
        for command in ("retrain", "tune"):
            branch = branch_of(model, command)
            if branch in snapshot.remote.heads:
                said.setdefault(model, []).append(f"the branch {branch} proposes a new training")
    return said


def _entry(model: str, row: ObservationRow) -> MonitorEntry:
    parts = {kind: getattr(row, f"{kind}_status") for kind in ("drift", "performance")}
    return MonitorEntry.model_validate(
        {"time": row.time, "model": model, "environment": row.environment, "status": row.status}
        | {kind: {"status": status} for kind, status in parts.items() if status}
    )
