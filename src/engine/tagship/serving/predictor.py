"""One artifact, loaded once: the boundary's matrix in, scores and answers out."""

import math
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import Boundary
from tagship.serving.artifact_record import load_checked

Matrix = NDArray[np.float32]
Scores = NDArray[np.floating]
QUICK_SECONDS = 0.002
_MANY, _MOST = 64, 10_000
"""Rows of the larger measurement; the largest ``quick_rows``, whatever was measured."""
_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")


class Predictor:
    """The artifact of one release."""

    def __init__(self, artifact: Path, threads: int = 0) -> None:
        """Load ``model.onnx``, ``boundary.json`` and ``record.json`` from a folder.

        Raises:
            TagshipError: the artifact is not the recorded one, or its feature function cannot be
                imported.
        """
        import onnxruntime

        self.record, self.boundary = load_checked(artifact)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or cpu_limit()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(artifact / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [self._session.get_outputs()[-1].name]
        self._labels = self.boundary.answers
        self._row, self._probabilities = _answer_types(self.boundary)
        self.quick_rows = self._warm_up()
        """The number of rows that are predicted within ``QUICK_SECONDS``."""

    @property
    def release(self) -> str:
        """The release that answers carry."""
        return self.record.get("release", "unreleased")

    def scores(self, matrix: Matrix) -> Scores:
        """The artifact's scores, shape (rows, classes), or (rows, 1) for a regression."""
        scores: Scores = self._session.run(self._outputs, {"features": matrix})[0]
        return scores

    def label(self, scores: Scores) -> tuple[int, float]:
        """The first row's predicted class (0 for a regression) and its score."""
        row: list[float] = scores[0].tolist()
        if self.boundary.task == "regression":
            return 0, row[0]
        if self.boundary.task == "binary":
            return int(row[1] >= self.boundary.threshold), row[1]
        best = row.index(max(row))
        return best, row[best]

    def labels(self, scores: Scores) -> tuple[NDArray[np.intp], Scores]:
        """For each row the predicted class's index and its score, as answers give them.

        The score is P(positive) for a binary model, P(predicted class) for more classes, the
        value for a regression, whose index is 0.
        """
        if self.boundary.task == "regression":
            return np.zeros(len(scores), dtype=np.intp), scores.ravel()
        if self.boundary.task == "binary":
            positive = scores[:, 1]
            # As float64, as in `label`: a float32 would be compared with a rounded threshold.
            over = positive.astype(np.float64) >= self.boundary.threshold
            return over.astype(np.intp), positive
        best = scores.argmax(axis=1)
        return best, scores[np.arange(len(scores)), best]

    def answer(self, label: int, score: float, scores: Scores) -> dict[str, Any]:
        """The first row's answer, from what ``label`` says of it."""
        if self.boundary.task == "regression":
            return {"prediction": score}
        answer: dict[str, Any] = {"prediction": self._labels[label], "probability": score}
        if self.boundary.task == "multiclass":
            pairs = zip(self.boundary.classes, scores[0].tolist(), strict=True)
            answer["probabilities"] = dict(pairs)
        return answer

    def answers(self, labels: NDArray[np.intp], label_scores: Scores, scores: Scores) -> list[Any]:
        """One answer a row, in order, from what ``labels`` says of them; for msgspec to encode."""
        if self.boundary.task == "regression":
            return list(map(self._row, label_scores.tolist()))
        columns: list[Iterable[Any]] = [
            map(self._labels.__getitem__, labels.tolist()),
            label_scores.tolist(),
        ]
        if self.boundary.task == "multiclass":
            columns.append(map(self._probabilities, *scores.T.tolist()))
        return list(map(self._row, *columns))

    def _warm_up(self) -> int:
        """The first call of a session is slow; nobody's request should be it."""
        one_row, many_rows = self._seconds(1), self._seconds(_MANY)
        seconds = max((many_rows - one_row) / (_MANY - 1), QUICK_SECONDS / _MOST)
        return int((QUICK_SECONDS - one_row) / seconds)

    def _seconds(self, rows: int) -> float:
        """The seconds that a prediction of this many rows takes."""
        matrix = np.zeros((rows, len(self.boundary.names)), dtype=np.float32)
        durations = []
        for _ in range(4):
            started = time.perf_counter()
            self.scores(matrix)
            durations.append(time.perf_counter() - started)
        return min(durations)


def _answer_types(boundary: Boundary) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The types of one answer among many, and of its probabilities by class.

    Structs are made and encoded in half the time of dicts.
    """
    members: list[Any] = [("prediction", str | int | bool if boundary.classes else float)]
    if boundary.classes:
        members.append(("probability", float))
    if boundary.task == "multiclass":
        members.append(("probabilities", Any))
    answer = msgspec.defstruct("Answer", members, gc=False)
    fields = [(f"p{at}", float, msgspec.field(name=n)) for at, n in enumerate(boundary.classes)]
    try:
        return answer, msgspec.defstruct("Probabilities", fields, gc=False)
    except ValueError:  # a name that JSON must escape cannot be a member
        return answer, lambda *row: dict(zip(boundary.classes, row, strict=True))


def cpu_limit() -> int:
    """The whole CPUs that this container may use, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = _CPU_LIMIT.read_text(encoding="ascii").split()
        return max(1, min(cores or 1, math.floor(int(quota) / int(period))))
    except (OSError, ValueError):  # no cgroup v2, or "max"
        return cores or 1
