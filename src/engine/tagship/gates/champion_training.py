"""Training a champion again, in a work tree of its release: the last resort for its artifact.

Today's environment does it where it has the libraries that the lock names; else uv sets up the
environment of the release's own ``uv.lock``.
"""

import shutil
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from tagship.config.project_files import ModelFiles, load_model
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.gates.champion import ChampionRelease
from tagship.gitops.artifacts import RegistryArtifact
from tagship.sources.fetching import borrow_data
from tagship.subprocesses import run_engine, run_program
from tagship.training.fingerprint import changes, current_inputs
from tagship.training.lock import Inputs, locked_artifact, read_lock
from tagship.training.lock_verification import difference

_SECONDS = 1800
_OF_THIS_ENVIRONMENT = ("UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")


def train_again(champion: ChampionRelease, tree: Path) -> RegistryArtifact:
    """Train a champion in a work tree of its commit; what comes out is what its lock names.

    Raises:
        TagshipError: no environment can train it, or another model comes out.
    """
    files = load_model(tree, champion.model)
    borrow_data(files, champion.git.root)
    changed = _changed_environment(files)
    if not changed:
        run_engine(tree, "train", "--", files.name, seconds=_SECONDS)
    else:
        try:
            _train_by_uv(tree, files.name)
        except TagshipError as error:
            raise TagshipError(
                f"today's environment is another ({'; '.join(changed)}); {error.args[0]}"
            ) from None
    return _proven(champion, files)


def _changed_environment(files: ModelFiles) -> list[str]:
    """How libraries and training number of today differ from those of a lock."""
    try:
        then = read_lock(files.lock_path).inputs
    except TagshipError:
        return ["its lock is of another form"]
    try:
        now = current_inputs(files)
    except PackageNotFoundError as missing:
        return [f"{missing.name} is not installed"]
    except TagshipError as error:
        return [str(error.args[0])]
    return environment_changes(then, now)


def environment_changes(then: Inputs, now: Inputs) -> list[str]:
    """What differs between the environments of two trainings."""
    changed = [
        f"{name} {then.libraries.get(name, 'none')} → {now.libraries.get(name, 'none')}"
        for name in sorted(then.libraries.keys() | now.libraries.keys())
        if then.libraries.get(name) != now.libraries.get(name)
    ]
    if then.training != now.training:
        changed.append(f"training number {then.training} → {now.training}")
    return changed


def _train_by_uv(tree: Path, model: str) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = shutil.which("uv") or (str(beside) if beside.is_file() else "")
    if not uv:
        raise TagshipError("uv, which would set up its own environment, is not installed")
    command = (
        *(uv, "run", "--quiet", "--frozen", "--directory", str(tree), "--extra", "train"),
        *("--no-default-groups", "--", "tagship", "train", "--", model),
    )
    try:
        run_program(tree, command, _OF_THIS_ENVIRONMENT, _SECONDS, UV_PYTHON_DOWNLOADS="never")
    except TagshipError as error:
        raise TagshipError(f"uv run: {error.args[0]}") from None


def _proven(champion: ChampionRelease, files: ModelFiles) -> RegistryArtifact:
    """What the training left, if it is what the release's lock names or predicts the same."""
    try:
        artifact = RegistryArtifact(
            (files.work / "model.onnx").read_bytes(), (files.work / "boundary.json").read_bytes()
        )
    except FileNotFoundError:
        raise TagshipError("its engine left no model where today's would") from None
    locked, sha256 = locked_artifact(champion.lock), sha256_of_bytes(artifact.model)
    boundary = sha256_of_bytes(artifact.boundary)
    if locked and locked.boundary_sha256 not in (None, boundary):
        raise TagshipError("another boundary came out than its lock names")
    if locked and locked.sha256 == sha256:
        return artifact
    try:
        then, now = read_lock(files.lock_path), read_lock(files.work / "lock.yaml")
    except TagshipError as error:
        raise TagshipError(
            f"other bytes came out, and the locks cannot be compared: {error.args[0]}"
        ) from None
    why = changes(then, now.inputs, now.data.sha256)
    if difference(then, now) or now.artifact.sha256 != sha256:
        raise TagshipError(
            "another model came out than its lock names" + (f" ({'; '.join(why)})" if why else "")
        )
    return artifact
