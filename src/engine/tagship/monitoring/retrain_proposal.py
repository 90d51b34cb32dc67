"""A proposal by `retrain` or `tune`: what its pull request says, its commit, and its branch.

It is also committed and pushed by a job that runs nothing of the project.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from tagship.config.root import check_model_name
from tagship.errors import TagshipError
from tagship.formatting import brief
from tagship.gitops.propose import push_branch
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.monitoring.verdicts import DriftVerdict
from tagship.training.lock import Interval, Lock
from tagship.verdict import SYMBOLS, Verdict, markdown

RetrainState = Literal["proposed", "unchanged", "refused"]
_OURS = {"retrain": "Retrained: ", "tune": "Tuned: "}
"""The trailer of commits that each command makes on its branch; others are not replaced."""
_LARGEST = 10_000_000


@dataclass(frozen=True)
class ModelProposal:
    """What became of a retraining or of a search for better parameters."""

    model: str
    state: RetrainState
    why: str
    """One sentence: what is new, or why there is nothing to propose."""
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


def branch_of(model: str, command: str) -> str:
    """The one branch of a model for ``retrain`` or ``tune``."""
    return f"{command}/{model}"


def read_proposal(path: Path, command: str) -> ModelProposal:
    """Read what ``retrain`` or ``tune --propose`` printed with ``--json``, whoever ran it.

    Raises:
        TagshipError: it is none, or it would change more than a model's own folder in config/.
    """
    try:
        made = TypeAdapter(ModelProposal).validate_python(
            json.loads(path.read_text(encoding="utf-8"))
        )
    except (ValueError, ValidationError) as error:
        raise TagshipError(f"{path}: no answer of `tagship {command} --json`: {error}") from None
    check_model_name(made.model)
    branch = branch_of(made.model, command)
    if made.branch not in ("", branch):
        raise TagshipError(f"{path}: branch {made.branch!r} is not {branch}")
    for name, text in made.files.items():
        if not re.fullmatch(rf"config/{made.model}/[A-Za-z0-9_][A-Za-z0-9._-]*", name):
            raise TagshipError(f"{path}: {name!r} is no file of config/{made.model}")
        if len(text) > _LARGEST:
            raise TagshipError(f"{path}: {name} has more than {_LARGEST:,} characters")
    return made


def commit_proposal(snapshot: Snapshot, made: ModelProposal) -> str:
    """The default branch's head with the proposal's files; the same again gives the same commit."""
    trailer = _OURS[made.branch.partition("/")[0]]
    message = f"{made.title}\n\n{made.why}.\n\n{trailer}{made.model}\n"
    return snapshot.git.commit(snapshot.head, made.files, message)


def push_proposal(root: Path, made: ModelProposal) -> str:
    """Commit a proposal and push its branch; gives the commit.

    Raises:
        TagshipError: the branch holds someone else's commits, or the remote refuses.
    """
    snapshot = fetch_snapshot(root)
    refuse_others(snapshot, made.branch)
    commit = commit_proposal(snapshot, made)
    push_branch(snapshot, made.branch, commit)
    return commit


def refuse_others(snapshot: Snapshot, branch: str) -> None:
    """Refuse to replace a branch that holds what somebody else committed."""
    held = snapshot.remote.heads.get(branch)
    if held is None:
        return
    snapshot.git.fetch(held)
    form = ("--no-merges", "--format=%h%x00%B%x01")
    listed = snapshot.git.run("log", *form, held, f"^{snapshot.head}")
    for entry in filter(None, listed.strip().split("\x01")):
        short, _, message = entry.strip().partition("\0")
        command = branch.partition("/")[0]
        if _OURS[command] not in message:
            raise TagshipError(
                f"branch {branch}: commit {short} was not made by `tagship {command}`",
                "merge or close its pull request and delete the branch, then run this again",
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


def _interval(metric: Interval | None) -> str:
    if metric is None:
        return ""
    return f"{brief(metric.value)} ({brief(metric.low)} to {brief(metric.high)})"
