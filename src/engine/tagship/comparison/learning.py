"""The learning curve of a winner: its selection metric by the rows that it is fitted to."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagship.comparison.document import LearningCurve, LearningPoint
from tagship.compute.tasks import Say
from tagship.config.project_files import ModelFiles
from tagship.data.table import load_table
from tagship.errors import TagshipError
from tagship.files import read_under_key, sha256_of_json, write_under_key
from tagship.training.cross_validation import make_splits, score_folds
from tagship.training.fingerprint import changes, current_inputs
from tagship.training.lock import Lock
from tagship.training.lock_verification import refuse_stale
from tagship.training.prepared_table import prepare

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)


def measure_learning_curve(files: ModelFiles, lock: Lock, say: Say) -> LearningCurve:
    """Fit the winner to growing shares of each fold's training rows, and keep what they score.

    The folds judge, and the holdout is in none of them. A share takes the latest rows where the
    split is by time, else rows drawn by the selection's seed, the same share of each class.

    Raises:
        TagshipError: config, code or data are not those of the lock, or a share cannot be fitted.
    """
    table = load_table(files, expected=lock.data.identity)
    refuse_stale(files, changes(lock, current_inputs(files), table.sha256))
    prepared, name, points = prepare(files, table.frame), lock.winner.candidate, []
    splits = make_splits(files, table.frame, prepared)
    for share in SHARES:
        parts = [(_part(files, fit, prepared.target[fit], share), judge) for fit, judge in splits]
        say(f"{name}: fitting it to {share:.0%} of the rows")
        try:
            folds = score_folds(files, name, files.model.candidates[name], prepared, parts)
            values = [fold.value for fold in folds]
        except TagshipError as error:
            raise error.within(f"learning curve at {share:.0%} of the rows") from None
        rows = round(float(np.mean([len(fit) for fit, _ in parts])))
        points.append(
            LearningPoint(
                share=share, rows=rows, mean=float(np.mean(values)), std=float(np.std(values))
            )
        )
    metric = files.model.select.metric
    curve = LearningCurve(candidate=name, metric=metric, points=points)
    write_under_key(_path(files), _key(lock), curve.model_dump(mode="json"))
    return curve


def kept_learning_curve(files: ModelFiles, lock: Lock) -> LearningCurve | None:
    """The curve of the locked training as it was measured here; None where there is none."""
    return read_under_key(_path(files), _key(lock), LearningCurve.model_validate)


def _path(files: ModelFiles) -> Path:
    return files.work / "learning_curve.json"


def _key(lock: Lock) -> str:
    inputs = lock.inputs.model_dump(mode="json")
    return sha256_of_json([inputs, lock.data.sha256, lock.winner.candidate])


def _part(
    files: ModelFiles, rows: NDArray[np.int64], target: NDArray[np.generic], share: float
) -> NDArray[np.int64]:
    """A share of the rows, at least one of each class, in their order."""
    if files.data.split.time is not None:
        return rows[-max(1, round(share * len(rows))) :]
    keys = np.random.default_rng(files.model.select.seed).permutation(len(rows))
    classes: Sequence[NDArray[np.bool_]] = [np.ones(len(rows), dtype=bool)]
    if files.model.task != "regression":
        classes = [target == label for label in np.unique(target)]
    in_part = np.zeros(len(rows), dtype=bool)
    for members in classes:
        places = np.flatnonzero(members)
        count = max(1, round(share * len(places)))
        in_part[places[np.argsort(keys[places])[:count]]] = True
    return rows[in_part]
