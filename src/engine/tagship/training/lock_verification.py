"""Is a lock still true? Compare its inputs; then retrain, or prove what was trained here."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from tagship.compute.tasks import LOCAL, Compute, Say
from tagship.config.project_files import ModelFiles
from tagship.data.table import Table, load_table
from tagship.errors import TagshipError
from tagship.training.bundle import Bundle, load_bundle, pack_arrays
from tagship.training.fingerprint import changes, current_inputs, flatten
from tagship.training.lock import Lock, read_lock
from tagship.training.prepared_table import make_evidence, prepare
from tagship.training.reference import committed_reference, same_reference
from tagship.training.train import train

Outcome = Literal["identical", "equivalent", "different"]
TOLERANCE = 1e-4
"""For scores. A solver that stops at a tolerance, as logistic regression does, stops elsewhere when
the processor adds in another order: with AVX2 the churn model's scores are up to 2e-5 from those
with AVX-512, while every decision on the holdout is the same."""
_METRIC_TOLERANCE = 5e-5
_SMALL = 1e-5
"""Metrics and scores of candidates agree when they differ by less, whatever their size."""
_EXACT = ("model", "task", "data", "winner", "threshold")
_CLOSE = ("candidates", "metrics")


@dataclass(frozen=True)
class LockVerification:
    """What retraining found."""

    outcome: Outcome
    lock: Lock
    bundle: Bundle
    difference: str
    """The first one, if the outcome is different."""


def verify_lock(
    files: ModelFiles, say: Say = lambda _: None, compute: Compute = LOCAL
) -> LockVerification:
    """Retrain a model and compare with its lock.

    Raises:
        TagshipError: there is no lock, or it is stale: every changed input is named; or its
            reference is missing or another one.
    """
    say("fetching the data and checking its contract")
    lock, reference, table = _current_lock(files, compute)
    bundle = train(files, say, table, compute)
    outcome, first_difference = compare(lock, bundle.lock), difference(lock, bundle.lock)
    if not same_reference(reference, bundle.reference):
        outcome = "different"
        first_difference = first_difference or f"{files.reference_path.name}: other values"
    elif reference != bundle.reference and outcome == "identical":
        outcome = "equivalent"
    return LockVerification(outcome, lock, bundle, first_difference)


def verify_kept(files: ModelFiles) -> LockVerification | str:
    """Prove that the training kept here is the lock's, without training; or say why it is not.

    Data, boundary, holdout and the artifact's scores are derived again, so that nothing but the
    lock is believed. Only scikit-learn's own scores cannot be: the parity gate is as good as they
    are, until a training proves it again, as the release workflow does.

    Raises:
        TagshipError: as ``verify_lock``, for what concerns the committed files.
    """
    lock, reference, table = _current_lock(files)
    try:
        bundle = load_bundle(files)
    except TagshipError as error:
        return str(error.args[0])
    if lock.artifact.boundary_sha256 is None:
        return "its lock names no boundary"
    if bundle.lock != lock or bundle.reference != reference:
        return "another training than the lock's is kept here"
    prepared = prepare(files, table.frame)
    boundary = prepared.boundary
    if lock.threshold is not None:
        boundary = replace(boundary, threshold=lock.threshold)
    if boundary.sha256 != lock.artifact.boundary_sha256:
        return "the data gives another boundary than the lock names"
    if bundle.boundary.sha256 != lock.artifact.boundary_sha256:
        return f"{files.work / 'boundary.json'}: it was changed"
    own_scores = bundle.evidence.pipeline_scores
    evidence = make_evidence(files, table.frame, prepared, bundle.artifact, own_scores)
    if pack_arrays(evidence) != pack_arrays(bundle.evidence):
        return f"{files.work / 'evidence.npz'}: not what data and artifact give"
    return LockVerification("identical", lock, bundle, "")


def _current_lock(files: ModelFiles, compute: Compute = LOCAL) -> tuple[Lock, str, Table]:
    """The committed lock, its reference and the data, once nothing is stale."""
    lock = read_lock(files.lock_path)
    refuse_stale(files, changes(lock, current_inputs(files)))
    reference = committed_reference(files)
    table = load_table(files, expected=lock.data.identity, compute=compute)
    refuse_stale(files, changes(lock, current_inputs(files), table.sha256))
    return lock, reference, table


def refuse_stale(files: ModelFiles, changed: list[str]) -> None:
    """Raise a TagshipError that names what changed since the lock, if anything did."""
    if changed:
        raise TagshipError(
            f"{files.lock_path} is stale:\n" + "\n".join(f"  {change}" for change in changed),
            f"run `tagship run {files.name}` and commit the lock, or undo the change",
        )


def compare(lock: Lock, now: Lock) -> Outcome:
    """Identical bytes; other bits but the same predictions and metrics; or another model."""
    if difference(lock, now):
        return "different"
    return "identical" if lock.artifact.sha256 == now.artifact.sha256 else "equivalent"


def difference(lock: Lock, now: Lock) -> str:
    """The first thing that differs between a lock and what training gives now; empty if nothing.

    Another processor adds in another order: metrics and candidates agree within 5e-5 of
    themselves, and predictions are the same when the probe, scores of the first holdout rows,
    agrees within 1e-4 (of the largest score, for regression). The boundary holds nothing computed,
    so its hash agrees exactly; an older lock does not name it.
    """
    before, after = (
        {key: flatten(side.model_dump(mode="json", include={key})) for key in (*_EXACT, *_CLOSE)}
        for side in (lock, now)
    )
    for part in before:
        for key in dict.fromkeys([*before[part], *after[part]]):
            old, new = before[part].get(key, "nothing"), after[part].get(key, "nothing")
            if old != new and not (part in _CLOSE and _close(old, new)):
                return f"{key}: the lock says {old}, training gives {new}"
    if lock.artifact.sha256 == now.artifact.sha256 and lock.artifact.bytes != now.artifact.bytes:
        return f"artifact.bytes: {lock.artifact.bytes}, training gives {now.artifact.bytes}"
    boundaries = lock.artifact.boundary_sha256, now.artifact.boundary_sha256
    if None not in boundaries and boundaries[0] != boundaries[1]:
        return f"artifact.boundary_sha256: {boundaries[0]}, training gives {boundaries[1]}"
    if not lock.probe or len(lock.probe) != len(now.probe):
        return f"probe: {len(lock.probe)} scores, training gives {len(now.probe)}"
    scale = max(1.0, *(abs(value) for value in lock.probe))
    largest = max(abs(a - b) for a, b in zip(lock.probe, now.probe, strict=True))
    return "" if largest <= TOLERANCE * scale else f"probe: a score differs by {largest:.2g}"


def _close(old: Any, new: Any) -> bool:
    both_numbers = isinstance(old, int | float) and isinstance(new, int | float)
    return both_numbers and math.isclose(old, new, rel_tol=_METRIC_TOLERANCE, abs_tol=_SMALL)
