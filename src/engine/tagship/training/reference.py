"""``reference.json``: how a model's columns, target and predictions looked when it was trained.

Monitoring compares what a model sees with it, so it needs no training data. It holds counts, and
of numbers at most 256 single values in order: no rows, and no column marked as personal data.

Columns and target are those of the training rows, which the model learned from. Predictions are
those of the holdout: on rows that it learned from, a model is more certain than on new ones.
"""

import json
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from tagship.config.base_model import Frozen
from tagship.config.model import Task
from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Boundary, Field
from tagship.data.table import encode_target, request_columns
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.training.lock import Lock, read_lock
from tagship.training.profiles import (
    CategoryProfile,
    NumberProfile,
    Profile,
    describe,
    describe_outcome,
    round_scores,
)

NAME = "reference.json"
_SCORE_TOLERANCE = 1e-3


class Reference(Frozen):
    """The content of one ``reference.json``."""

    version: Literal[1] = 1
    model: str
    task: Task
    threshold: float
    """The score from which a binary prediction is positive."""
    columns: dict[str, Profile]
    """Every column of a request, in the boundary's order."""
    target: Profile
    prediction: Profile
    """The positive class's probability, the predicted class of several, or the predicted value."""

    def boundary(self) -> Boundary:
        """The boundary that the model's log is read by; nothing is derived by it."""
        fields = [
            Field(
                name,
                profile.dtype,
                getattr(profile, "min", None),
                getattr(profile, "max", None),
                tuple(profile.values) if profile.dtype == "category" else (),
            )
            for name, profile in self.columns.items()
        ]
        classes = self.target.values if isinstance(self.target, CategoryProfile) else []
        return Boundary(
            self.task, tuple(fields), classes=tuple(map(str, classes)), threshold=self.threshold
        )


def make_reference(
    files: ModelFiles,
    frame: pd.DataFrame,
    boundary: Boundary,
    train: NDArray[np.int64],
    scores: NDArray[np.floating],
) -> Reference:
    """Describe the rows ``train`` of a table, and the scores of the holdout."""
    rows = frame.iloc[train]
    columns = request_columns(rows, files.data)
    target = encode_target(rows, files.data, boundary)
    return Reference(
        model=files.name,
        task=files.model.task,
        threshold=boundary.threshold,
        columns={f.name: describe(f, columns[f.name]) for f in boundary.fields},
        target=describe_outcome(target, boundary.classes),
        prediction=_prediction(scores, boundary.classes),
    )


def reference_text(reference: Reference) -> str:
    """The reference as JSON, one column a line, with the same bytes on every machine."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    content = reference.model_dump(mode="json", exclude_none=True)
    columns = content.pop("columns")
    lines = [f"  {line(name)}: {line(columns[name])}" for name in columns]
    entries = [f" {line(key)}: {line(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join([*entries, ' "columns": {\n' + ",\n".join(lines) + "\n }"]) + "\n}\n"


def parse_reference(text: str, place: object) -> Reference:
    """Read what ``reference_text`` wrote.

    Raises:
        TagshipError: it is no reference, or of another version; ``place`` says where it is from.
    """
    try:
        return Reference.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"]))
        raise TagshipError(
            f"{place}: not a reference: {f'{at}: ' if at else ''}{first['msg']}",
            "it is written by `tagship run`; restore it from Git",
        ) from None


def committed_reference(files: ModelFiles) -> str:
    """The text of ``config/<model>/reference.json``, proved to be the one that the lock names.

    Raises:
        TagshipError: the lock or the reference is missing, or they do not belong together.
    """
    lock = read_lock(files.lock_path)
    path = files.reference_path
    if not path.is_file():
        raise TagshipError(f"{path}: no such file", _make(files.name))
    return check_reference(path.read_text(encoding="utf-8"), lock, path)


def check_reference(text: str, lock: Lock, place: object) -> str:
    """Give the text back if it is the reference that a lock names.

    Raises:
        TagshipError: it is not, or the lock names none.
    """
    if lock.reference is None:
        raise TagshipError(
            f"{lock.model}: its lock is from before there were references", _make(lock.model)
        )
    actual = sha256_of_bytes(text.encode())
    if actual != lock.reference.sha256:
        raise TagshipError(
            f"{place}: SHA-256 {actual[:12]}… is not the {lock.reference.sha256[:12]}… of the lock:"
            " one of the two was changed without the other",
            f"restore both from Git, or: {_make(lock.model)}",
        )
    return text


def same_reference(then: str, now: str) -> bool:
    """Whether two texts say the same, up to the last digit of scores."""
    if then == now:
        return True
    a, b = (parse_reference(text, NAME) for text in (then, now))
    if (a.model, a.columns, a.target) != (b.model, b.columns, b.target):
        return False
    if not isinstance(a.prediction, NumberProfile) or not isinstance(b.prediction, NumberProfile):
        return a.prediction == b.prediction
    if a.prediction.rows != b.prediction.rows:
        return False
    scale = max(1.0, *map(abs, a.prediction.points))
    difference = np.abs(_quantiles(a.prediction) - _quantiles(b.prediction)).max()
    return bool(difference <= _SCORE_TOLERANCE * scale)


def _make(model: str) -> str:
    return f"run `tagship run {model}` and commit config/{model}"


def _quantiles(profile: NumberProfile) -> NDArray[np.float64]:
    values = np.repeat(profile.points, 2)
    shares = np.column_stack([profile.under, profile.upto]).ravel() / profile.rows
    return np.asarray(np.interp(np.linspace(0, 1, 101), shares, values))


def _prediction(
    scores: NDArray[np.floating], classes: tuple[str, ...]
) -> NumberProfile | CategoryProfile:
    if scores.ndim > 1:
        return describe_outcome(scores.argmax(axis=1), classes)
    return describe_outcome(round_scores(scores), ())
