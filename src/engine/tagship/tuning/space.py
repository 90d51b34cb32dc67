"""The space of a search: what is proposed for an estimator, and whether the estimator takes it."""

from collections.abc import Mapping
from typing import Any

from tagship.config.model import Candidate
from tagship.config.project_files import ModelFiles
from tagship.config.tune import Dimension
from tagship.errors import TagshipError, suggest
from tagship.training.candidate_checks import fit_problem
from tagship.training.estimators import make_estimator

Space = Mapping[str, Dimension]
_DIGITS = 4
"""Significant digits of a number that is tried: people read it in model.yaml."""

_TREES: dict[str, Any] = {
    "max_depth": {"int": [3, 20]},
    "min_samples_leaf": {"int": [1, 50], "log": True},
    "max_features": {"float": [0.1, 1.0]},
}
_HISTOGRAMS: dict[str, Any] = {
    "learning_rate": {"float": [0.02, 0.3], "log": True},
    "max_iter": {"int": [50, 200]},
    "max_leaf_nodes": {"int": [4, 31], "log": True},
    "min_samples_leaf": {"int": [5, 100], "log": True},
    "l2_regularization": {"float": [1e-3, 10], "log": True},
}
_BOOSTED: dict[str, Any] = {
    "learning_rate": {"float": [0.02, 0.3], "log": True},
    "n_estimators": {"int": [50, 300]},
    "subsample": {"float": [0.5, 1.0]},
}
_ROUNDS = {**_BOOSTED, "colsample_bytree": {"float": [0.5, 1.0]}}
_PENALTY: dict[str, Any] = {"alpha": {"float": [1e-3, 100], "log": True}}
_NEIGHBOURS: dict[str, Any] = {
    "n_neighbors": {"int": [3, 60], "log": True},
    "weights": {"choice": ["uniform", "distance"]},
}
_NETWORK: dict[str, Any] = {
    "alpha": {"float": [1e-5, 0.1], "log": True},
    "learning_rate_init": {"float": [1e-4, 0.01], "log": True},
}
_MARGIN: dict[str, Any] = {
    "C": {"float": [0.01, 100], "log": True},
    "gamma": {"choice": ["scale", "auto"]},
}
_PROPOSED: dict[str, dict[str, Any]] = {
    "LogisticRegression": {"C": {"float": [1e-3, 100], "log": True}},
    "Ridge": _PENALTY,
    "Lasso": _PENALTY,
    "ElasticNet": {**_PENALTY, "l1_ratio": {"float": [0.05, 0.95]}},
    "DecisionTreeClassifier": _TREES,
    "DecisionTreeRegressor": _TREES,
    "RandomForestClassifier": _TREES,
    "RandomForestRegressor": _TREES,
    "ExtraTreesClassifier": _TREES,
    "ExtraTreesRegressor": _TREES,
    "GradientBoostingClassifier": {**_BOOSTED, "max_depth": {"int": [2, 6]}},
    "GradientBoostingRegressor": {**_BOOSTED, "max_depth": {"int": [2, 6]}},
    "HistGradientBoostingClassifier": _HISTOGRAMS,
    "HistGradientBoostingRegressor": _HISTOGRAMS,
    "XGBClassifier": {**_ROUNDS, "max_depth": {"int": [2, 10]}},
    "XGBRegressor": {**_ROUNDS, "max_depth": {"int": [2, 10]}},
    "LGBMClassifier": {**_ROUNDS, "num_leaves": {"int": [4, 63], "log": True}},
    "LGBMRegressor": {**_ROUNDS, "num_leaves": {"int": [4, 63], "log": True}},
    "KNeighborsClassifier": _NEIGHBOURS,
    "KNeighborsRegressor": _NEIGHBOURS,
    "MLPClassifier": _NETWORK,
    "MLPRegressor": _NETWORK,
    "SVC": _MARGIN,
    "SVR": _MARGIN,
}


def choose_space(files: ModelFiles, name: str, candidate: Candidate) -> Space:
    """The space that model.yaml declares for a candidate, else the one proposed for its estimator.

    Raises:
        TagshipError: there is none, a dimension names no parameter of the estimator, or the
            estimator refuses a value of it.
    """
    declared = files.model.tune and files.model.tune.space
    path = files.folder / "model.yaml"
    if not declared:
        kind = candidate.estimator.rpartition(".")[2]
        if kind not in _PROPOSED:
            raise TagshipError(
                f"{path}: tune: no space is known for {candidate.estimator}",
                "declare one: tune: {space: {PARAMETER: {float: [low, high]}}}",
            )
        return {key: Dimension.model_validate(value) for key, value in _PROPOSED[kind].items()}
    parameters = sorted(make_estimator(candidate, 0, 1).get_params(deep=False))
    for key, dimension in declared.items():
        where = f"{path}: tune.space.{key}"
        if key not in parameters:
            raise TagshipError(
                f"{where}: {candidate.estimator} has no such parameter", suggest(key, parameters)
            )
        for value in dimension.corners:
            changed = replace_params(candidate, {key: value})
            problem = fit_problem(changed, files.model)
            if problem and not fit_problem(candidate, files.model):
                raise TagshipError(
                    f"{where}: {name} refuses {value!r}: {problem}",
                    "change the space, or the candidate's other parameters",
                )
    return declared


def replace_params(candidate: Candidate, params: Mapping[str, Any]) -> Candidate:
    """The candidate with some parameters changed."""
    return candidate.model_copy(update={"params": {**candidate.params, **params}})


def suggest_params(trial: Any, space: Space) -> dict[str, Any]:
    """The values that a trial of Optuna tries, numbers with few digits."""
    return {name: _suggest(trial, name, dimension) for name, dimension in space.items()}


def _suggest(trial: Any, name: str, dimension: Dimension) -> Any:
    if dimension.choice is not None:
        return trial.suggest_categorical(name, dimension.choice)
    low, high = dimension.bounds
    if dimension.int is not None:
        return trial.suggest_int(name, low, high, log=dimension.log)
    return float(f"{trial.suggest_float(name, low, high, log=dimension.log):.{_DIGITS}g}")


def candidate_params(candidate: Candidate, space: Space) -> dict[str, Any] | None:
    """The candidate's own values of a space; None where one lies outside."""
    estimator = make_estimator(candidate, 0, 1)
    current = {name: estimator.get_params(deep=False).get(name) for name in space}
    inside = all(space[name].holds(value) for name, value in current.items())
    return current if inside else None
