"""Candidates: from an import path to a scikit-learn pipeline over the float32 matrix."""

import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tagship.config.model import Candidate, nested_estimators
from tagship.contract.boundary import Boundary
from tagship.errors import TagshipError, nearest, suggest
from tagship.project_functions import suggest_module
from tagship.training.boosting import LIBRARIES as BOOSTING
from tagship.training.boosting import (
    library_of,
    name_categories,
    register_converter,
    repeatable_parameters,
)


def make_pipeline(boundary: Boundary, candidate: Candidate, seed: int, jobs: int) -> Any:
    """An unfitted ``sklearn.pipeline.Pipeline``: impute, scale, encode, estimate.

    It takes the boundary's matrix: numbers first, then counts of terms, category codes last. Where
    numbers are scaled, counts are weighed by TF-IDF, text by text; trees take them as they are, for
    which small whole numbers are the same in float32 and float64.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    sizes = [len(category.values) for category in boundary.categories]
    steps: list[tuple[str, Any]] = []
    if candidate.impute != "none":
        imputer = SimpleImputer(strategy=candidate.impute, keep_empty_features=True)
        steps.append(("impute", imputer))
    if candidate.scale:
        steps.append(("scale", StandardScaler()))
    parts: list[tuple[str, Any, list[int]]] = []
    numbers = list(range(boundary.numbers.stop))
    if numbers:
        parts.append(("numbers", Pipeline(steps) if steps else "passthrough", numbers))
    first = boundary.words.start
    for number, text in enumerate(boundary.texts):
        weigh = TfidfTransformer() if candidate.scale else "passthrough"
        parts.append((f"text_{number}", weigh, list(range(first, first + len(text.terms)))))
        first += len(text.terms)
    if sizes:
        encode = "passthrough"
        if candidate.encode == "one_hot":
            encode = OneHotEncoder(
                categories=[np.arange(size, dtype=np.float32) for size in sizes],
                handle_unknown="ignore",  # -1, a missing category, becomes all zeros
                sparse_output=False,
                dtype=np.float32,
            )
        elif candidate.encode == "native":  # a missing one is a category of its own
            codes = [np.arange(-1, size, dtype=np.float32) for size in sizes]
            encode = OrdinalEncoder(categories=codes, dtype=np.float32)
        parts.append(("categories", encode, list(range(first, len(boundary.names)))))
    columns = range(first, len(boundary.names))
    estimator = make_estimator(candidate, seed, jobs, boundary.classes, columns)
    sparse = 0.0 if boundary.texts else 0.3  # weighed counts would be sparse, and few take those
    prepare = ColumnTransformer(parts, sparse_threshold=sparse)
    return Pipeline([("prepare", prepare), ("estimate", estimator)])


def make_estimator(
    candidate: Candidate,
    seed: int,
    jobs: int,
    classes: Sequence[str] | None = None,
    categories: Sequence[int] = (),
) -> Any:
    """The estimator with its parameters, a seed where it takes one, and ``jobs`` threads.

    ``classes`` are the labels that ``class_weight`` may weigh; None where they are not known yet.
    ``categories`` are the columns that hold them, the last of all.
    """
    kind = import_estimator(candidate.estimator)
    if kind.__module__.startswith("sklearn.model_selection"):
        raise TagshipError(
            f"{candidate.estimator}: a search is no candidate: it would search again in each fold",
            "name the parameters that it found",
        )
    params = {
        name: _parameter(name, value, seed, classes) for name, value in candidate.params.items()
    }
    try:
        estimator = kind(**params)
        parameters = estimator.get_params(deep=False)
        unknown = library_of(kind) and sorted(params.keys() - kind().get_params().keys())
        if unknown:  # it takes any word, and warns while it is fitted
            raise TypeError(f"{kind.__name__} has no parameter '{unknown[0]}'")
    except Exception as error:  # whatever a constructor may raise
        raise TagshipError(f"{candidate.estimator}: {error}", _nearest(kind, candidate)) from None
    register_converter(kind)
    extra: dict[str, Any] = {"random_state": seed} | repeatable_parameters(kind)
    extra["flatten_transform"] = False  # of a vote, for ONNX; predictions do not depend on it
    if candidate.calibrate is not None:
        jobs = 1  # more would change the last bits of the scores that it is calibrated by
    library = library_of(kind)
    if library or kind.__module__.startswith("sklearn.ensemble"):
        extra["n_jobs"] = jobs  # elsewhere it does nothing, or costs more
    if library:  # whatever it does not name goes to the library
        parameters |= extra
    estimator.set_params(
        **{k: v for k, v in extra.items() if k in parameters and k not in candidate.params}
    )
    if candidate.encode == "native":
        name_categories(estimator, categories, max(categories, default=-1) + 1)
    if candidate.calibrate is None:
        return estimator
    from tagship.training.calibration import calibrate

    return calibrate(estimator, candidate.calibrate, seed)


def _parameter(name: str, value: Any, seed: int, classes: Sequence[str] | None) -> Any:
    """A parameter's value: estimators for what declares them, class numbers for labels.

    Raises:
        TagshipError: an estimator that cannot be made, or a label that there is not.
    """
    parts = nested_estimators(value)
    if parts:
        estimators = [(part, make_estimator(c, seed, 1, classes)) for part, c in parts.items()]
        return estimators[0][1] if None in parts else estimators
    if name != "class_weight" or not isinstance(value, Mapping):
        return value
    return None if classes is None else _weights(value, classes)


def _weights(weights: Mapping[Any, Any], classes: Sequence[str]) -> dict[int, Any]:
    """The weights by class number; YAML may have read a label as a number or a truth value."""
    by_label = {key if isinstance(key, str) else str(key).lower(): w for key, w in weights.items()}
    for name in by_label:
        if name not in classes:
            raise TagshipError(f"class_weight: no label '{name}'", suggest(name, classes))
    return {classes.index(name): weight for name, weight in by_label.items()}


def import_estimator(path: str) -> type:
    """Import a class that follows scikit-learn's API.

    Raises:
        TagshipError: it does not exist, or is no estimator.
    """
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever a module may raise while it is imported
        if module_name.partition(".")[0] in BOOSTING:
            hint = 'it comes with the extra `boost`: uv add "tagship[boost]"'
        else:
            hint = suggest_module(module_name) or "check the path; is the library installed?"
        raise TagshipError(f"'{path}' cannot be imported: {error}", hint) from None
    kind = getattr(module, name, None)
    if kind is None:
        near = nearest(name, dir(module))
        hint = f"did you mean '{module_name}.{near}'?" if near else ""
        raise TagshipError(f"'{path}' does not exist in {module_name}", hint)
    methods = ("fit", "predict", "get_params", "set_params")
    if not inspect.isclass(kind) or not all(hasattr(kind, method) for method in methods):
        raise TagshipError(
            f"'{path}' is not an estimator: it needs {', '.join(methods)}",
            "name a class, such as sklearn.linear_model.LogisticRegression",
        )
    return kind


def _nearest(kind: type, candidate: Candidate) -> str:
    names = list(kind().get_params() if library_of(kind) else inspect.signature(kind).parameters)
    for name in candidate.params:
        if name not in names and (near := nearest(name, names)):
            return f"did you mean '{near}' instead of '{name}'?"
    return f"it takes: {', '.join(names)}"
