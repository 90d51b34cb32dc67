"""A champion's artifact and boundary: kept here, else fetched by hash, else trained again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.files import write_atomically
from tagship.gates.champion import ChampionRelease, champion_folder
from tagship.gates.champion_training import train_again
from tagship.gitops.artifacts import RegistryArtifact, fetch_artifact
from tagship.training.bundle import Bundle
from tagship.training.lock import locked_artifact

_MOST = 8
"""How many champions a machine keeps; each is one artifact and its boundary."""


def keep_bundle(root: Path, files: ModelFiles, bundle: Bundle) -> None:
    """Keep a proven artifact, so that it is here once it is the champion."""
    folder = champion_folder(root, files.lock_path.read_text(encoding="utf-8"))
    if not is_kept(folder):
        _keep(folder, RegistryArtifact(bundle.artifact, bundle.boundary.to_json().encode()))
    drop_oldest(folder.parent)


def bring(champion: ChampionRelease, tree: Path, say: Callable[[str], None]) -> None:
    """Have the champion's artifact in its folder; ``tree`` is a work tree of its commit.

    Raises:
        TagshipError: it is gone and cannot be trained again: what is missing, and where.
    """
    missing = fetch(champion, say)
    if not missing:
        return
    say(f"{champion.release}: {missing}: training it again")
    try:
        artifact = train_again(champion, tree)
    except TagshipError as error:
        raise TagshipError(
            f"its artifact is not kept here; {missing}; training it again: {error.args[0]}"
        ) from None
    _keep(champion.folder, artifact)


def fetch(champion: ChampionRelease, say: Callable[[str], None] = lambda _: None) -> str:
    """Fetch the champion's artifact from its registry unless it is kept; says why it is not here.

    Empty when it is.
    """
    if is_kept(champion.folder):
        return ""
    locked = locked_artifact(champion.lock)
    if locked is None or locked.boundary_sha256 is None:
        return "its lock names no artifact and boundary that a registry could be asked for"
    if os.environ.get("TAGSHIP_REGISTRY_CHECK") == "none":
        return "its registry is not asked, since TAGSHIP_REGISTRY_CHECK is none"
    image = champion.image
    if "/" not in image:
        return "no deployment names its image"
    try:
        artifact = fetch_artifact(image, locked)
    except TagshipError as error:
        return str(error.args[0])
    if artifact is None:
        return f"it is gone from {image}"
    say(f"{champion.release}: fetched from {image}")
    _keep(champion.folder, artifact)
    return ""


def is_kept(folder: Path) -> bool:
    """Whether a folder has a champion; its artifact is written last."""
    return (folder / "model.onnx").is_file()


def drop_oldest(folder: Path) -> None:
    """Delete the champions that were kept longest ago."""
    for old in sorted(folder.iterdir(), key=lambda path: -path.stat().st_mtime)[_MOST:]:
        shutil.rmtree(old, ignore_errors=True)


def _keep(folder: Path, artifact: RegistryArtifact) -> None:
    write_atomically(folder / "boundary.json", artifact.boundary)
    write_atomically(folder / "model.onnx", artifact.model)
