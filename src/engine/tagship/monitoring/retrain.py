"""Train the same config on new data, in a work tree of the default branch, and propose it.

Nothing is deployed, released or tagged, and the user's own work tree stays as it is. Run again, it
makes the same commit again; cut off anywhere, it left nothing but perhaps the pushed branch.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tagship.config.project_files import ModelFiles, load_model, load_project
from tagship.errors import TagshipError
from tagship.formatting import brief
from tagship.gitops.snapshot import Snapshot
from tagship.monitoring.model_proposal import (
    ModelProposal,
    Say,
    branch_of,
    proposal_tree,
    propose_model,
    refused_proposal,
    share_folders,
    train_and_judge,
)
from tagship.monitoring.retrain_data import (
    compare,
    count_new,
    newest_place,
    point_at,
    read_seen_rows,
    refuse_fixed,
    rows_read,
)
from tagship.monitoring.verdicts import DriftVerdict
from tagship.training.lock import Interval, Lock, read_lock
from tagship.verdict import SYMBOLS, Verdict, markdown

_SHARED = ("cache", "champions")


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


def retrain(
    root: Path,
    model: str,
    data: str | None = None,
    report: str = "",
    push: bool = False,
    say: Say = lambda _: None,
) -> ModelProposal:
    """Train a model of the default branch on its newest data; commit it, and push the branch.

    ``data`` is a file or URL that replaces the contract's; ``report`` is Markdown for the pull
    request. Data and models that may not be proposed are answers of state ``refused``.

    Raises:
        TagshipError: no remote, no such model, ``data`` is empty, or the branch holds someone
            else's commits.
    """
    if data == "":
        raise TagshipError("--data: it is empty", "name a file or URL, or leave it out")
    branch = branch_of(model, "retrain")
    with proposal_tree(root, f"retrain-{model}", branch, *_SHARED) as (snapshot, tree):
        files, project = load_model(tree, model), load_project(tree)
        read_lock(files.lock_path)
        place = data or newest_place(project.retrain.data, files, datetime.now(UTC).date())
        try:
            refuse_fixed(files)
            say("reading the data")
            data_files = point_at(files, root, place)
            files = load_model(tree, model)
            comparison = _compare_data(snapshot, files, project.retrain.min_new_rows)
            if comparison is None:
                why = f"nothing changed: {snapshot.remote.default}'s lock is of this very data"
                return ModelProposal(model, "unchanged", why)
            new_data = comparison.new_data
            say(f"training: {new_data}")
            after, verdict = train_and_judge(snapshot, files, say)
        except TagshipError as error:
            return refused_proposal(files, error)
        why = f"{new_data}; verdict {verdict.status}"
        title = f"feat({model}): retrain on {new_data.new:,} new rows"
        body = _describe(model, comparison, after, verdict, report)
        return propose_model(snapshot, "retrain", files, why, title, body, push, data_files)


def _compare_data(snapshot: Snapshot, files: ModelFiles, least: int) -> DataComparison | None:
    """What the data holds that the champion has not seen, and how it differs from what it has.

    Without a champion, the default branch's lock stands for it. None where that lock is of the very
    same data.
    """
    from tagship.data.table import check_table, read_raw

    model, default = files.name, snapshot.remote.default
    locked, raw = read_lock(files.lock_path), read_raw(files)
    table = check_table(files, raw)
    if table.sha256 == locked.data.sha256:
        return None
    champion = snapshot.champion(model)
    path = f"config/{model}/model.lock.yaml"
    commit = (
        snapshot.history.release(champion).commit
        if champion
        else snapshot.git.run("log", "-1", "--format=%H", snapshot.head, "--", path).strip()
    )
    with snapshot.git.checkout(commit) as old:
        share_folders(snapshot.git.root, old, *_SHARED)
        try:
            before = read_lock(old / path)
        except TagshipError:  # of an engine whose locks had another form
            before = locked
        seen_rows = read_seen_rows(old, files.root, model)
    new, exact = count_new(files, table, seen_rows, before)
    rows = rows_read(table.identity, len(table.frame))
    new_data = NewData(rows, new, exact, champion or f"the lock on {default}")
    if new < least:
        raise TagshipError(
            f"too little new data: {new_data}; retrain.min_new_rows is {least:,}",
            "" if exact else "what it was trained on is gone: keep dated files (see --data)",
        )
    show = partial(snapshot.git.show, commit)
    return DataComparison(new_data, before, compare(files, raw.frame, show, new_data.against))


def _describe(
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


def _interval(metric: Interval | None) -> str:
    if metric is None:
        return ""
    return f"{brief(metric.value)} ({brief(metric.low)} to {brief(metric.high)})"
