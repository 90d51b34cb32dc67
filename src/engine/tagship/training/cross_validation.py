"""Candidates on the folds of the training rows: what each scores where it was not fitted."""

import platform
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.compute.tasks import Compute
from tagship.config.model import Candidate
from tagship.config.project_files import ModelFiles
from tagship.config.root import project_here
from tagship.contract.boundary import Boundary
from tagship.data.splitting import Rows, folds
from tagship.errors import TagshipError
from tagship.training import metrics
from tagship.training.estimators import make_pipeline
from tagship.training.export import pipeline_scores
from tagship.training.fingerprint import estimators_code
from tagship.training.prepared_table import PreparedTable
from tagship.training.threads import quick_jobs, quick_threads

Splits = Sequence[tuple[Rows, Rows]]
"""For each fold the rows to fit and the rows to judge, as row numbers of the table."""


@dataclass(frozen=True)
class FoldScores:
    """One candidate on one fold."""

    value: float
    """Of the selection metric."""
    rows: Rows
    """The judged rows, as row numbers of the table."""
    scores: NDArray[np.floating]
    """What the candidate says of them: shape (rows,), or (rows, classes) for multiclass."""
    seconds: float
    """To fit it and to score the judged rows."""
    holdout: NDArray[np.floating] | None = None
    """What it says of the holdout, where that was asked."""


def make_splits(files: ModelFiles, frame: pd.DataFrame, prepared: PreparedTable) -> Splits:
    """The folds of the training rows; the holdout is in none.

    Raises:
        TagshipError: the rows cannot make them.
    """
    try:
        return list(folds(frame, prepared.holdout, files.data, files.model))
    except TagshipError as error:
        raise error.within(files.folder / "data.yaml") from None


def score_folds(
    files: ModelFiles,
    name: str,
    candidate: Candidate,
    prepared: PreparedTable,
    splits: Splits,
    *,
    holdout: bool = False,
) -> Iterator[FoldScores]:
    """Fit a candidate to each fold in turn and score the rest, a fold a step.

    Args:
        holdout: let each fold's model score the holdout, too; nothing may be chosen by that.

    Raises:
        TagshipError: it cannot be fitted, or the selection metric is undefined on a fold.
    """
    model = files.model
    for fit_rows, judge_rows in splits:
        started = time.perf_counter()
        pipeline = fit(files, name, candidate, prepared, fit_rows)
        with quick_threads(prepared.matrix[judge_rows], candidate.estimator):
            scores = pipeline_scores(pipeline, prepared.matrix[judge_rows], model.task)
        value = metrics.value(
            model.select.metric,
            model.task,
            prepared.target[judge_rows],
            scores,
            prepared.boundary.classes,
            model.declared_threshold,
            prepared.weights_of(judge_rows),
        )
        if not np.isfinite(value):
            raise TagshipError(
                f"{files.name}: candidates.{name}: {model.select.metric} is undefined on a fold",
                "use fewer folds, or stratify the split",
            )
        fold = FoldScores(value, judge_rows, scores, time.perf_counter() - started)
        if holdout:
            rows = prepared.matrix[prepared.holdout.test]
            with quick_threads(rows, candidate.estimator):
                fold = replace(fold, holdout=pipeline_scores(pipeline, rows, model.task))
        yield fold


@dataclass(frozen=True)
class Fits:
    """What the fits of a model have in common, wherever they run."""

    files: ModelFiles
    prepared: PreparedTable
    splits: Splits
    holdout: bool
    """Whether each fit scores the holdout, too."""
    code: str
    """The fingerprint of estimators under ``src/``; empty where there are none."""

    @classmethod
    def of(
        cls, files: ModelFiles, prepared: PreparedTable, splits: Splits, *, holdout: bool = False
    ) -> "Fits":
        """With the code as it is here; no fit needs the boundary's loaded function."""
        prepared = replace(prepared, boundary=Boundary.from_json(prepared.boundary.to_json()))
        code = estimators_code(files.root, _estimators(files))
        return cls(files, prepared, splits, holdout, code)


Job = tuple[str, Candidate, int]
"""A candidate, by its name, and the number of a fold."""


def score_fold(fits: Fits, job: Job) -> FoldScores:
    """Fit a candidate to one fold and score the rest.

    Raises:
        TagshipError: as ``score_folds``; or this process has no memory left, or other code of
            estimators.
    """
    files, (name, candidate, fold) = fits.files, job
    if fits.code and _code_here(files.root, _estimators(files)) != fits.code:
        raise TagshipError(
            f"{platform.node()}: the estimators under src/ are not those where the command runs",
            "check out the same commit there, and start its workers again",
        )
    splits = [fits.splits[fold]]
    scored = score_folds(files, name, candidate, fits.prepared, splits, holdout=fits.holdout)
    return next(scored)


def score_candidates(
    fits: Fits, candidates: Sequence[tuple[str, Candidate]], compute: Compute
) -> Iterator[list[FoldScores]]:
    """What each candidate, in turn, scores on each fold.

    Raises:
        TagshipError: as ``score_fold``, or what runs the fits is lost.
    """
    folds = len(fits.splits)
    jobs = ((*candidate, fold) for candidate in candidates for fold in range(folds))
    scored = compute.map(score_fold, compute.share(fits), jobs)
    for _ in candidates:
        yield list(islice(scored, folds))


def _estimators(files: ModelFiles) -> tuple[str, ...]:
    return tuple(part.estimator for part in files.model.parts)


@lru_cache(maxsize=64)
def _code_here(root: Path, estimators: tuple[str, ...]) -> str:
    """The code as it was when this process first needed it, which is what it imported."""
    return estimators_code(project_here(root), estimators)


def fit(
    files: ModelFiles,
    name: str,
    candidate: Candidate,
    prepared: PreparedTable,
    rows: NDArray[np.int64],
) -> Any:
    """Fit one candidate to some rows, with its warnings held back and its errors explained."""
    from sklearn.exceptions import ConvergenceWarning

    where = f"{files.folder / 'model.yaml'}: candidates.{name}"
    matrix, seed = prepared.matrix[rows], files.model.select.seed
    try:
        jobs = quick_jobs(matrix, candidate.estimator)
        pipeline = make_pipeline(prepared.boundary, candidate, seed, jobs)
    except TagshipError as error:
        raise error.within(where) from None
    try:
        with warnings.catch_warnings(), quick_threads(matrix, candidate.estimator):
            warnings.simplefilter("ignore", ConvergenceWarning)
            weights = prepared.weights_of(rows)
            last = pipeline.steps[-1][0]
            fit_params = {} if weights is None else {f"{last}__sample_weight": weights}
            if candidate.calibrate is not None and prepared.groups is not None:
                from tagship.training.calibration import group_folds

                folds = group_folds(prepared.target[rows], prepared.groups[rows], seed)
                pipeline.set_params(**{f"{last}__cv": folds})
            return pipeline.fit(matrix, prepared.target[rows], **fit_params)
    except MemoryError:
        raise
    except Exception as error:  # an estimator may raise anything
        text = str(error).strip().splitlines()
        hint = "see its parameters in the library's documentation"
        if "NaN" in str(error):
            hint = "it takes no missing values: set `impute: median` for this candidate"
        raise TagshipError(
            f"{where}: {candidate.estimator}: {text[0] if text else type(error).__name__}", hint
        ) from error
