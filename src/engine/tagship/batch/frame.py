"""A frame of rows in, a frame of answers out: what a model in MLflow does."""

from pathlib import Path

import pandas as pd

from tagship.batch.artifact import Artifact
from tagship.batch.decoding import BrokenRows, decode
from tagship.errors import TagshipError

_SHOWN = 20


class FrameModel:
    """The artifact of one model, asked by frames."""

    def __init__(self, folder: Path) -> None:
        """Load ``model.onnx``, ``boundary.json`` and ``record.json`` from a folder.

        Raises:
            TagshipError: the artifact is not the recorded one, or its feature function is not here.
        """
        self._artifact = Artifact(folder)
        self._artifact.boundary.load()

    def answers(self, frame: pd.DataFrame) -> pd.DataFrame:
        """``prediction``, ``probability`` and, for several classes, ``probability_<class>``.

        ``frame`` has the contract's columns in any order; one that may be missing may be left out,
        and others are ignored. Its values are read as training reads those of a file. The answers
        have its index, and are those that the service gives.

        Raises:
            TagshipError: a column is missing or stands there twice, or rows break the contract or
                get no finite number; the first ones are named.
        """
        boundary = self._artifact.boundary
        names = [field.name for field in boundary.fields]
        for name, field in zip(names, boundary.fields, strict=True):
            times = list(frame.columns).count(name)
            if times > 1 or (not times and not field.nullable):
                problem = "is there twice" if times else "is missing"
                raise TagshipError(f"column '{name}' {problem}", f"needed are: {', '.join(names)}")
        decoded = decode(boundary, frame)
        scores = None
        if decoded.good.any() or not len(frame):
            scores, decoded = self._artifact.score(decoded)
        if decoded.broken or scores is None:
            raise TagshipError(
                "\n  ".join(["rows break the contract:", *_reasons(decoded.broken)]),
                "leave these rows out, or mend them",
            )
        columns = {name: array.to_pandas() for name, array in self._artifact.answer(scores).items()}
        answers = pd.DataFrame(columns).set_axis(frame.index)
        float32_names = answers.select_dtypes("float32").columns
        return answers.astype(dict.fromkeys(float32_names, "float64"))


def _reasons(broken: list[BrokenRows]) -> list[str]:
    rows = sorted((row, bad.column, bad.problem) for bad in broken for row in bad.rows.tolist())
    lines = [f"row {row}: {column or 'the model'}: {problem}" for row, column, problem in rows]
    return lines[:_SHOWN] + ([f"… {len(lines)} in all"] if len(lines) > _SHOWN else [])
