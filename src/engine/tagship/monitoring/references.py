"""The reference to compare with: the work tree's, or that of a release by its tag."""

from collections.abc import Callable

from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.training.reference import Reference, committed_reference, parse_reference

Show = Callable[[str], str | None]
"""A file's text at a commit; None when it is not there."""


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
