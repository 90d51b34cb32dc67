"""The text of a new model's files, as a person would write it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tagship.config.contract import Column
from tagship.config.sources import FileSource
from tagship.new_model.draft import Draft
from tagship.new_model.gates import MIN_GROUP
from tagship.new_model.rounding import round_down, round_up
from tagship.new_model.yaml_text import entry

NewFile = tuple[str, str]
"""A path relative to the root, ``<area>/<model>/…``, and a text."""

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


def model_files(name: str, source: FileSource, draft: Draft) -> list[NewFile]:
    """Every file that makes a model, apart from its deployments."""
    return [
        (f"config/{name}/data.yaml", data_yaml(source, draft)),
        (f"config/{name}/model.yaml", model_yaml(source, draft)),
        (f"config/{name}/thresholds.yaml", thresholds_yaml(propose_thresholds(draft))),
        (f"bentos/{name}/service.py", service_py(name)),
        (f"bentos/{name}/bentofile.yaml", bentofile_yaml(name)),
    ]


def data_yaml(source: FileSource, draft: Draft) -> str:
    """The contract."""
    target: dict[str, Any] = {"column": draft.target}
    if draft.positive is not None:
        target["positive"] = draft.positive
    if draft.label_type is not None:
        target["dtype"] = draft.label_type
    if draft.written is not None:
        target["format"] = draft.written.model_dump(exclude_defaults=True)
    target |= draft.left_out
    split: dict[str, Any] = {} if draft.test == 0.2 else {"test": draft.test}
    if draft.task != "regression":
        split["stratify"] = True
    rows: dict[str, Any] = {"min": draft.least_rows}
    if draft.duplicates is not None:
        rows["duplicates"] = draft.duplicates
    lines = [
        _schema("data"),
        "# Guessed by `tagship new` from the data, with slack: tighten what you know better.",
        entry("source", {"kind": source.kind, **source.model_dump(exclude_defaults=True)}),
        entry("target", target),
        *([entry("id", draft.id)] if draft.id else []),
        *([entry("split", split)] if split else []),
        entry("rows", rows),
        "columns:",
        *(entry(name, _said(column), 2) for name, column in draft.columns.items()),
    ]
    return "\n".join(lines) + "\n"


def _said(column: Column) -> dict[str, Any]:
    settings = column.model_dump(exclude_defaults=True)
    if isinstance(column.format, list) and len(column.format) == 1:
        settings["format"] = column.format[0]
    return settings


def model_yaml(source: FileSource, draft: Draft) -> str:
    """The task, the candidates and how the winner is chosen."""
    select: dict[str, Any] = {"metric": _metric(draft)}
    if draft.folds != 5:
        select["folds"] = draft.folds
    purpose = f"Predict {draft.target} for rows like those of {source.path.rsplit('/', 1)[-1]}."
    lines = [
        _schema("model"),
        entry("task", draft.task),
        entry("select", select),
        "candidates:",
    ]
    for name, candidate in _candidates(draft).items():
        lines += [f"  {name}:", *(entry(key, value, 4) for key, value in candidate.items())]
    lines += ["card:", entry("purpose", purpose, 2)]
    return "\n".join(lines) + "\n"


def _metric(draft: Draft) -> str:
    return {"binary": "roc_auc", "multiclass": "f1", "regression": "rmse"}[draft.task]


def _candidates(draft: Draft) -> dict[str, dict[str, Any]]:
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


def propose_thresholds(draft: Draft) -> dict[str, Any]:
    """The gates, by the sections of thresholds.yaml: limits that any useful model passes."""
    gates, metric = draft.gates, _metric(draft)
    judge = {"judge": "interval"} if gates.judge_interval else {}
    unit = gates.spread
    metrics: dict[str, Any]
    if draft.task == "regression":
        metrics = {"r2": {"fail_below": 0.1} | judge}
        margin, drop, disturbed = (
            round_down(0.05 * unit),
            round_up(0.02 * unit),
            round_up(0.3 * unit),
        )
    elif draft.task == "binary":
        metrics = {"roc_auc": {"fail_below": 0.6} | judge}
        margin, drop, disturbed = 0.1, 0.02, 0.1
    else:
        metrics = {
            "f1": {"fail_below": round(gates.constant_f1 + 0.05, 2)},
            "roc_auc": {"fail_below": 0.6} | judge,
        }
        margin, drop, disturbed = 0.05, 0.03, 0.15
    thresholds: dict[str, Any] = {
        "metrics": metrics,
        "baseline": {"metric": metric, "margin": margin},
        "champion": {"metric": metric, "max_drop": drop},
        "leakage": {"fail_above": 0.999},
    }
    if gates.slices is not None:
        by: dict[str, Any] = {"by": [gates.slices.by]}
        if draft.task == "regression":
            by |= {"metric": "rmse", "fail_above": gates.slices.limit}
        else:
            by |= {"metric": "accuracy", "fail_below": gates.slices.limit}
        thresholds["slices"] = by
    if gates.fairness is not None:
        thresholds["fairness"] = {
            "by": gates.fairness.by,
            "demographic_parity_difference": {"fail_above": gates.fairness.limit},
            "min_rows": MIN_GROUP,
        }
    noise = {"noise": 0.05} if gates.noise else {}
    return thresholds | {
        "robustness": {**noise, "missing": 0.05, "max_drop": disturbed},
        "latency": {"p99_ms": {"fail_above": 20}},
        "size": {"artifact_mb": {"fail_above": 50}},
        "parity": {"max_difference": gates.parity},
        "drift": {
            "method": "wasserstein",
            "warn_above": 0.08,
            "fail_above": 0.1,
            "categories": {"method": "jensen_shannon", "warn_above": 0.06, "fail_above": 0.08},
        },
    }


def thresholds_yaml(thresholds: Mapping[str, Any]) -> str:
    """The gates."""
    lines = [
        _schema("thresholds"),
        "# Limits that the winner keeps with room: raise them to what yours must keep.",
    ]
    for section, content in thresholds.items():
        if section in ("metrics", "drift"):
            lines += [f"{section}:", *(entry(key, value, 2) for key, value in content.items())]
        else:
            lines.append(entry(section, content))
    return "\n".join(lines) + "\n"


def service_py(name: str) -> str:
    """The code of a bento."""
    return f'''"""The {name} service."""

from tagship.serving import make_service

service = make_service("{name}", __file__)
'''


def bentofile_yaml(name: str) -> str:
    """What a bento holds."""
    return f"""service: "service:service"
labels: {{model: {name}}}
include: ["service.py", "tagship/**", "features/**", "artifact/**"]
python: {{requirements_txt: requirements.txt, lock_packages: false}}
docker: {{distro: debian, python_version: "3.11"}}
"""


def _schema(kind: str) -> str:
    return f"# yaml-language-server: $schema=../schemas/{kind}.json"
