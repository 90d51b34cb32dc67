"""``reference.json``: how a model's columns, target and predictions looked when it was trained.

Monitoring compares what a model sees with it, so it needs no training data. It holds counts, and
of numbers at most 256 single values in order: no rows, and no column marked as personal data.

Columns and target are those of the training rows, which the model learned from. Predictions are
those of the holdout: on rows that it learned from, a model is more certain than on new ones.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from tagship.config.base_model import Frozen
from tagship.config.model import Task
from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Boundary
from tagship.contract.boundary import Field as Request
from tagship.data.table import encode_target, request_columns
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.training.lock import Lock, read_lock

NAME = "reference.json"
DISTINCT = 256
POINTS = 128
_SCORE_DIGITS = 4
_SCORE_TOLERANCE = 1e-3
_POWERS = np.array([float(f"1e{power}") for power in range(23)])

Count = Annotated[int, Field(ge=0)]


class NumberProfile(Frozen):
    """A distribution function: exact at its points, linear between them.

    With at most 256 different values each is a point. Otherwise 128 order statistics are, at
    evenly spaced ranks and closer together towards both ends.
    """

    dtype: Literal["float", "int"]
    rows: Count
    missing: Count
    min: float | None = None
    """The contract's limits, not the smallest and largest value."""
    max: float | None = None
    usual: list[float] | None = None
    """From and to, as the contract has it."""
    mean: float | None = None
    std: float | None = None
    """Over all values (ddof 0); None when all are missing."""
    points: list[float]
    """Ascending; the first is the smallest value, the last the largest."""
    under: list[Count]
    """For each point, how many values are smaller."""
    upto: list[Count]
    """For each point, how many values are not larger."""

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """What a number is expected to lie between: usual values, or else possible ones."""
        return (self.min, self.max) if self.usual is None else (self.usual[0], self.usual[1])


class CategoryProfile(Frozen):
    """How often each of the values that the contract allows occurs."""

    dtype: Literal["category", "bool"]
    rows: Count
    missing: Count
    values: list[str | int]
    counts: list[Count]
    """One for each of ``values``, 0 for one that never occurs."""


class TextProfile(Frozen):
    """Only how much is missing: texts and times have no distribution to compare."""

    dtype: Literal["string", "datetime"]
    rows: Count
    missing: Count


Profile = Annotated[
    NumberProfile | CategoryProfile | TextProfile,
    Field(discriminator="dtype"),
]


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
            Request(
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
        target=_outcome(target, boundary.classes),
        prediction=_prediction(scores, boundary.classes),
    )


def reference_text(reference: Reference) -> str:
    """The reference as JSON, one column a line, with the same bytes on every machine."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    content = reference.model_dump(mode="json", exclude_none=True)
    columns = content.pop("columns")
    lines = [f"  {line(name)}: {line(columns[name])}" for name in columns]
    rest = [f" {line(key)}: {line(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join([*rest, ' "columns": {\n' + ",\n".join(lines) + "\n }"]) + "\n}\n"


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


def describe(f: Request, values: NDArray[Any]) -> NumberProfile | CategoryProfile | TextProfile:
    """The profile of one column, given as the boundary takes it, shape (rows,)."""
    if f.dtype == "category":
        return _categories(values, f.values)
    if f.dtype == "bool":
        codes = np.where(np.isnan(values), -1, values).astype(np.int64)
        return _categories(codes, ("false", "true"), "bool")
    if f.dtype in ("float", "int"):
        usual = None if f.usual is None else list(f.usual)
        return _numbers(values, {"dtype": f.dtype, "min": f.min, "max": f.max, "usual": usual})
    missing = int(np.asarray(pd.isna(values)).sum())
    return TextProfile.model_validate({"dtype": f.dtype, "rows": len(values), "missing": missing})


def _outcome(values: NDArray[Any], classes: tuple[str, ...]) -> NumberProfile | CategoryProfile:
    if classes:
        return _categories(values, classes)
    return _numbers(values.astype(np.float64), {"dtype": "float"})


def _prediction(
    scores: NDArray[np.floating], classes: tuple[str, ...]
) -> NumberProfile | CategoryProfile:
    if scores.ndim > 1:
        return _outcome(scores.argmax(axis=1), classes)
    return _outcome(round_scores(scores), ())


def round_scores(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scores with four digits: the last bits of a float32 differ by machine and by batch.

    So the many equal scores of a tree stay equal to those of the reference.
    """
    values = scores.astype(np.float64)
    size = np.where(values == 0, 1, np.abs(values))
    places = np.clip(_SCORE_DIGITS - 1 - np.floor(np.log10(size)), -22, 22).astype(np.int64)
    scale = _POWERS[np.abs(places)]
    fine, coarse = np.rint(values * scale) / scale, np.rint(values / scale) * scale
    return np.asarray(np.where(places >= 0, fine, coarse) + 0.0)


def _categories(
    codes: NDArray[Any],
    values: Sequence[str | int],
    dtype: Literal["category", "bool"] = "category",
) -> CategoryProfile:
    counts = np.bincount(codes.astype(np.int64) + 1, minlength=len(values) + 1).tolist()
    return CategoryProfile(
        dtype=dtype,
        rows=len(codes),
        missing=counts[0],
        values=list(values),
        counts=counts[1:],
    )


def _numbers(values: NDArray[np.float64], known: Mapping[str, Any]) -> NumberProfile:
    ordered = np.sort(values[~np.isnan(values)]) + 0.0
    points = _points(ordered)
    moments: dict[str, float] = {}
    if len(ordered):
        mean = _sum(ordered) / len(ordered)
        spread = np.sqrt(_sum((ordered - mean) ** 2) / len(ordered))
        moments = {"mean": float(f"{mean:.12g}"), "std": float(f"{spread:.12g}")}
    measured = {
        "rows": len(values),
        "missing": len(values) - len(ordered),
        "points": points.tolist(),
        "under": np.searchsorted(ordered, points, "left").tolist(),
        "upto": np.searchsorted(ordered, points, "right").tolist(),
    }
    return NumberProfile.model_validate({**known, **moments, **measured})


def _sum(values: NDArray[np.float64]) -> float:
    """From left to right: the order of ``np.sum`` depends on the processor."""
    return float(np.cumsum(values)[-1])


def _points(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    changes = np.flatnonzero(np.diff(ordered)) + 1
    if len(changes) < DISTINCT:
        return np.asarray(np.concatenate([ordered[:1], ordered[changes]]))
    last = len(ordered) - 1
    ends = 2 ** np.arange(int(np.log2(last / POINTS)) + 1)  # half, a quarter, … of a step
    even = np.linspace(0, last, POINTS - 2 * len(ends)).round().astype(np.int64)
    ranks = np.concatenate([even, ends, last - ends])
    return np.asarray(np.unique(ordered[ranks]))
