"""XGBoost and LightGBM beside scikit-learn's estimators: repeatable, and expressed in ONNX.

Their converters are onnxmltools', registered with skl2onnx when such an estimator is named.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.errors import TagshipError

LIBRARIES = ("lightgbm", "xgboost")
ML_OPSET = 3
"""The version of ``ai.onnx.ml`` that their converters support."""
_REPEATABLE = {
    "lightgbm": {"deterministic": True, "force_row_wise": True, "verbose": -1},
    "xgboost": {"verbosity": 0},
}
"""Parameters without which threads would decide the last bits, or lines are printed."""
_PROBABILITIES = {"nocl": [True, False], "zipmap": [True, False, "columns"]}


def library_of(kind: type) -> str:
    """The library of a boosting estimator; empty for any other."""
    library = kind.__module__.partition(".")[0]
    return library if library in LIBRARIES else ""


def repeatable_parameters(kind: type) -> dict[str, Any]:
    """What an estimator needs besides a seed to give the same trees each time."""
    return dict(_REPEATABLE.get(library_of(kind), {}))


def name_categories(estimator: Any, columns: Sequence[int], count: int) -> None:
    """Tell an estimator which of its ``count`` columns hold categories, as numbers from 0.

    Raises:
        TagshipError: it takes none, or ONNX cannot express what it makes of them.
    """
    library = library_of(type(estimator))
    if not library:
        raise TagshipError(
            f"encode: native is for estimators of {' and '.join(LIBRARIES)}",
            "choose one_hot or ordinal",
        )
    if columns and library == "xgboost":
        kinds = ["c" if column in columns else "q" for column in range(count)]
        estimator.set_params(enable_categorical=True, feature_types=kinds)
    elif columns:
        estimator.set_params(categorical_column=list(columns))  # an alias of categorical_feature


def register_converter(kind: type) -> None:
    """Let skl2onnx know how ONNX expresses a boosting estimator; nothing for any other.

    Raises:
        ImportError: onnxmltools is not installed.
    """
    library = library_of(kind)
    if not library:
        return
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator as shapes
    from sklearn.base import ClassifierMixin

    if library == "xgboost":
        from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost

        convert: Any = convert_xgboost
    else:
        convert = _convert_lightgbm
    classifier = issubclass(kind, ClassifierMixin)
    if classifier:
        shape = shapes.calculate_linear_classifier_output_shapes
    else:
        shape = shapes.calculate_linear_regressor_output_shapes
    options: dict[str, Any] = dict(_PROBABILITIES) if classifier else {}
    if library == "lightgbm":
        options["split"] = None  # one sum of all trees
    update_registered_converter(kind, f"Tagship{kind.__name__}", shape, convert, options=options)


def is_boosted(estimator: Any) -> bool:
    """Whether an estimator, or one that it is made of, is of a boosting library."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any(library_of(type(part)) for part in parts)


def round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 at or below each split point.

    ONNX compares in float32. A float32 value is at most a threshold exactly when it is at most that
    threshold rounded down; rounding to nearest, as converters do, would send a value that equals
    the rounded threshold the other way.
    """
    with np.errstate(over="ignore"):
        narrow = thresholds.astype(np.float32)
    return np.where(narrow > thresholds, np.nextafter(narrow, np.float32(-np.inf)), narrow)


class _Float32Trees:
    """A fitted LightGBM estimator whose trees split at float32 values; its predictions stay."""

    def __init__(self, estimator: Any) -> None:
        import lightgbm

        text = estimator.booster_.model_to_string()
        text = re.sub(r"(?m)^tree_sizes=.*\n", "", text)  # lengths of the text as it was
        text = re.sub(r"(?m)^threshold=(.*)$", _float32_line, text)
        self.booster_ = lightgbm.Booster(model_str=text)
        self._estimator = estimator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)


def _float32_line(line: re.Match[str]) -> str:
    exact = np.array(line[1].split(), dtype=np.float64)
    return "threshold=" + " ".join(map(repr, round_down(exact).astype(np.float64).tolist()))


def _convert_lightgbm(scope: Any, operator: Any, container: Any) -> None:
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

    estimator, operator.raw_operator = operator.raw_operator, _Float32Trees(operator.raw_operator)
    try:
        convert_lightgbm(scope, operator, container)
    finally:
        operator.raw_operator = estimator
