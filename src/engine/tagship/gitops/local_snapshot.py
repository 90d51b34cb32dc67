"""What this clone holds, where no remote could be asked: tags, locks and the files of deploy/."""

from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import load_project
from tagship.errors import TagshipError
from tagship.gitops.deployment_records import parse_record, record_path
from tagship.gitops.git import Git
from tagship.gitops.refs import LOCAL, MIRROR, Remote
from tagship.gitops.snapshot import (
    RemoteUnavailable,
    Snapshot,
    fetch_snapshot,
    make_snapshot,
)
from tagship.training.lock import locked_hashes


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
    git, tags = Git(root), []
    if git.succeeds("rev-parse", "--git-dir"):
        git.check_top()
        tags = git.tags(MIRROR if git.has_remote() else LOCAL)
    return make_snapshot(git, load_project(root), Remote("", {}), tags, not_asked=why)


@dataclass(frozen=True)
class Held:
    """What the work tree says of one environment of a model."""

    lock: str
    """The first digits of the locked artifact's SHA-256, or why there is no lock."""
    asks: str
    """The release that deploy/ names, or why it names no release."""


def held(root: Path, model: str, environment: str) -> Held:
    """Read the lock and the deployment record as they stand in the work tree."""
    lock, record = f"config/{model}/model.lock.yaml", record_path(model, environment)
    try:
        text = _text(root, lock)
        locked = locked_hashes(text, lock)[0][:12] if text else "none"
    except TagshipError:
        locked = "not a lock"
    try:
        text = _text(root, record)
        asks = parse_record(text, record).release if text else "no overlay"
    except TagshipError:
        asks = "not a record"
    return Held(locked, asks)


def _text(root: Path, path: str) -> str:
    return (root / path).read_text(encoding="utf-8") if (root / path).is_file() else ""
