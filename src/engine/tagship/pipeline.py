"""The order of steps: from a model's config to a gated, locked, built artifact."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from tagship.batch.model_package import make_model_package
from tagship.behaviour.difference import (
    Behaviour,
    read_behaviour,
    write_behaviour,
)
from tagship.bento.build import build_bento, check_verdict, verdict_on
from tagship.bento.store import Bento
from tagship.compute.tasks import LOCAL, Compute, Say
from tagship.config.project_files import ModelFiles
from tagship.data.failures import ContractError
from tagship.data.table import load_table
from tagship.errors import TagshipError
from tagship.files import only_one, write_atomically, write_changed
from tagship.gates.behaviour import compare_behaviour, moved_rows
from tagship.gates.champion import champion_here, champion_of
from tagship.gates.champion_scores import scores_of
from tagship.gates.evaluate import evaluate_gates
from tagship.gates.holdout import ChampionScores
from tagship.reports.diagnosis import worst_rows
from tagship.reports.html import report_html, write_html
from tagship.reports.importance import importance
from tagship.reports.plots import draw_plots
from tagship.training.bundle import Bundle, load_bundle, lock_bundle, save_bundle
from tagship.training.candidate_checks import check_imports
from tagship.training.fingerprint import changes, check_unchanged, current_inputs
from tagship.training.lock import Lock, read_lock, write_lock
from tagship.training.lock_verification import compare
from tagship.training.mlflow_store import check_tracking
from tagship.training.reference import committed_reference, same_reference
from tagship.training.registration import set_alias
from tagship.training.tracking import log_training
from tagship.training.train import train
from tagship.verdict import Verdict, write_verdict

LockChange = Literal["untouched", "renewed", "new"]
"""Nothing written; the same artifact, but other inputs (engine, libraries) or another text; another
artifact."""


Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class RunResult:
    """What ``run`` did for one model."""

    model: str
    verdict: Verdict
    bundle: Bundle
    lock: LockChange | None
    """What happened to the lock; None when a gate failed."""
    bento: Bento | None
    report: Path
    seconds: float


class Judgement(NamedTuple):
    """What ``gate_model`` says of one training."""

    verdict: Verdict
    behaviour: Behaviour | None
    champion: ChampionScores | None


def validate(files: ModelFiles, say: Say, load: Callable[[ModelFiles, Say], Loaded]) -> Loaded:
    """Check the data's contract by ``load``; failures are also written as JSON.

    Raises:
        ContractError: with every failure.
    """
    failures = files.root / "reports" / f"{files.name}-contract.json"
    try:
        loaded = load(files, say)
    except ContractError as error:
        write_atomically(failures, error.to_json() + "\n")
        error.hint += f"; all failures: {failures.relative_to(files.root)}"
        raise
    failures.unlink(missing_ok=True)
    return loaded


def train_model(files: ModelFiles, say: Say, compute: Compute = LOCAL) -> Bundle:
    """Train and keep the bundle; the lock in ``config/`` is not touched."""
    say("fetching the data and checking its contract")
    bundle = train(files, say, validate(files, say, partial(load_table, compute=compute)), compute)
    save_bundle(files, bundle)
    return bundle


def gate_model(
    files: ModelFiles, say: Say, release: str | None = None, bundle: Bundle | None = None
) -> Judgement:
    """Judge a training, the last one here, by every gate and the champion, and compare it with the
    champion; write both.

    The champion is what production runs now, or what the tag of ``release`` names as such.

    Raises:
        TagshipError: the config or the code is no longer that of the training.
    """
    bundle = bundle or load_bundle(files)
    check_unchanged(files, bundle.lock)
    if release is None:
        champion = champion_here(files.root, files.name)
    else:
        champion = champion_of(files.root, files.name, release)
    say(f"judging by every gate; {f'champion {champion}' if champion else 'no champion yet'}")
    scores = scores_of(files.root, files, bundle, champion, say)
    verdict = evaluate_gates(files, bundle, scores)
    write_verdict(files.work / "verdict.json", verdict)
    behaviour = compare_behaviour(files, bundle, scores)
    write_behaviour(files.work, behaviour)
    return Judgement(verdict, behaviour, scores)


def lock_model(files: ModelFiles, bundle: Bundle) -> LockChange:
    """Write a training's lock and reference, unless those there are equivalent."""
    change: LockChange = "new"
    if files.lock_path.is_file():
        before = read_lock(files.lock_path)
        stale = changes(before, bundle.lock.inputs, bundle.lock.data.sha256)
        if not stale and compare(before, bundle.lock) != "different":
            if _reference_kept(files, before, bundle):
                return "renewed" if _completed(files, before, bundle) else "untouched"
            change = "renewed"
        elif before.artifact.sha256 == bundle.lock.artifact.sha256:
            change = "renewed"
    lock_bundle(files, bundle)
    return change


