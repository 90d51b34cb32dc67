"""Candidates on the folds of the training rows: what each scores where it was not fitted."""

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.model import Candidate
from tagship.config.project_files import ModelFiles
from tagship.data.splitting import Rows, folds
from tagship.errors import TagshipError
from tagship.training import metrics
from tagship.training.estimators import make_pipeline
from tagship.training.export import pipeline_scores
from tagship.training.prepared_table import Prepared
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


def make_splits(files: ModelFiles, frame: pd.DataFrame, prepared: Prepared) -> Splits:
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
    prepared: Prepared,
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
            held = prepared.matrix[prepared.holdout.test]
            with quick_threads(held, candidate.estimator):
                fold = replace(fold, holdout=pipeline_scores(pipeline, held, model.task))
        yield fold


def fit(
    files: ModelFiles, name: str, candidate: Candidate, prepared: Prepared, rows: NDArray[np.int64]
) -> Any:
    """Fit one candidate to some rows, with its warnings held back and its errors explained."""
    from sklearn.exceptions import ConvergenceWarning

    where = f"{files.folder / 'model.yaml'}: candidates.{name}"
    matrix = prepared.matrix[rows]
    try:
        jobs = quick_jobs(matrix, candidate.estimator)
        pipeline = make_pipeline(prepared.boundary, candidate, files.model.select.seed, jobs)
    except TagshipError as error:
        raise error.within(where) from None
    try:
        with warnings.catch_warnings(), quick_threads(matrix, candidate.estimator):
            warnings.simplefilter("ignore", ConvergenceWarning)
            weights = prepared.weights_of(rows)
            last = pipeline.steps[-1][0]
            given = {} if weights is None else {f"{last}__sample_weight": weights}
            if candidate.calibrate is not None and prepared.groups is not None:
                from tagship.training.calibration import group_folds

                known = prepared.target[rows], prepared.groups[rows], files.model.select.seed
                pipeline.set_params(**{f"{last}__cv": group_folds(*known)})
            return pipeline.fit(matrix, prepared.target[rows], **given)
    except MemoryError:
        raise
    except Exception as error:  # an estimator may raise anything
        text = str(error).strip().splitlines()
        hint = "see its parameters in the library's documentation"
        if "NaN" in str(error):
            hint = "it takes no missing values: set `impute: median` for this candidate"
        raise TagshipError(
            f"{where}: {candidate.estimator}: {text[0] if text else type(error).__name__}",
            hint,
        ) from error
