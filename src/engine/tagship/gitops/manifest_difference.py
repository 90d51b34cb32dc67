"""What a merge would change in the cluster: rendered manifests of now against those after it."""

import bisect
import difflib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tagship.gitops.snapshot import Snapshot, fetch_snapshot

LONGEST = 30_000
"""Characters of one difference; GitHub refuses texts from 65,536 on."""


@dataclass(frozen=True)
class OverlayDifference:
    """One environment of one model whose resources a change touches."""

    model: str
    environment: str
    runs: str
    """The deployment that runs now; empty when nothing runs."""
    release: str
    """The release that would run."""
    deployed_by_merge: bool
    """False when the same release would only get other manifests: that is proposed by itself."""
    diff: str
    """Unified; empty when both render to the same."""


def compare_overlays(root: Path, base: str) -> list[OverlayDifference]:
    """Compare every overlay that HEAD changes against ``base`` with what its environment runs.

    Raises:
        TagshipError: no such commit, or kustomize refuses an overlay.
    """
    snapshot = fetch_snapshot(root)
    fork, head = snapshot.git.fork(base)
    inputs = snapshot.renderer.inputs
    differences = (
        _compare(snapshot, head, model, environment)
        for model in snapshot.models
        for environment in snapshot.environments
        if inputs(fork, model, environment) != inputs(head, model, environment)
    )
    return [difference for difference in differences if difference]


def as_markdown(differences: Iterable[OverlayDifference]) -> str:
    """The differences for a pull request, each folded away."""
    parts = ["### What would run\n"]
    for difference in differences:
        runs = f"`{difference.runs}`" if difference.runs else "nothing"
        title = f"**{difference.model} {difference.environment}** runs {runs},"
        title += f" would run `{difference.release}`"
        if not difference.diff:
            parts.append(f"{title}: the same resources.\n")
            continue
        by_itself = " (not by this merge: by a pull request of its own)"
        when = "" if difference.deployed_by_merge else by_itself
        parts.append(f"{title}{when}.\n\n{fold(difference.diff)}")
    return "\n".join(parts) if len(parts) > 1 else ""


def fold(diff: str) -> str:
    """A difference as Markdown, folded away and cut where a comment would become too long."""
    lines = diff.splitlines(keepends=True)
    changes = sum(line.startswith(("+", "-")) for line in lines[2:])
    sizes = list(itertools.accumulate(len(line) for line in lines))
    line_count = bisect.bisect_right(sizes, LONGEST)
    hidden_count = len(lines) - line_count
    command = "`tagship ci difference` on this branch"
    cut = f"\n{hidden_count} more lines are not shown: {command} shows all.\n"
    text = "".join(lines[:line_count])
    fence = "~" * (4 + max((len(run) for run in re.findall("~+", text)), default=0))
    head = f"<details><summary>{changes} lines of the rendered manifests change</summary>\n"
    return f"{head}\n{fence}diff\n{text}{fence}\n{cut if hidden_count else ''}\n</details>\n"


def manifest_difference(snapshot: Snapshot, commit: str, model: str, environment: str) -> str:
    """What runs against what a commit renders to, unified; empty when they are the same.

    Raises:
        TagshipError: no kustomize on this machine, or it refuses an overlay.
    """
    current, render = snapshot.history.current(model, environment), snapshot.renderer.render
    before = render(current.commit, model, environment).text if current else ""
    after = render(commit, model, environment).text
    names = (current.name if current else "nothing", "after the merge")
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), *names, n=2)
    return "".join(lines)


def _compare(
    snapshot: Snapshot, head: str, model: str, environment: str
) -> OverlayDifference | None:
    """None where nothing is deployed, or to be deployed."""
    is_first = environment == snapshot.first
    record = snapshot.record(head, model, environment)
    if record is None:
        return None
    running = snapshot.running_record(model, environment)
    commit, release = head, record.release
    if is_first and running:
        commit, release = snapshot.commit_record(head, running, "draft"), running.release
    elif not record.is_deployed:
        return None
    current = snapshot.history.current(model, environment)
    return OverlayDifference(
        model=model,
        environment=environment,
        runs=current.name if current else "",
        release=release,
        deployed_by_merge=is_first or running != record,
        diff=manifest_difference(snapshot, commit, model, environment),
    )
