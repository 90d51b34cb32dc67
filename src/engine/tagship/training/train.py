"""Train one model: cross-validate the candidates, refit the winner, export, measure, lock."""

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.metrics import higher_is_better
from tagship.config.model import Candidate
from tagship.config.project_files import ModelFiles
from tagship.data.splitting import folds
from tagship.data.table import Table, load_table, request_columns
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.formatting import brief, byte_size
from tagship.training import metrics
from tagship.training.bootstrap import intervals
from tagship.training.bundle import Bundle, Cost
from tagship.training.estimators import check_candidates, make_pipeline
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
from tagship.training.prepared_table import Prepared, make_evidence, prepare
from tagship.training.reference import make_reference, reference_text

PROBE_ROWS = 24
_DIGITS = 6

Say = Callable[[str], None]


def train(files: ModelFiles, say: Say = lambda _: None, table: Table | None = None) -> Bundle:
    """Train a model and give its bundle; nothing is written.

    Raises:
        TagshipError: bad data, a candidate that cannot be trained, a metric that is undefined.
    """
    started = time.perf_counter()
    check_candidates(files)
    if table is None:
        say("fetching the data and checking its contract")
        table = load_table(files)
    prepared = prepare(files, table.frame)
    rows = len(table.frame)
    say(f"{rows:,} rows, {len(prepared.boundary.names)} features, data {table.sha256[:12]}")
    count = len(files.model.candidates)
    say(
        f"cross-validating {count} candidate{'' if count == 1 else 's'}"
        f" in {files.model.select.folds} folds"
    )
    scores, seconds = _cross_validate(files, table.frame, prepared, say)
    best = _winner(files, scores)
    pipeline = _fit(files, best, prepared, prepared.holdout.train)
    estimator = pipeline[-1]
    if "n_jobs" in estimator.get_params():
        estimator.set_params(n_jobs=1)  # more would change the last bits of averaged scores
    try:
        artifact = to_onnx_bytes(pipeline, len(prepared.boundary.names))
        own_scores = pipeline_scores(
            pipeline, prepared.matrix[prepared.holdout.test], files.model.task
        )
        evidence = make_evidence(files, table.frame, prepared, artifact, own_scores)
        known = request_columns(table.frame.iloc[prepared.holdout.train], files.data)
        check_missing_values(prepared.boundary, known, artifact_scorer(artifact, files.model.task))
    except TagshipError as error:
        raise error.within(f"{files.folder / 'model.yaml'}: candidates.{best}") from None
    measured = intervals(
        files.model.task,
        evidence.target,
        evidence.scores,
        prepared.boundary.classes,
        files.model.threshold,
        files.model.select.seed,
    )
    candidate = files.model.candidates[best]
    reference = reference_text(
        make_reference(
            files, table.frame, prepared.boundary, prepared.holdout.train, evidence.scores
        )
    )
    lock = Lock(
        model=files.name,
        task=files.model.task,
        data=LockedData(sha256=table.sha256, rows=rows, holdout_rows=len(prepared.holdout.test)),
        inputs=current_inputs(files),
        candidates={name: _summary(values) for name, values in scores.items()},
        winner=Winner(candidate=best, estimator=candidate.estimator, params=candidate.params),
        metrics=measured,
        artifact=LockedArtifact(
            sha256=sha256_of_bytes(artifact),
            bytes=len(artifact),
            boundary_sha256=prepared.boundary.sha256,
        ),
        reference=LockedReference(sha256=sha256_of_bytes(reference.encode())),
        probe=[round(float(v), 9) for v in evidence.scores[:PROBE_ROWS].ravel()],
    )
    say(f"artifact {lock.artifact.sha256[:12]}, {byte_size(len(artifact))}")
    cost = Cost(time.perf_counter() - started, peak_memory_mb(), seconds)
    return Bundle(lock, prepared.boundary, artifact, evidence, cost, reference)


def peak_memory_mb() -> float | None:
    """The largest resident size of this process so far, in MB; None where it is not counted."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def _cross_validate(
    files: ModelFiles, frame: pd.DataFrame, prepared: Prepared, say: Say
) -> tuple[dict[str, list[float]], dict[str, float]]:
    model, metric = files.model, files.model.select.metric
    try:
        splits = list(folds(frame, prepared.holdout, files.data, model))
    except TagshipError as error:
        raise error.within(files.folder / "data.yaml") from None
    scores: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    for name in model.candidates:
        say(f"{name}: fitting it")
        started = time.perf_counter()
        scores[name] = []
        for fit_rows, judge_rows in splits:
            pipeline = _fit(files, name, prepared, fit_rows)
            given = pipeline_scores(pipeline, prepared.matrix[judge_rows], model.task)
            score = metrics.value(
                metric,
                model.task,
                prepared.target[judge_rows],
                given,
                prepared.boundary.classes,
                model.threshold,
            )
            if not np.isfinite(score):
                raise TagshipError(
                    f"{files.name}: candidates.{name}: {metric} is undefined on a fold",
                    "use fewer folds, or stratify the split",
                )
            scores[name].append(score)
        seconds[name] = time.perf_counter() - started
        mean, spread = float(np.mean(scores[name])), float(np.std(scores[name]))
        say(f"{name}: {metric} {brief(mean)} ± {brief(spread)} ({seconds[name]:.1f} s)")
    return scores, seconds


def _fit(files: ModelFiles, name: str, prepared: Prepared, rows: NDArray[np.int64]) -> Any:
    """Fit one candidate on some rows, with its warnings held back and its errors explained."""
    from sklearn.exceptions import ConvergenceWarning

    candidate: Candidate = files.model.candidates[name]
    where = f"{files.folder / 'model.yaml'}: candidates.{name}"
    try:
        pipeline = make_pipeline(prepared.boundary, candidate, files.model.select.seed, jobs=-1)
    except TagshipError as error:
        raise error.within(where) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return pipeline.fit(prepared.matrix[rows], prepared.target[rows])
    except MemoryError:
        raise
    except Exception as error:  # an estimator may raise anything
        text = str(error).strip().splitlines()
        hint = "see its parameters in the library's documentation"
        if "NaN" in str(error):
            hint = "it takes no missing values: set `impute: median` for this candidate"
        raise TagshipError(
            f"{where}: {candidate.estimator}:" f" {text[0] if text else type(error).__name__}",
            hint,
        ) from error


def _winner(files: ModelFiles, scores: dict[str, list[float]]) -> str:
    """The candidate with the best mean; the first declared among equals."""
    sign = 1 if higher_is_better(files.model.select.metric) else -1
    return max(scores, key=lambda name: sign * round(float(np.mean(scores[name])), _DIGITS))


def _summary(values: list[float]) -> CandidateScore:
    return CandidateScore(
        mean=round(float(np.mean(values)), _DIGITS), std=round(float(np.std(values)), _DIGITS)
    )
