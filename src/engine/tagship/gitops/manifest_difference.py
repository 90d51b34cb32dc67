"""What a merge would change in the cluster: rendered manifests of now against those after it."""

import bisect
import difflib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.history import Deployment
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
    start, head = snapshot.git.resolve(base), snapshot.git.resolve("HEAD")
    if start is None or head is None:
        raise TagshipError(f"{base}: no such commit here", "git fetch --unshallow origin")
    fork = snapshot.git.run("merge-base", start, head).strip()
    compared = []
    for model in snapshot.models:
        for environment in snapshot.environments:
            inputs = {
                snapshot.renderer.inputs(commit, model, environment) for commit in (fork, head)
            }
            if len(inputs) > 1:
                compared += _compare(snapshot, head, model, environment)
    return compared


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
        parts.append(f"{title}{when}.\n\n{folded(difference.diff)}")
    return "\n".join(parts) if len(parts) > 1 else ""


def folded(diff: str) -> str:
    """A difference as Markdown, folded away and cut where a comment would become too long."""
    lines = diff.splitlines(keepends=True)
    changed = sum(line.startswith(("+", "-")) for line in lines[2:])
    sizes = list(itertools.accumulate(len(line) for line in lines))
    shown = bisect.bisect_right(sizes, LONGEST)
    rest = len(lines) - shown
    cut = f"\n{rest} more lines are not shown: `tagship ci difference` on this branch shows all.\n"
    text = "".join(lines[:shown])
    fence = "~" * (4 + max((len(run) for run in re.findall("~+", text)), default=0))
    head = f"<details><summary>{changed} lines of the rendered manifests change</summary>\n"
    return f"{head}\n{fence}diff\n{text}{fence}\n{cut if rest else ''}\n</details>\n"


def rendered(
    snapshot: Snapshot, current: Deployment | None, commit: str, model: str, environment: str
) -> str:
    """What runs against what a commit renders to, unified; empty when they are the same.

    Raises:
        TagshipError: no kustomize on this machine, or it refuses an overlay.
    """
    before = snapshot.rendered(current.commit, model, environment).text if current else ""
    after = snapshot.rendered(commit, model, environment).text
    names = (current.name if current else "nothing", "after the merge")
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), *names, n=2)
    return "".join(lines)


def _compare(
    snapshot: Snapshot, head: str, model: str, environment: str
) -> list[OverlayDifference]:
    record = snapshot.record(head, model, environment)
    current = snapshot.history.current(model, environment)
    running = snapshot.record(current.commit, model, environment) if current else None
    if record is None or not (record.deployed or running):
        return []
    wanted, commit = record, head
    if running and environment == snapshot.first:
        wanted, commit = running, snapshot.pinned(head, running, "draft")
    elif not record.deployed:
        return []
    first = environment == snapshot.first
    return [
        OverlayDifference(
            model=model,
            environment=environment,
            runs=current.name if current else "",
            release=wanted.release,
            deployed_by_merge=first or running != record,
            diff=rendered(snapshot, current, commit, model, environment),
        )
    ]