def _reference_kept(files: ModelFiles, lock: Lock, bundle: Bundle) -> bool:
    """Whether the reference beside the lock may stay; one that was lost is restored if possible."""
    if lock.reference == bundle.lock.reference:
        write_changed(files.reference_path, bundle.reference)
        return True
    try:
        return same_reference(committed_reference(files), bundle.reference)
    except TagshipError:
        return False


def _completed(files: ModelFiles, lock: Lock, bundle: Bundle) -> bool:
    """Add the boundary's hash to a lock from before locks named it; nothing else changes."""
    if lock.artifact.boundary_sha256 is not None:
        return False
    named = {"boundary_sha256": bundle.lock.artifact.boundary_sha256}
    artifact = lock.artifact.model_copy(update=named)
    return write_lock(files.lock_path, lock.model_copy(update={"artifact": artifact}))


def lock_gated(files: ModelFiles) -> LockChange:
    """``lock_model`` for a training whose verdict is there and does not fail."""
    bundle = load_bundle(files)
    check_verdict(files, bundle)
    return lock_model(files, bundle)


def record_model(
    files: ModelFiles,
    bundle: Bundle,
    verdict: Verdict,
    behaviour: Behaviour | None,
    champion: ChampionScores | None = None,
    *,
    show_rows: bool = False,
) -> Path:
    """Record a judged training in MLflow, with its plots, and write its report.

    Args:
        champion: its scores, to show the rows whose score moved most.
        show_rows: show rows of the table in the report, which then stays on this machine.
    """
    importances = importance(bundle)
    plots = draw_plots(bundle, files.data.target.column, importances)
    with tempfile.TemporaryDirectory() as folder:
        model = make_model_package(files, bundle, Path(folder) / "source")
        measured = {} if verdict.p99_ms is None else {"p99_ms": verdict.p99_ms}
        log_training(files, bundle, verdict.status, plots, model, measured)
    moved = moved_rows(files, bundle, champion, importances) if show_rows and behaviour else []
    worst = worst_rows(files, bundle, importances) if show_rows else []
    html = report_html(files, bundle, verdict, plots, importances, behaviour, moved, worst)
    return write_html(files.root, files.name, html)


def record_judged(files: ModelFiles) -> tuple[Path, Verdict]:
    """``record_model`` for a training whose verdict is there, whatever it is; both are given.

    MLflow's alias moves only to what is locked.
    """
    bundle = load_bundle(files)
    verdict = verdict_on(files, bundle)
    report = record_model(files, bundle, verdict, read_behaviour(files.work, verdict))
    locked = files.lock_path.is_file() and read_lock(files.lock_path)
    if verdict.status != "fail" and locked and compare(locked, bundle.lock) != "different":
        set_alias(files, bundle)
    return report, verdict


def _check_lockable(files: ModelFiles) -> None:
    """Before training: the lock there can be compared, or a new one can be written.

    Raises:
        TagshipError: neither; a container's ``config/``, say, takes only what is locked already.
    """
    if files.lock_path.is_file():
        changed = changes(read_lock(files.lock_path), current_inputs(files))
    else:
        changed = ["there is no lock"]
    if changed and not os.access(files.folder, os.W_OK):
        raise TagshipError(
            "\n  ".join([f"{files.lock_path}: must be written, and cannot be here:", *changed]),
            f"run `tagship run {files.name}` where config/ can be written; its lock belongs to the"
            " commit",
        )


def run_model(files: ModelFiles, say: Say, compute: Compute = LOCAL) -> RunResult:
    """Validate, train, gate, record, report; and, unless a gate fails, lock and build.

    Raises:
        TagshipError: any step refuses; where it is not the last one, the lock is then as it was.
    """
    started = time.perf_counter()
    with only_one(files.root, files.name):
        _check_lockable(files)
        say("checking the config")
        check_imports(files)
        say("loading MLflow and asking its store")
        check_tracking(files.root)
        bundle = train_model(files, say, compute)
        verdict, behaviour, champion = gate_model(files, say, bundle=bundle)
        say("recording in MLflow")
        report = record_model(files, bundle, verdict, behaviour, champion, show_rows=True)
        change, bento = None, None
        if verdict.status != "fail":
            change = lock_model(files, bundle)
            set_alias(files, bundle)
            say("building the bento")
            bento = build_bento(files, bundle=bundle)
    seconds = time.perf_counter() - started
    return RunResult(files.name, verdict, bundle, change, bento, report, seconds)
