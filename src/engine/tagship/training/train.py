"""Train one model: cross-validate the candidates, refit the winner, export, measure, lock."""

import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd

from tagship.compute.tasks import LOCAL, Compute, Say
from tagship.config.model import ChosenThreshold, higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.data.table import Table, load_table, request_columns
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.formatting import brief, byte_size
from tagship.training.bootstrap import intervals
from tagship.training.bundle import Bundle, Cost, OutOfFold
from tagship.training.candidate_checks import check_candidates
from tagship.training.cross_validation import Fits, FoldScores, fit, make_splits, score_candidates
from tagship.training.diagnosis import diagnose
from tagship.training.export import artifact_scorer, pipeline_scores, to_onnx_bytes
from tagship.training.fingerprint import current_inputs
from tagship.training.lock import (
    CandidateScore,
    Lock,
    LockedArtifact,
    LockedData,
    LockedReference,
    Winner,
)
from tagship.training.missing_values import check_missing_values
from tagship.training.prepared_table import PreparedTable, make_evidence, prepare
from tagship.training.reference import make_reference, reference_text
from tagship.training.threshold import choose_threshold, judge_by_chosen

PROBE_ROWS = 24
_DIGITS = 6


def train(
    files: ModelFiles,
    say: Say = lambda _: None,
    table: Table | None = None,
    compute: Compute = LOCAL,
) -> Bundle:
    """Train a model and give its bundle; nothing is written.

    Args:
        compute: what fits the candidates to the folds; the winner is refit here.

    Raises:
        TagshipError: bad data, a candidate that cannot be trained, a metric that is undefined.
    """
    started = time.perf_counter()
    check_candidates(files)
    if table is None:
        say("fetching the data and checking its contract")
        table = load_table(files, say)
    prepared = prepare(files, table.frame)
    rows = len(table.frame)
    say(f"{rows:,} rows, {len(prepared.boundary.names)} features, data {table.sha256[:12]}")
    count = len(files.model.candidates)
    say(
        f"cross-validating {count} candidate{'' if count == 1 else 's'}"
        f" in {files.model.select.folds} folds{_times(files.model.select.repeats)}"
    )
    by_candidate = _cross_validate(files, table.frame, prepared, say, compute)
    best = _winner(files, by_candidate)
    candidate = files.model.candidates[best]
    boundary, lock_threshold = prepared.boundary, {}
    if isinstance(files.model.threshold, ChosenThreshold):
        threshold = choose_threshold(files, prepared, by_candidate[best])
        boundary, lock_threshold = replace(boundary, threshold=threshold), {"threshold": threshold}
        say(f"{best}: positive from a score of {threshold:g}, by {files.model.threshold.maximise}")
    pipeline = fit(files, best, candidate, prepared, prepared.holdout.train)
    estimator = pipeline[-1]
    if "n_jobs" in estimator.get_params():
        estimator.set_params(n_jobs=1)  # more would change the last bits of averaged scores
    try:
        artifact = to_onnx_bytes(pipeline, len(prepared.boundary.names))
        own_scores = pipeline_scores(
            pipeline, prepared.matrix[prepared.holdout.test], files.model.task
        )
        evidence = make_evidence(files, table.frame, prepared, artifact, own_scores)
        train_columns = request_columns(table.frame.iloc[prepared.holdout.train], files.data)
        score = artifact_scorer(artifact, files.model.task)
        check_missing_values(prepared.boundary, train_columns, score)
    except TagshipError as error:
        raise error.within(f"{files.folder / 'model.yaml'}: candidates.{best}") from None
    measured = intervals(
        files.model.task,
        evidence.target,
        evidence.scores,
        boundary.classes,
        boundary.threshold,
        files.model.select.seed,
        evidence.weights,
    )
    reference = reference_text(
        make_reference(files, table.frame, boundary, prepared.holdout.train, evidence.scores)
    )
    lock = Lock(
        model=files.name,
        task=files.model.task,
        data=LockedData(
            sha256=table.sha256,
            rows=rows,
            holdout_rows=len(prepared.holdout.test),
            identity=table.identity,
        ),
        inputs=current_inputs(files),
        candidates={name: _summary(folds) for name, folds in by_candidate.items()},
        winner=Winner(candidate=best, estimator=candidate.estimator, params=candidate.params),
        metrics=measured,
        artifact=LockedArtifact(
            sha256=sha256_of_bytes(artifact), bytes=len(artifact), boundary_sha256=boundary.sha256
        ),
        reference=LockedReference(sha256=sha256_of_bytes(reference.encode())),
        probe=[round(float(v), 9) for v in evidence.scores[:PROBE_ROWS].ravel()],
        **lock_threshold,
    )
    say(f"artifact {lock.artifact.sha256[:12]}, {byte_size(len(artifact))}")
    seconds = {name: sum(fold.seconds for fold in folds) for name, folds in by_candidate.items()}
    out_of_fold = _out_of_fold(by_candidate, prepared)
    diagnosis = diagnose(files, prepared, by_candidate, score, boundary.threshold)
    cost = Cost(time.perf_counter() - started, peak_memory_mb(), seconds)
    return Bundle(lock, boundary, artifact, evidence, cost, reference, out_of_fold, diagnosis)


def peak_memory_mb() -> float | None:
    """The largest resident size of this process so far, in MB; None where it is not counted."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def _cross_validate(
    files: ModelFiles, frame: pd.DataFrame, prepared: PreparedTable, say: Say, compute: Compute
) -> dict[str, list[FoldScores]]:
    splits = make_splits(files, frame, prepared)
    by_candidate: dict[str, list[FoldScores]] = {}
    fits = Fits.of(files, prepared, splits, holdout=True)
    scored = score_candidates(fits, list(files.model.candidates.items()), compute)
    for name in files.model.candidates:
        say(f"{name}: fitting it")
        by_candidate[name] = judge_by_chosen(files, prepared, next(scored))
        values = [fold.value for fold in by_candidate[name]]
        mean, spread = float(np.mean(values)), float(np.std(values))
        seconds = sum(fold.seconds for fold in by_candidate[name])
        say(
            f"{name}: {files.model.select.metric} {brief(mean)} ± {brief(spread)} ({seconds:.1f} s)"
        )
    return by_candidate


def _times(repeats: int) -> str:
    return f", drawn {repeats} times" if repeats > 1 else ""


def _winner(files: ModelFiles, by_candidate: dict[str, list[FoldScores]]) -> str:
    """The candidate with the best mean; the first declared among equals."""
    sign = 1 if higher_is_better(files.model.select.metric) else -1
    return max(by_candidate, key=lambda name: sign * _summary(by_candidate[name]).mean)


def _summary(folds: list[FoldScores]) -> CandidateScore:
    values = [fold.value for fold in folds]
    return CandidateScore(
        mean=round(float(np.mean(values)), _DIGITS), std=round(float(np.std(values)), _DIGITS)
    )


def _out_of_fold(by_candidate: dict[str, list[FoldScores]], prepared: PreparedTable) -> OutOfFold:
    folds = next(iter(by_candidate.values()))
    rows = np.concatenate([fold.rows for fold in folds])
    return OutOfFold(
        fold=np.repeat(np.arange(len(folds)), [len(fold.rows) for fold in folds]),
        rows=rows,
        target=prepared.target[rows],
        scores={
            name: np.concatenate([fold.scores for fold in parts])
            for name, parts in by_candidate.items()
        },
        values={name: [fold.value for fold in parts] for name, parts in by_candidate.items()},
        weights=prepared.weights_of(rows),
    )
