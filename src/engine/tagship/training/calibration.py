"""Probabilities that come true: scikit-learn's ``CalibratedClassifierCV``, expressed in ONNX.

A candidate with ``calibrate`` is fitted to all of its rows; its calibration to the scores that it
gives to each fifth of these rows when that is left out (``ensemble=False``): it takes no others.
What is calibrated is always a probability: not every estimator has a ``decision_function``, and
ONNX does not express all that there are.
"""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

FOLDS = 5
_POINTS = np.linspace(0.0, 1.0, 101)
"""Where an isotonic calibration may bend. Nearer together it would turn the last bits of a
probability, in which ONNX and scikit-learn differ, into another answer."""
_LEAST = 1e-30  # a divisor


class Probabilities(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of which only the probabilities are seen."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Probabilities":
        """Fit the classifier; it is asked for weights only if there are some."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.estimator_ = clone(self.estimator).fit(X, y, **weights)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row."""
        return self.estimator_.predict(X)

    def predict_proba(self, X: Any) -> Any:
        """The classifier's own, shape (rows, classes)."""
        return self.estimator_.predict_proba(X)


class Calibrated(CalibratedClassifierCV):  # type: ignore[misc]
    """A calibrated classifier whose isotonic calibration bends at few points."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Calibrated":
        """Fit classifier and calibration."""
        super().fit(X, y, sample_weight)
        for pair in self.calibrated_classifiers_:
            for calibrator in pair.calibrators:
                if isinstance(calibrator, IsotonicRegression):
                    calibrator.fit(_POINTS, calibrator.predict(_POINTS))
        return self


def calibrate(estimator: Any, method: str, seed: int) -> Calibrated:
    """The estimator with calibrated probabilities, unfitted; ONNX can express it."""
    _register_converter()
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return Calibrated(Probabilities(estimator), method=method, cv=folds, ensemble=False)


def group_folds(target: Any, groups: Any, seed: int) -> list[tuple[Any, Any]]:
    """Folds for ``cv`` that keep a group's rows together, both arguments of shape (rows,).

    Raises:
        ValueError: there are fewer groups than folds.
    """
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(splitter.split(target, target, groups))


def _register_converter() -> None:
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    update_registered_converter(
        Calibrated,
        "TagshipCalibrated",
        calculate_linear_classifier_output_shapes,
        _convert,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False]},
    )


def _convert(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.algebra import onnx_ops as onnx
    from skl2onnx.algebra.onnx_operator import OnnxSubEstimator

    [pair] = operator.raw_operator.calibrated_classifiers_
    version = {"op_version": container.target_opset}
    score = OnnxSubEstimator(
        pair.estimator.estimator_, operator.inputs[0], options={"zipmap": False}, **version
    )[1]
    classes, unit = len(pair.classes), np.ones(1, dtype=np.float32)
    numbers = [1] if classes == 2 else list(range(classes))
    columns = [
        _calibrated(calibrator, onnx.OnnxGather(score, np.array([number]), axis=1, **version), onnx)
        for number, calibrator in zip(numbers, pair.calibrators, strict=True)
    ]
    if classes == 2:
        parts = (onnx.OnnxSub(unit, columns[0], **version), columns[0])
        scores = onnx.OnnxConcat(*parts, axis=1, **version)
    else:  # of each class against the others; all zero becomes equal shares
        joined = onnx.OnnxConcat(*columns, axis=1, **version)
        axis = np.array([1], dtype=np.int64)
        total = onnx.OnnxReduceSum(joined, axis, keepdims=1, **version)
        zero = onnx.OnnxCast(
            onnx.OnnxLess(total, np.array([_LEAST], dtype=np.float32), **version), to=1, **version
        )
        divisor = onnx.OnnxAdd(total, onnx.OnnxMul(zero, classes * unit, **version), **version)
        scores = onnx.OnnxDiv(onnx.OnnxAdd(joined, zero, **version), divisor, **version)
    labels, probabilities = operator.outputs
    names = {"output_names": [labels]}
    onnx.OnnxArgMax(scores, axis=1, keepdims=0, **names, **version).add_to(scope, container)
    onnx.OnnxIdentity(scores, output_names=[probabilities], **version).add_to(scope, container)


def _calibrated(calibrator: Any, score: Any, onnx: Any) -> Any:
    """The calibrated probability of one class, shape (rows, 1)."""
    version = {"op_version": score.op_version}
    if not isinstance(calibrator, IsotonicRegression):
        slope, start = (
            np.array([-value], dtype=np.float32) for value in (calibrator.a_, calibrator.b_)
        )
        line = onnx.OnnxAdd(onnx.OnnxMul(score, slope, **version), start, **version)
        return onnx.OnnxSigmoid(line, **version)
    # A sum of ramps, each 0 before its two points and 1 behind them.
    x, y = calibrator.X_thresholds_, calibrator.y_thresholds_
    start = y[:1].astype(np.float32)
    if len(x) == 1:
        return onnx.OnnxAdd(onnx.OnnxMul(score, 0 * start, **version), start, **version)
    width = np.diff(x).astype(np.float32)
    ramps = onnx.OnnxClip(
        onnx.OnnxDiv(onnx.OnnxSub(score, x[:-1].astype(np.float32), **version), width, **version),
        np.array(0, dtype=np.float32),
        np.array(1, dtype=np.float32),
        **version,
    )
    rise = np.diff(y).astype(np.float32)[:, None]
    return onnx.OnnxAdd(onnx.OnnxMatMul(ramps, rise, **version), start, **version)
