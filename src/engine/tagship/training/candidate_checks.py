"""Candidates that could not be trained, weighted or served, refused before any training."""

import warnings
from typing import Any

import numpy as np

from tagship.config.model import Candidate, ModelConfig
from tagship.config.project_files import ModelFiles
from tagship.config.sources import PythonSource
from tagship.contract.boundary import load_feature_function
from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.sources.python_function import load_source_function
from tagship.training.estimators import import_estimator, make_estimator
from tagship.training.project_code import check_served
from tagship.training.threads import quick_threads

_TRIED_ROWS, TRIED_COLUMNS = 240, 40
"""Of made-up data: more than most whole numbers that a parameter may ask for."""
_TRIED_STEPS = {"n_estimators": 2, "max_iter": 20}
"""How many trees or steps are enough to see whether parameters are taken."""


def check_imports(files: ModelFiles) -> None:
    """Refuse what the config names by import path and could not be used.

    Raises:
        TagshipError: names the candidate, the feature function or the source.
    """
    check_candidates(files)
    check_parameters(files)
    if files.model.features is not None:
        try:
            load_feature_function(files.model.features)
        except TagshipError as error:
            raise error.within(files.folder / "model.yaml") from None
        check_served(files)
    if isinstance(files.data.source, PythonSource):
        try:
            load_source_function(files.data.source)
        except TagshipError as error:
            raise error.within(files.folder / "data.yaml") from None


def check_candidates(files: ModelFiles) -> None:
    """Refuse, before any training, every candidate that could not be trained or exported.

    Raises:
        TagshipError: names the candidate, and what ONNX can express instead.
    """
    for name, candidate in files.model.candidates.items():
        where = f"{files.folder / 'model.yaml'}: candidates.{name}"
        try:
            estimator = make_estimator(candidate, files.model.select.seed, 1)
        except TagshipError as error:
            raise error.within(where) from None
        _check_task(where, estimator, files.model)
        if files.data.weight is not None:
            _check_weighted(where, import_estimator(candidate.estimator))
        for part in (candidate, *candidate.nested):
            _check_onnx(where, import_estimator(part.estimator), files.model)


def check_parameters(files: ModelFiles) -> None:
    """Refuse parameters with which an estimator cannot be fitted, by fitting it to a few rows.

    Estimators check most of their parameters when they are fitted, and scikit-learn has no public
    way to ask before. The rows are made up: a failure counts only where the estimator's defaults
    can be fitted to the same rows.

    Raises:
        TagshipError: names the candidate, and says what the estimator said.
    """
    for name, candidate in files.model.candidates.items():
        problem = fit_problem(candidate, files.model)
        defaults = candidate.model_copy(update={"params": {}})
        if problem and candidate.params and not fit_problem(defaults, files.model):
            raise TagshipError(
                f"{files.folder / 'model.yaml'}: candidates.{name}: {candidate.estimator}:"
                f" {problem}",
                "see its parameters in the library's documentation",
            )


def fit_problem(candidate: Candidate, model: ModelConfig) -> str:
    """What an estimator says when it is fitted to made-up rows; empty when it can be."""
    random = np.random.default_rng(0)
    rows = random.random((_TRIED_ROWS, TRIED_COLUMNS), dtype=np.float32)
    target = rows[:, 0] + 1 if model.task == "regression" else np.arange(_TRIED_ROWS) % 2
    if model.task == "multiclass":
        target = np.arange(_TRIED_ROWS) % 3
    try:
        alone = candidate.model_copy(update={"calibrate": None})
        estimator = make_estimator(alone, model.select.seed, 1)
        fewer = {
            key: min(value, _TRIED_STEPS[key])
            for key, value in estimator.get_params(deep=False).items()
            if key in _TRIED_STEPS and isinstance(value, int) and value > 0
        }
        with warnings.catch_warnings(), quick_threads(rows, candidate.estimator):
            warnings.simplefilter("ignore")
            estimator.set_params(**fewer).fit(rows, target)
    except Exception as error:  # an estimator may raise anything
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return ""


def _check_task(where: str, estimator: Any, model: ModelConfig) -> None:
    from sklearn.base import is_classifier, is_regressor

    regression = model.task == "regression"
    if (regression and not is_regressor(estimator)) or (
        not regression and not is_classifier(estimator)
    ):
        kind = "a regressor" if regression else "a classifier"
        raise TagshipError(
            f"{where}: {type(estimator).__name__} is not {kind}, which task {model.task} needs",
            f"choose {kind}, or change `task`",
        )
    if not regression and not hasattr(estimator, "predict_proba"):
        raise TagshipError(
            f"{where}: {type(estimator).__name__} gives no probabilities (no predict_proba)",
            "choose a classifier that does, or set its parameter for them",
        )


def _check_weighted(where: str, kind: type) -> None:
    from sklearn.utils.validation import has_fit_parameter

    if not has_fit_parameter(kind, "sample_weight"):
        raise TagshipError(
            f"{where}: {kind.__name__} takes no weights (its fit has no sample_weight), and"
            " data.yaml gives each row one",
            "choose another estimator, or take `weight` out of data.yaml",
        )


def _check_onnx(where: str, estimator: type, model: ModelConfig) -> None:
    if not _has_converter(estimator):
        kind = "regressor" if model.task == "regression" else "classifier"
        raise TagshipError(
            f"{where}: ONNX cannot express {estimator.__name__}, so it could not be served",
            f"choose one of: {', '.join(_expressible(kind))}; or register a converter"
            f" ({page('how-to/own-estimator')})",
        )


def _expressible(kind: str) -> list[str]:
    from sklearn.utils import all_estimators

    return [
        name
        for name, cls in all_estimators(type_filter=kind)
        if _has_converter(cls) and (kind == "regressor" or hasattr(cls, "predict_proba"))
    ]


def _has_converter(kind: type) -> bool:
    from skl2onnx import get_model_alias

    try:
        get_model_alias(kind)
    except RuntimeError:  # what it says of an estimator without one
        return False
    return True
