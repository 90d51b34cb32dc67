"""What a retraining's pull request says. Pure."""

from dataclasses import dataclass
from typing import Literal

from tagship.gates.verdict import Verdict, markdown
from tagship.numbers import brief
from tagship.training.lock import Interval, Lock

State = Literal["proposed", "unchanged", "refused"]


@dataclass(frozen=True)
class Retrained:
    """What became of a retraining."""

    model: str
    state: State
    why: str
    """One sentence: what was found, or why there is nothing to propose."""
    branch: str = ""
    """Empty when there is nothing to propose."""
    commit: str = ""
    title: str = ""
    body: str = ""


@dataclass(frozen=True)
class Window:
    """The data that was trained on."""

    rows: int
    new: int
    exact: bool
    against: str
    """The champion's release, or the lock on the default branch."""

    def __str__(self) -> str:
        least = "" if self.exact else "at least "
        return f"{self.rows:,} rows, {least}{self.new:,} of them not seen by {self.against}"


def describe(
    model: str, window: Window, before: Lock, after: Lock, verdict: Verdict, report: str
) -> str:
    """The pull request's text: the data, the lock against the one before, the verdict, and why."""
    rows = [
        ("data", f"`{before.data.sha256[:12]}`", f"`{after.data.sha256[:12]}`"),
        ("rows", f"{before.data.rows:,}", f"{after.data.rows:,}"),
        ("winner", before.winner.candidate, after.winner.candidate),
        ("artifact", f"`{before.artifact.sha256[:12]}`", f"`{after.artifact.sha256[:12]}`"),
    ]
    rows += [
        (name, _interval(before.metrics.get(name)), _interval(found))
        for name, found in after.metrics.items()
    ]
    return "\n".join(
        [
            f"`{model}` was trained again with the same config: {window}.",
            "",
            f"| | {window.against} | retrained |",
            "|---|---|---|",
            *(f"| {name} | {old} | {new} |" for name, old, new in rows),
            "",
            "Each column's metrics are on its own holdout; the gate `champion` below, where"
            " thresholds.yaml has one, compares both on the same rows.",
            "",
            markdown(verdict),
            *(["### Why", "", report] if report else []),
            "Merging this deploys nothing: release it afterwards.",
            "",
        ]
    )


def _interval(found: Interval | None) -> str:
    if found is None:
        return ""
    return f"{brief(found.value)} ({brief(found.low)} to {brief(found.high)})"
