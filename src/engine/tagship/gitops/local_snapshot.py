"""What this clone knows without its remote: the state of its tags, and the lock of each release."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import load_project
from tagship.errors import TagshipError
from tagship.gitops.git import Git
from tagship.gitops.refs import LOCAL, MIRROR, RawTag, Remote
from tagship.gitops.snapshot import (
    RemoteUnavailable,
    Snapshot,
    fetch_snapshot,
    make_snapshot,
)
from tagship.training.lock import Lock, parse_lock
from tagship.verdict import Verdict, parse_verdict


def fetch_or_local_snapshot(root: Path) -> Snapshot:
    """The remote's state; where the remote cannot be asked, this clone's, with the reason.

    Where there is a remote, the tags are those that it had when it was asked last; where there is
    none, the clone's own.

    Raises:
        TagshipError: the project's config cannot be read, or is part of a larger repository.
    """
    try:
        return fetch_snapshot(root)
    except RemoteUnavailable as error:
        why = str(error.args[0])
    git = Git(root)
    tags = _tags(git, MIRROR if git.has_remote() else LOCAL)
    return make_snapshot(git, load_project(root), Remote("", {}), tags, not_asked=why)


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
    """Every valid release of every model by this clone's tags, oldest first; none outside of Git.

    Raises:
        TagshipError: the project is part of a larger repository.
    """
    git = Git(root)
    tags = _tags(git, LOCAL, MIRROR)
    history = make_snapshot(git, load_project(root), Remote("", {}), tags).history
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


def _tags(git: Git, *namespaces: str) -> list[RawTag]:
    """This clone's tags, of the last namespace that has a name; none outside of Git."""
    if not git.succeeds("rev-parse", "--git-dir"):
        return []
    git.check_top()
    return list({tag.name: tag for space in namespaces for tag in git.tags(space)}.values())
