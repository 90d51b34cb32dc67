"""What was locked at each release, by the tags of this clone: nothing is asked of a remote."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import load_project
from tagship.errors import TagshipError
from tagship.gitops.git import Git
from tagship.gitops.refs import LOCAL, MIRROR, Remote
from tagship.gitops.snapshot import make_snapshot
from tagship.training.lock import Lock, parse_lock
from tagship.verdict import Verdict, parse_verdict


@dataclass(frozen=True)
class ReleasedLock:
    """One release and its lock."""

    model: str
    name: str
    time: str
    """When its tag says that it was made (ISO 8601, UTC)."""
    lock: Lock | None
    """None where its commit has no lock that this engine reads."""
    verdict: Verdict | None
    """None where its tag carries none that this engine reads."""


def released_locks(root: Path) -> Iterator[ReleasedLock]:
    """Every valid release of every model, oldest first; none outside of Git.

    Raises:
        TagshipError: the project is part of a larger repository.
    """
    git = Git(root)
    if not git.succeeds("rev-parse", "--git-dir"):
        return
    git.check_top()
    tags = {tag.name: tag for tag in (*git.tags(LOCAL), *git.tags(MIRROR))}
    history = make_snapshot(git, load_project(root), Remote("", {}), tags.values()).history
    for release in sorted(history.releases.values(), key=lambda release: release.date):
        path = f"config/{release.tag.model}/model.lock.yaml"
        try:
            lock = parse_lock(git.show(release.commit, path) or "", path)
        except TagshipError:
            lock = None
        try:
            verdict = parse_verdict(release.verdict)
        except ValueError:
            verdict = None
        time = release.date.isoformat(timespec="seconds")
        yield ReleasedLock(release.tag.model, release.name, time, lock, verdict)
