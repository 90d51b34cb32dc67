"""Which estimators a new model tries, and how large, by the size of its table."""

from typing import Any, NamedTuple

from tagship.new_model.draft import Draft

_FOREST_ROWS = 100_000
_SMALL_ROWS = 1000
_WIDE_ROWS = 5_000
"""From so many rows a regression forest tries half of the columns at a split: faster, as good."""
_FOREST_LEAVES = 3_000
"""About as many leaves as a tree of a forest may have, so that its artifact stays small."""
_BOOSTERS = {"lightgbm": "LGBM", "xgboost": "XGB"}
_MANY_CLASSES = 10


class _Trees(NamedTuple):
    """What boosted trees of a table of some size are like; benchmarks/tables.py measures them."""

    leaves: int
    depth: int
    rows_in_leaf: int
    rounds: int
    rate: float
    """Of learning, where all rounds are done."""


_TREES_BELOW = {
    500: _Trees(7, 2, 10, 100, 0.05),
    _SMALL_ROWS: _Trees(7, 2, 10, 100, 0.1),
    2_000: _Trees(7, 2, 10, 200, 0.05),
    20_000: _Trees(15, 4, 20, 200, 0.05),
}
_LARGE_TREES = _Trees(31, 5, 20, 200, 0.1)
_STOPPED_RATE = 0.1
"""Of learning, where rows that are set apart say when to stop: rounds suit the table by that."""


def propose_candidates(draft: Draft) -> dict[str, dict[str, Any]]:
    """The candidates of model.yaml by name: a linear model, a forest, and boosted trees."""
    regression = draft.task == "regression"
    kind = "Regressor" if regression else "Classifier"
    candidates: dict[str, dict[str, Any]] = {}
    if regression:
        candidates["ridge"] = {
            "estimator": "sklearn.linear_model.Ridge",
            "scale": True,
        }
    else:
        candidates["logistic_regression"] = {
            "estimator": "sklearn.linear_model.LogisticRegression",
            "params": {"max_iter": 500},
            "scale": True,
        }
    if draft.rows <= _FOREST_ROWS:
        candidates["random_forest"] = {
            "estimator": f"sklearn.ensemble.RandomForest{kind}",
            "params": _forest(draft),
        }
    trees = _boosted_trees(draft)
    boosting: dict[str, Any] = {
        "learning_rate": trees.rate,
        "max_iter": trees.rounds,
        "max_leaf_nodes": trees.leaves,
        "min_samples_leaf": trees.rows_in_leaf,
    }
    if draft.rows >= _SMALL_ROWS:
        boosting |= {"learning_rate": _STOPPED_RATE, "early_stopping": True}
    candidates["gradient_boosting"] = {
        "estimator": f"sklearn.ensemble.HistGradientBoosting{kind}",
        "params": boosting,
        "impute": "none",
        "encode": "ordinal",
    }
    for library in draft.libraries:
        size: dict[str, Any] = {"max_depth": trees.depth}
        if library == "lightgbm":
            size = {"num_leaves": trees.leaves, "min_child_samples": trees.rows_in_leaf}
        candidates[library] = {
            "estimator": f"{library}.{_BOOSTERS[library]}{kind}",
            "params": {"n_estimators": trees.rounds, "learning_rate": trees.rate} | size,
            "impute": "none",
            "encode": "ordinal",
        }
    return candidates


def _forest(draft: Draft) -> dict[str, Any]:
    """Trees as deep as their leaves allow; a leaf holds a weight for each of many classes."""
    least = 2 if draft.rows < _SMALL_ROWS else max(5, draft.rows // _FOREST_LEAVES)
    params: dict[str, Any] = {"n_estimators": 100, "min_samples_leaf": least}
    if draft.labels > _MANY_CLASSES:
        params["max_depth"] = 8
    if draft.task == "regression" and any(column.terms for column in draft.columns.values()):
        params["max_features"] = 0.1
    elif draft.task == "regression" and draft.rows >= _WIDE_ROWS:
        params["max_features"] = 0.5
    return params


def _boosted_trees(draft: Draft) -> _Trees:
    """Small trees of few rows, more and larger ones of many; each of many classes has its own."""
    sizes = (trees for below, trees in _TREES_BELOW.items() if draft.rows < below)
    trees = next(sizes, _LARGE_TREES)
    if draft.labels > _MANY_CLASSES:
        trees = trees._replace(leaves=min(trees.leaves, 15), rounds=50, rate=0.1)
    return trees
