"""The proofs that commands plug into the GitOps loop, imported when they are asked for."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tagship.config.project_files import load_model
from tagship.errors import TagshipError
from tagship.gitops.registry import image_check
from tagship.gitops.snapshot import Checks

if TYPE_CHECKING:
    from tagship.proofs import Proofs


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
        found = changes(lock, current_inputs(files))
    except PackageNotFoundError as missing:
        raise TagshipError(f"not known: {missing.name} is not installed here") from None
    if found:
        raise TagshipError(f"stale: {'; '.join(found)}: run `tagship run {model}`")


def checks(root: Path, registry: str = "", sign: bool = False) -> Checks:
    """Retraining and gating for the project at ``root``, and the registry check that was chosen."""

    @cache
    def proofs() -> "Proofs":
        from tagship.cli.models import LOADING, announce, progress

        announce(LOADING)
        from tagship.proofs import Proofs

        return Proofs(root, progress("proof", err=True))

    return Checks(
        lambda files: proofs().verify_lock(files),
        lambda files, champion: proofs().gate(files, champion),
        image_check(registry),
        sign,
    )
