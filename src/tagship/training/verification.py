"""Is a lock still true? Compare its inputs, retrain, compare what came out."""

from dataclasses import dataclass
from typing import Literal

from tagship.config.project_files import ModelFiles
from tagship.data.table import load_table
from tagship.errors import TagshipError
from tagship.training.bundle import Bundle
from tagship.training.fingerprint import changes, current_inputs
from tagship.training.lock import Lock, read_lock
from tagship.training.reference import committed_reference, same_reference
from tagship.training.train import Say, train

Outcome = Literal["identical", "equivalent", "different"]
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Verification:
    """What retraining found."""

    outcome: Outcome
    lock: Lock
    bundle: Bundle


def verify_lock(files: ModelFiles, say: Say = lambda _: None) -> Verification:
    """Retrain a model and compare with its lock.

    Raises:
        TagshipError: there is no lock, or it is stale: every changed input is named; or its
            reference is missing or another one.
    """
    lock = read_lock(files.lock_path)
    refuse_stale(files, changes(lock, current_inputs(files)))
    reference = committed_reference(files)
    table = load_table(files)
    refuse_stale(files, changes(lock, current_inputs(files), table.sha256))
    bundle = train(files, say, table)
    outcome = compare(lock, bundle.lock)
    if not same_reference(reference, bundle.reference):
        outcome = "different"
    elif reference != bundle.reference and outcome == "identical":
        outcome = "equivalent"
    return Verification(outcome, lock, bundle)


def refuse_stale(files: ModelFiles, found: list[str]) -> None:
    """Raise a TagshipError that names what changed since the lock, if anything did."""
    if found:
        raise TagshipError(
            f"{files.lock_path} is stale:\n" + "\n".join(f"  {change}" for change in found),
            f"run `tagship run {files.name}` and commit the lock, or undo the change",
        )


def compare(lock: Lock, now: Lock) -> Outcome:
    """Identical bytes; other bits but the same predictions; or another model.

    Predictions are the same when the probe, scores of the first holdout rows, agrees within 1e-6
    (of the largest score, for regression).
    """
    if lock.artifact == now.artifact and lock.winner == now.winner:
        return "identical"
    if lock.winner != now.winner or len(lock.probe) != len(now.probe) or not lock.probe:
        return "different"
    scale = max(1.0, *(abs(value) for value in lock.probe))
    largest = max(abs(a - b) for a, b in zip(lock.probe, now.probe, strict=True))
    return "equivalent" if largest <= TOLERANCE * scale else "different"
