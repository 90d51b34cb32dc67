"""The verifier that commands give to the GitOps loop; what is slow is imported when it is used."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tagship.config.project_files import load_model
from tagship.errors import TagshipError
from tagship.gitops.deployment_rules import Verifier
from tagship.gitops.image_registry import image_check

if TYPE_CHECKING:
    from tagship.gates.lock_verifier import LockVerifier


def lock_current(root: Path, model: str) -> None:
    """Refuse a lock whose inputs have changed, without training.

    Raises:
        TagshipError: names every changed input, in one line.
    """
    from importlib.metadata import PackageNotFoundError

    from tagship.training.fingerprint import changes, current_inputs
    from tagship.training.lock import read_lock

    files = load_model(root, model)
    lock = read_lock(files.lock_path)
    try:
        changed = changes(lock, current_inputs(files))
    except PackageNotFoundError as missing:
        raise TagshipError(f"not known: {missing.name} is not installed here") from None
    if changed:
        raise TagshipError(f"stale: {'; '.join(changed)}: run `tagship run {model}`")


def make_verifier(root: Path, registry: str = "", sign: bool = False) -> Verifier:
    """Retraining and gating for the project at ``root``, and the registry check that was chosen."""

    @cache
    def lock_verifier() -> "LockVerifier":
        from tagship.cli.models import LOADING, announce, progress

        announce(LOADING)
        from tagship.gates.lock_verifier import LockVerifier

        return LockVerifier(root, progress("proof", err=True))

    return Verifier(
        lambda files: lock_verifier().verify_lock(files),
        lambda files, champion: lock_verifier().gate(files, champion),
        image_check(registry),
        sign,
    )
