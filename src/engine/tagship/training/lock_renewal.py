"""New libraries or a new engine make every lock stale: renew those whose model stays the same."""

from dataclasses import dataclass
from typing import Literal

from tagship.compute.tasks import Say
from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.training.bundle import lock_bundle, save_bundle
from tagship.training.fingerprint import changes, current_inputs
from tagship.training.lock import read_lock
from tagship.training.lock_verification import compare, difference
from tagship.training.reference import committed_reference, same_reference
from tagship.training.train import train

RenewalState = Literal["current", "renewed", "review"]


@dataclass(frozen=True)
class Renewal:
    """What became of one lock."""

    model: str
    state: RenewalState
    why: str
    """What changed, and for ``review`` what training gives now; empty for a current lock."""


def renew_lock(files: ModelFiles, say: Say) -> Renewal:
    """Train a stale model again; its lock is written only where the model stays the same.

    The same: identical bytes, or scores and metrics that ``difference`` cannot tell apart. Any
    other lock is left as it is, for a person to review after ``tagship run``.

    Raises:
        TagshipError: there is no lock, or the model cannot be trained.
    """
    lock = read_lock(files.lock_path)
    inputs = current_inputs(files)
    stale = changes(lock, inputs)
    if not stale:
        return Renewal(files.name, "current", "")
    edits = changes(lock, inputs.model_copy(update={"libraries": lock.inputs.libraries,
                                                  "training": lock.inputs.training}))  # fmt: skip
    if edits:
        return Renewal(
            files.name, "review", f"not only libraries or the engine: {'; '.join(edits)}"
        )
    bundle = train(files, say)
    save_bundle(files, bundle)
    why = "; ".join(stale)
    if bundle.lock.data != lock.data:
        return Renewal(files.name, "review", f"{why}; the data reads otherwise now")
    differs = difference(lock, bundle.lock)
    if not differs and not _same_reference(files, bundle.reference):
        differs = f"{files.reference_path.name}: other values"
    if differs:
        return Renewal(files.name, "review", f"{why}; {differs}")
    lock_bundle(files, bundle)
    return Renewal(files.name, "renewed", f"{why}; {compare(lock, bundle.lock)}")


def _same_reference(files: ModelFiles, reference: str) -> bool:
    try:
        return same_reference(committed_reference(files), reference)
    except TagshipError:
        return False
