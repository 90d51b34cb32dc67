"""What runs where, by Git's tags; and what a release was when it was trained, by its own commit."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import ModelFiles, load_model, load_project
from tagship.errors import TagshipError, suggest
from tagship.files import sha256_of_bytes
from tagship.gitops.git import Git
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.training.lock import Interval, locked_hashes, locked_metrics, read_lock
from tagship.training.reference import Reference, committed_reference, parse_reference

Show = Callable[[str], str | None]
"""A file's text at a commit; None when it is not there."""
LOCAL = "local"
"""The environment of what `tagship serve` runs here."""


@dataclass(frozen=True)
class RunningModel:
    """One model in one environment."""

    model: str
    environment: str
    release: str
    """Empty for what is served here."""
    model_sha256: str
    """Empty for what is served here."""
    commit: str = ""
    """The release's."""


@dataclass(frozen=True)
class TrainedModel:
    """How a release was when it was trained."""

    metrics: dict[str, Interval]
    """The lock's, on the holdout."""
    reference: Reference


def running_models(root: Path, models: list[str], environment: str | None) -> list[RunningModel]:
    """Each model's deployments; of a model without any, what is served here.

    Args:
        environment: only this one; ``local`` asks neither Git nor the remote.

    Raises:
        TagshipError: no such environment, or the remote cannot be reached.
    """
    local_models = {model: RunningModel(model, LOCAL, "", "") for model in models}
    if environment == LOCAL:
        return list(local_models.values())
    snapshot = _remote_snapshot(root)
    environments = snapshot.environments if snapshot else load_project(root).environments
    if environment and environment not in environments:
        hint = suggest(environment, [*environments, LOCAL], "there are")
        raise TagshipError(f"'{environment}' is no environment", hint)
    running: list[RunningModel] = []
    for model in models:
        asked_environments = [environment] if environment else environments
        deployed = [
            place for name in asked_environments if (place := _deployed(snapshot, model, name))
        ]
        running += deployed or ([] if environment else [local_models[model]])
    if not running:
        raise TagshipError(
            f"nothing is deployed to {environment}: there is nothing to look at",
            f"what `tagship serve` runs here: tagship monitor --env {LOCAL}",
        )
    return running


def read_training(root: Path, running: RunningModel) -> TrainedModel:
    """The lock's metrics and the reference of what runs, proved to belong together.

    Raises:
        TagshipError: a release without either, or with another artifact than the deployed one.
    """
    if not running.release:
        files = load_model(root, running.model)
        return TrainedModel(read_lock(files.lock_path).metrics, local_reference(files))
    git = Git(root)
    if not running.commit:
        raise TagshipError(
            f"{running.release}: the remote has no valid tag of this name", "run `tagship doctor`"
        )
    sha256, metrics = _locked(git, running)
    if sha256 != running.model_sha256:
        raise TagshipError(
            f"{running.release}: its lock names artifact {sha256[:12]}…, but"
            f" {running.environment} runs {running.model_sha256[:12]}…",
            "run `tagship doctor`: a tag was moved",
        )
    reference = released_reference(
        lambda path: git.show(running.commit, path), running.model, running.release
    )
    return TrainedModel(metrics, reference)


def local_reference(files: ModelFiles) -> Reference:
    """The reference beside the lock.

    Raises:
        TagshipError: it is missing, or not the one that the lock names.
    """
    return parse_reference(committed_reference(files), files.reference_path)


def released_reference(show: Show, model: str, release: str) -> Reference:
    """The reference of a release.

    Raises:
        TagshipError: the release has none, or not the one that its lock names.
    """
    path, lock_path = f"config/{model}/reference.json", f"config/{model}/model.lock.yaml"
    text, lock = show(path), show(lock_path)
    if lock is None:
        raise TagshipError(f"{release}: its commit has no {lock_path}", "is it of this model?")
    if text is None:
        raise TagshipError(
            f"{release}: its commit has no {path}: it is from before there were references",
            f"release {model} again: a run of today's engine writes one",
        )
    if f"\nreference:\n  sha256: {sha256_of_bytes(text.encode())}\n" not in lock:
        raise TagshipError(f"{release}: {path} is not the reference that its lock names")
    return parse_reference(text, f"{release}:{path}")


def local_artifact(root: Path, model: str) -> str:
    """The SHA-256 of what was trained last here, or else of the locked artifact."""
    files = load_model(root, model)
    last = files.work / "lock.yaml"
    return read_lock(last if last.is_file() else files.lock_path).artifact.sha256


def _remote_snapshot(root: Path) -> Snapshot | None:
    """What the remote says; None where there is no repository or no remote."""
    return fetch_snapshot(root) if (root / ".git").exists() and Git(root).has_remote() else None


def _deployed(snapshot: Snapshot | None, model: str, environment: str) -> RunningModel | None:
    current = snapshot.history.current(model, environment) if snapshot else None
    if snapshot is None or current is None:
        return None
    release = snapshot.history.releases.get(current.release)
    commit = release.commit if release else ""
    return RunningModel(model, environment, current.release, current.says("Model-SHA256"), commit)


def _locked(git: Git, running: RunningModel) -> tuple[str, dict[str, Interval]]:
    """The artifact's SHA-256 and the metrics, from a lock of any version of this engine."""
    path = f"config/{running.model}/model.lock.yaml"
    text = git.show(running.commit, path)
    if text is None:
        raise TagshipError(f"{running.release}: its commit has no {path}", "release it again")
    where = f"{path} at {running.release}"
    return locked_hashes(text, where)[0], locked_metrics(text, where)
