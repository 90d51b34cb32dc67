"""One artifact, loaded once: the boundary's matrix in, scores and answers out."""

import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.serving.record import load_checked

Matrix = NDArray[np.float32]
Scores = NDArray[np.floating]
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
        self.seconds = self._warm_up()
        """What one prediction of one row takes."""

    @property
    def release(self) -> str:
        """The release that answers carry."""
        return self.record.get("release", "unreleased")

    def scores(self, matrix: Matrix) -> Scores:
        """The artifact's scores, shape (rows, classes), or (rows, 1) for a regression."""
        found: Scores = self._session.run(self._outputs, {"features": matrix})[0]
        return found

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
            # Widened as in `label`: a float32 would be compared with a rounded threshold.
            over = positive.astype(np.float64) >= self.boundary.threshold
            return over.astype(np.intp), positive
        best = scores.argmax(axis=1)
        return best, scores[np.arange(len(scores)), best]

    def answer(self, scores: Scores) -> dict[str, Any]:
        """The first row's answer."""
        label, score = self.label(scores)
        if self.boundary.task == "regression":
            return {"prediction": score}
        answer = {"prediction": self.boundary.classes[label], "probability": score}
        if self.boundary.task == "multiclass":
            named = zip(self.boundary.classes, scores[0].tolist(), strict=True)
            answer["probabilities"] = dict(named)
        return answer

    def answers(self, scores: Scores) -> list[dict[str, Any]]:
        """One answer a row, in order."""
        boundary = self.boundary
        labels, chosen = self.labels(scores)
        if boundary.task == "regression":
            return [{"prediction": value} for value in chosen.tolist()]
        answers = [
            {"prediction": boundary.classes[label], "probability": probability}
            for label, probability in zip(labels.tolist(), chosen.tolist(), strict=True)
        ]
        if boundary.task == "multiclass":
            for answer, row in zip(answers, scores.tolist(), strict=True):
                answer["probabilities"] = dict(zip(boundary.classes, row, strict=True))
        return answers

    def _warm_up(self) -> float:
        """The first call of a session is slow; nobody's request should be it."""
        matrix = np.zeros((1, len(self.boundary.names)), dtype=np.float32)
        taken = []
        for _ in range(4):
            started = time.perf_counter()
            self.scores(matrix)
            taken.append(time.perf_counter() - started)
        return min(taken)


def cpu_limit() -> int:
    """The whole CPUs that this container may use, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = _CPU_LIMIT.read_text(encoding="ascii").split()
        return max(1, min(cores or 1, math.floor(int(quota) / int(period))))
    except (OSError, ValueError):  # no cgroup v2, or "max"
        return cores or 1
