"""What a retraining's pull request says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tagship.formatting import brief
from tagship.monitoring.drift_verdict import DriftVerdict
from tagship.training.lock import Interval, Lock
from tagship.verdict import SYMBOLS, Verdict, markdown

RetrainState = Literal["proposed", "unchanged", "refused"]


@dataclass(frozen=True)
class Retrained:
    """What became of a retraining."""

    model: str
    state: RetrainState
    why: str
    """One sentence: what was found, or why there is nothing to propose."""
    branch: str = ""
    """Empty when there is nothing to propose."""
    commit: str = ""
    title: str = ""
    body: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    """The files that the proposal changes, with their texts."""


@dataclass(frozen=True)
class NewData:
    """The data that was trained on."""

    rows: int
    new: int
    exact: bool
    against: str
    """The champion's release, or the lock on the default branch."""

    def __str__(self) -> str:
        least = "" if self.exact else "at least "
        return f"{self.rows:,} rows, {least}{self.new:,} of them not seen by {self.against}"


@dataclass(frozen=True)
class DataComparison:
    """The new data against the data before, compared before the training."""

    new_data: NewData
    before: Lock
    """Of the champion, or of the default branch."""
    drift: DriftVerdict | str
    """The new data against what ``before`` was trained on, or why that is not known."""


def describe(
    model: str, comparison: DataComparison, after: Lock, verdict: Verdict, report: str
) -> str:
    """The pull request's text: the data, the lock against the one before, the verdict, and why."""
    new_data, before = comparison.new_data, comparison.before
    rows = [
        ("data", f"`{before.data.sha256[:12]}`", f"`{after.data.sha256[:12]}`"),
        ("rows", f"{before.data.rows:,}", f"{after.data.rows:,}"),
        ("winner", before.winner.candidate, after.winner.candidate),
        ("artifact", f"`{before.artifact.sha256[:12]}`", f"`{after.artifact.sha256[:12]}`"),
    ]
    rows += [
        (name, _interval(before.metrics.get(name)), _interval(metric))
        for name, metric in after.metrics.items()
    ]
    return "\n".join(
        [
            f"`{model}` was trained again with the same config: {new_data}.",
            "",
            f"| | {new_data.against} | retrained |",
            "|---|---|---|",
            *(f"| {name} | {old} | {new} |" for name, old, new in rows),
            "",
            "Each column's metrics are on its own holdout; the gate `champion` below, where"
            " thresholds.yaml has one, compares both on the same rows.",
            "",
            markdown(verdict),
            *_drift(comparison),
            *(["### What was seen where it runs", "", report] if report else []),
            "Merging this deploys nothing: release it afterwards.",
            "",
        ]
    )


def _drift(comparison: DataComparison) -> list[str]:
    """What of the new data is not as it was, worst first; texts from the data stand in code."""
    drift, against = comparison.drift, comparison.new_data.against
    if isinstance(drift, str):
        return [f"### The new data against {against}: not compared", "", drift, ""]
    rows = [
        f"| {SYMBOLS[status]} | {_code(f.column)} | {f.check} | {f.method} |"
        f" {'' if f.value is None else brief(f.value)} | {f.limit} | {_code(f.detail)} |"
        for status in ("fail", "warn")
        for f in drift.of_status(status)
    ]
    head = ["| | column | what | method | value | limit | |", "|---|---|---|---|---|---|---|"]
    return [
        f"### The new data against {against}: {drift.status}",
        "",
        f"{drift.rows:,} rows: {_code(drift.reason)}",
        "",
        *([*head, *rows, ""] if rows else []),
    ]


def _code(text: str) -> str:
    plain = " ".join(text.replace("`", "'").replace("|", "\\|").split())
    return f"`{plain}`" if plain else ""


def _interval(found: Interval | None) -> str:
    if found is None:
        return ""
    return f"{brief(found.value)} ({brief(found.low)} to {brief(found.high)})"
