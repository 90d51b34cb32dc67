"""One artifact, loaded once: records in, answers out."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.data.boundary import Boundary
from tagship.serving.decoding import Decoder
from tagship.serving.record import load_record


class Predictor:
    """The artifact of one release behind its contract."""

    def __init__(self, artifact: Path) -> None:
        """Load ``model.onnx``, ``boundary.json`` and ``record.json`` from a folder.

        Raises:
            TagshipError: the artifact is not the recorded one.
        """
        import onnxruntime

        self.record = load_record(artifact)
        self.boundary = Boundary.from_json((artifact / "boundary.json").read_text("utf-8"))
        self.decoder = Decoder(self.boundary)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(artifact / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [self._session.get_outputs()[-1].name]
        self._warm_up()

    @property
    def release(self) -> str:
        """The release that answers carry."""
        return self.record.get("release", "unreleased")

    def predict(self, records: list[Any]) -> list[dict[str, Any]]:
        """One answer a record, in order.

        Raises:
            InvalidRecords: the contract is broken.
        """
        return self._answers(self._scores(self.boundary.matrix(self.decoder.decode(records))))

    def _scores(self, matrix: NDArray[np.float32]) -> NDArray[np.floating]:
        scores: NDArray[np.floating] = self._session.run(self._outputs, {"features": matrix})[0]
        return scores

    def _answers(self, scores: NDArray[np.floating]) -> list[dict[str, Any]]:
        boundary = self.boundary
        if boundary.task == "regression":
            return [{"prediction": value} for value in scores.ravel().tolist()]
        if boundary.task == "binary":
            negative, positive = boundary.classes
            return [
                {"prediction": positive if p >= boundary.threshold else negative, "probability": p}
                for p in scores[:, 1].tolist()
            ]
        chosen = scores.argmax(axis=1).tolist()
        return [
            {
                "prediction": boundary.classes[best],
                "probability": row[best],
                "probabilities": dict(zip(boundary.classes, row, strict=True)),
            }
            for best, row in zip(chosen, scores.tolist(), strict=True)
        ]

    def _warm_up(self) -> None:
        """The first call of a session is slow; nobody's request should be it."""
        self._scores(np.zeros((1, len(self.boundary.names)), dtype=np.float32))
