"""The artifact: a fitted pipeline as one ONNX file, and its scores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.errors import TagshipError
from tagship.training.boosting import ML_OPSET, is_boosted, round_down

OPSET = 21
_BLOCK = 50_000
_PARTS = ("estimators_", "estimator_", "final_estimator_", "calibrated_classifiers_", "estimator")
"""Where scikit-learn's estimators keep those that they are made of."""

Score = Callable[[NDArray[np.float32]], NDArray[np.floating]]


def to_onnx_bytes(pipeline: Any, columns: int) -> bytes:
    """The fitted pipeline as ONNX; the same pipeline gives the same bytes.

    Raises:
        TagshipError: the converter refuses it.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    _settle_thresholds(pipeline[-1])
    options = {id(pipeline): {"zipmap": False}} if hasattr(pipeline, "predict_proba") else None
    try:
        model = to_onnx(
            pipeline,
            name="tagship",
            initial_types=[("features", FloatTensorType([None, columns]))],
            options=options,
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET} if is_boosted(pipeline) else OPSET,
        )
    except Exception as error:  # a converter may raise anything
        estimator = type(pipeline[-1]).__name__
        raise TagshipError(
            f"{estimator} with these parameters cannot be exported to ONNX: {error}",
            "change its parameters or choose another estimator",
        ) from error
    # The converter collects operator sets in a set, whose order follows the hash seed.
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    return bytes(model.SerializeToString(deterministic=True))


def _settle_thresholds(estimator: Any) -> None:
    """Let histogram boosting split at float32 values; its predictions stay as they are."""
    for trees in getattr(estimator, "_predictors", []):
        for tree in trees:
            tree.nodes["num_threshold"] = round_down(tree.nodes["num_threshold"])
    for name in _PARTS:
        parts = getattr(estimator, name, ())
        for part in parts if isinstance(parts, list | tuple) else (parts,):
            _settle_thresholds(part)


def artifact_scorer(artifact: Path | bytes, task: str, threads: int = 1) -> Score:
    """A function from the boundary's matrix to the artifact's scores.

    Scores are the positive class's probability, shape (rows,), for a binary task; each class's,
    shape (rows, classes), for multiclass; the value, shape (rows,), for regression.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    content = artifact if isinstance(artifact, bytes) else str(artifact)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has its own family of errors
        raise TagshipError(
            f"the artifact cannot be run: {error}", "choose another estimator, or train again"
        ) from None
    output = session.get_outputs()[-1].name

    def score(matrix: NDArray[np.float32]) -> NDArray[np.floating]:
        blocks = [
            session.run([output], {"features": matrix[at : at + _BLOCK]})[0]
            for at in range(0, max(1, len(matrix)), _BLOCK)
        ]
        return shape_scores(np.concatenate(blocks), task)

    return score


def pipeline_scores(pipeline: Any, matrix: NDArray[np.float32], task: str) -> NDArray[np.floating]:
    """scikit-learn's own scores, shaped as ``artifact_scorer`` gives them."""
    raw = pipeline.predict(matrix) if task == "regression" else pipeline.predict_proba(matrix)
    return shape_scores(raw, task)


def shape_scores(raw: NDArray[np.floating], task: str) -> NDArray[np.floating]:
    """Probabilities or values in the shape this project calls scores."""
    if task == "binary":
        return np.ascontiguousarray(raw[:, 1])
    return raw.reshape(len(raw), -1) if task == "multiclass" else raw.reshape(-1)
