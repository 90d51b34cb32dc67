"""Small configs that between them use every way in which a model can be trained.

The table comes from whole numbers and plain arithmetic, so that it is the same on every processor.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from projects import Project
from tagship.config.project_files import ModelFiles, load_model

ROWS = 240
_PLANS = ["free", "plus", "pro"]
_SHOPS = [f"shop-{number:02}" for number in range(24)]
_COLUMNS = """\
  age: {dtype: float, min: 18, max: 100, missing: 0.2}
  visits: {dtype: int, min: 0, max: 50}
  spent: {dtype: float, min: 0}
  member: {dtype: bool}
  plan: {dtype: category, values: [free, plus, pro], missing: 0.2}
  shop: {dtype: string, feature: false}
  day: {dtype: datetime, feature: false}
"""
_FEATURES = """\
def derive(columns):
    return {"spent_per_visit": columns["spent"] / (columns["visits"] + 1)}
"""
_TARGETS = {
    "binary": '{column: bought, positive: "yes"}',
    "multiclass": "{column: segment}",
    "regression": "{column: amount}",
}
_GATES = """\
metrics: {{{metric}: {{fail_below: -9}}}}
baseline: {{metric: {metric}, margin: 0}}
parity: {{max_difference: 1}}
"""
_LOGISTIC = "sklearn.linear_model.LogisticRegression"
_RIDGE = "sklearn.linear_model.Ridge"
_ENSEMBLE = "sklearn.ensemble."
_STEP = "estimator: sklearn.ensemble.GradientBoostingRegressor"
_STUMP = "{estimator: sklearn.tree.DecisionTreeClassifier, params: {max_depth: 1}}"


@dataclass(frozen=True)
class Case:
    """One config; a case that changes gets a new name, so that its digests are new too."""

    task: str
    split: str
    select: str
    candidates: dict[str, str]
    features: bool = False
    words: bool = False
    """Whether the names of shops are read as free text."""


CASES = {
    "binary stratified log_loss": Case(
        "binary",
        "{stratify: true}",
        "{metric: log_loss, folds: 3}",
        {
            "line": f"{{estimator: {_LOGISTIC}, scale: true}}",
            "forest": f"{{estimator: {_ENSEMBLE}RandomForestClassifier,"
            " params: {n_estimators: 20}}",
        },
    ),
    "binary random roc_auc": Case(
        "binary",
        "{test: 0.25, seed: 7}",
        "{metric: roc_auc, folds: 3}",
        {
            "line": f"{{estimator: {_LOGISTIC}, params: {{C: 0.001}}}}",
            "forest": f"{{estimator: {_ENSEMBLE}RandomForestClassifier, encode: ordinal,"
            " params: {n_estimators: 30, min_samples_leaf: 5}}",
        },
        features=True,
    ),
    "binary time f1": Case(
        "binary",
        "{time: day}",
        "{metric: f1, folds: 3}",
        {
            "histogram": f"{{estimator: {_ENSEMBLE}HistGradientBoostingClassifier, impute: none}}",
            "line": f"{{estimator: {_LOGISTIC}, params: {{C: 0.002}}, scale: true}}",
        },
    ),
    "multiclass grouped accuracy": Case(
        "multiclass",
        "{group: shop}",
        "{metric: accuracy, folds: 3}",
        {
            "line": f"{{estimator: {_LOGISTIC}, scale: true}}",
            "stump": _STUMP,
        },
        features=True,
    ),
    "multiclass stratified brier": Case(
        "multiclass",
        "{stratify: true}",
        "{metric: brier, folds: 2}",
        {
            "boosting": f"{{estimator: {_ENSEMBLE}GradientBoostingClassifier, encode: ordinal,"
            " params: {n_estimators: 20, min_samples_leaf: 15}}",
            "stump": _STUMP,
        },
    ),
    "binary words accuracy": Case(
        "binary",
        "{stratify: true}",
        "{metric: accuracy, folds: 3}",
        {
            "line": f"{{estimator: {_LOGISTIC}, scale: true}}",
            "stump": _STUMP,
        },
        words=True,
    ),
    "regression random rmse": Case(
        "regression",
        "{test: 0.3}",
        "{metric: rmse}",
        {
            "line": f"{{estimator: {_RIDGE}, scale: true}}",
            "flat": f"{{estimator: {_RIDGE}, params: {{alpha: 1000.0}}, scale: true}}",
        },
    ),
    "regression time r2": Case(
        "regression",
        "{time: day, test: 0.3}",
        "{metric: r2, folds: 3}",
        {
            "histogram": f"{{estimator: {_ENSEMBLE}HistGradientBoostingRegressor, impute: none,"
            " encode: ordinal}",
            "flat": f"{{estimator: {_RIDGE}, params: {{alpha: 1000.0}}, impute: mean}}",
        },
    ),
    "regression grouped mae": Case(
        "regression",
        "{group: shop}",
        "{metric: mae, folds: 3}",
        {
            "boosting": f"{{estimator: {_ENSEMBLE}GradientBoostingRegressor,"
            " params: {n_estimators: 20, min_samples_leaf: 15}}",
            "forest": f"{{estimator: {_ENSEMBLE}RandomForestRegressor,"
            " params: {n_estimators: 10, max_depth: 2, min_samples_leaf: 10}}",
        },
        features=True,
    ),
    # Both candidates score the same to six decimals, and the second is better beyond them.
    "regression nearly equal": Case(
        "regression",
        "{}",
        "{metric: rmse, folds: 3}",
        {
            "first": f"{{{_STEP}, params: {{n_estimators: 1, learning_rate: 0.5}}, scale: true}}",
            "second": f"{{{_STEP}, params: {{n_estimators: 1, learning_rate: 0.500000005}},"
            " scale: true}",
        },
    ),
}


def write_case(root: Path, name: str) -> ModelFiles:
    """Write a case as a project of one model under ``root``, and load its config."""
    case, project = CASES[name], Project(root)
    target = _TARGETS[case.task].removeprefix("{column: ").partition(",")[0].rstrip("}")
    columns = _COLUMNS
    if case.words:
        columns = columns.replace("string, feature: false", "string, terms: 30")
    project.write("data/table.csv", make_table(target).to_csv(index=False))
    project.write("src/features/__init__.py", "")
    project.write("src/features/own.py", _FEATURES)
    project.write(
        "data",
        f"source: {{kind: csv, path: data/table.csv}}\ntarget: {_TARGETS[case.task]}\n"
        f"id: customer\nsplit: {case.split}\ncolumns:\n{columns}",
    )
    features = "features: features.own:derive\n" if case.features else ""
    candidates = "".join(f"  {key}: {value}\n" for key, value in case.candidates.items())
    project.write(
        "model",
        f"task: {case.task}\n{features}select: {case.select}\ncandidates:\n{candidates}",
    )
    metric = "r2" if case.task == "regression" else "accuracy"
    project.write("thresholds", _GATES.format(metric=metric))
    return load_model(root, project.path("model").parent.name)


def make_table(target: str) -> pd.DataFrame:
    """Customers with missing values, a category, groups, days, and ``target`` last."""
    random = np.random.default_rng(11)
    visits = random.integers(0, 30, ROWS)
    spent = random.integers(0, 50_000, ROWS) / 100
    plan = random.integers(0, len(_PLANS), ROWS)
    age = random.integers(180, 900, ROWS) / 10
    noise = random.integers(-1000, 1000, ROWS) / 1000
    pull = (visits - 15) / 10 + (spent - 250) / 200 + (plan - 1) / 2 + noise
    frame = pd.DataFrame(
        {
            "customer": [f"c{number:04}" for number in range(ROWS)],
            "age": np.where(random.integers(0, 20, ROWS) == 0, np.nan, age),
            "visits": visits,
            "spent": spent,
            "member": random.integers(0, 2, ROWS).astype(bool),
            "plan": [_PLANS[number] for number in plan],
            "shop": [_SHOPS[number] for number in random.integers(0, len(_SHOPS), ROWS)],
            "day": pd.Timestamp("2030-01-01")
            + pd.to_timedelta(random.integers(0, 90, ROWS), unit="D"),
        }
    )
    frame.loc[random.integers(0, 25, ROWS) == 0, "plan"] = None
    values = {
        "bought": np.where(pull > 0, "yes", "no"),
        "segment": np.array(["low", "middle", "high"])[(pull > -0.8) * 1 + (pull > 0.8) * 1],
        "amount": np.round(100 + 40 * pull, 2),
    }
    return frame.assign(**{target: values[target]})
