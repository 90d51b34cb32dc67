"""What `tagship monitor` saw, as one issue a model, and which models to retrain for it. Pure."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from tagship.config.base_model import parse_duration
from tagship.errors import TagshipError
from tagship.gitops.snapshot import Snapshot
from tagship.monitoring.verdicts import ObservedStatus, Period

_SYMBOLS: dict[ObservedStatus, str] = {
    "ok": "✅",
    "warn": "⚠️",
    "fail": "❌",
    "no data": "∅",
    "error": "❗",
}
_ALERTING = re.compile(r"^<!-- alerting: (.*) -->$", re.MULTILINE)


class Part(BaseModel):
    """The verdict on drift, or on performance."""

    status: str = "no data"


class MonitorEntry(BaseModel):
    """One model in one environment, as `tagship monitor --json` says it."""

    time: str
    model: str
    environment: str
    release: str | None = None
    status: ObservedStatus
    error: str | None = None
    window: Period | None = None
    rows: int | None = None
    drift: Part | None = None
    performance: Part | None = None
    reasons: list[str] = []


@dataclass(frozen=True)
class Issue:
    """What the one issue of a model is to be."""

    open: bool
    title: str
    body: str


def topic(model: str) -> str:
    """What the marker of a model's issue says."""
    return f"monitor:{model}"


def read_entries(path: Path) -> list[MonitorEntry]:
    """What `tagship monitor --json` printed.

    Raises:
        TagshipError: it is not that.
    """
    try:
        return TypeAdapter(list[MonitorEntry]).validate_python(
            json.loads(path.read_text(encoding="utf-8"))
        )
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise TagshipError(
            f"{path}: not what `tagship monitor --json` prints: {reason}", "run it again"
        ) from None


def issue_for(model: str, entries: Iterable[MonitorEntry], before: str | None) -> Issue:
    """The issue of a model, given the body of the one that is open, if any.

    An environment alerts from its first failure or error until it is ok again: a warning or no
    data neither opens nor closes anything.
    """
    mine = [entry for entry in entries if entry.model == model]
    match = _ALERTING.search(before or "")
    alerting = set(filter(None, (match[1] if match else "").split(", ")))
    alerting |= {entry.environment for entry in mine if entry.status in ("fail", "error")}
    alerting -= {entry.environment for entry in mine if entry.status == "ok"}
    where = ", ".join(sorted(alerting))
    headline = (
        f"**{model}** needs attention in: {where}." if where else f"**{model}** is well again."
    )
    body = (
        f"<!-- alerting: {where} -->\n{headline}\n\n{describe(mine)}\n"
        "Kept up to date by the workflow `monitor`, which closes it when all is ok again.\n"
    )
    return Issue(bool(where), f"monitor: {model} needs attention", body)


def describe(entries: Iterable[MonitorEntry]) -> str:
    """A table of environments and the reasons below it, as Markdown.

    Reasons quote requests, which anybody may send: they stand in code blocks, where they can
    neither mention anyone nor be markup.
    """
    listed = list(entries)
    lines = ["| | environment | status | release | rows | until |", "|---|---|---|---|---|---|"]
    for entry in listed:
        rows = "" if entry.rows is None else f"{entry.rows:,}"
        until = (entry.window.until if entry.window else None) or entry.time
        cells = (
            _SYMBOLS[entry.status],
            entry.environment,
            entry.status,
            entry.release or "",
            rows,
            until,
        )
        lines.append(f"| {' | '.join(cells)} |")
    for entry in listed:
        reasons = [*([entry.error] if entry.error else []), *entry.reasons]
        if reasons and entry.status != "ok":
            quoted = [reason.replace("```", "'''") for reason in reasons]
            lines += ["", f"{entry.environment}:", "```text", *quoted, "```"]
    return "\n".join(lines) + "\n"


def models_to_retrain(
    snapshot: Snapshot, entries: Iterable[MonitorEntry], now: datetime
) -> list[str]:
    """The models that project.yaml wants retrained: by what failed in the last environment, or
    by the champion's age."""
    rules, last = snapshot.project.retrain, snapshot.environments[-1]
    models = {
        entry.model
        for entry in entries
        if entry.environment == last
        for kind in rules.on
        if (part := getattr(entry, kind)) is not None and part.status == "fail"
    }
    if rules.every is not None:
        for model in snapshot.models:
            champion = snapshot.history.releases.get(snapshot.champion(model) or "")
            if champion and now - champion.date > parse_duration(rules.every):
                models.add(model)
    return sorted(models & set(snapshot.models))
