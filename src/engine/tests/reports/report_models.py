"""Three small real models, one per task, with names and labels that mean harm."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tagship.behaviour.difference import Behaviour
from tagship.config.project_files import ModelFiles, load_model
from tagship.gates.behaviour import shuffled_sample
from tagship.gates.holdout import HoldoutScores
from tagship.reports.diagnosis import HoldoutRow
from tagship.reports.importance import shuffled_scores
from tagship.training.bundle import Bundle
from tagship.training.export import artifact_scorer
from tagship.verdict import Verdict

ROWS = 600
HOSTILE = "<script>alert('column')</script>"
HOSTILE_CARD = "<img src=http://evil.example/x.png onerror=alert(1)> & friends"
HOSTILE_LABEL = "<b>$north_{"


@dataclass(frozen=True)
class Trained:
    """One model with all that a report shows."""

    files: ModelFiles
    bundle: Bundle
    verdict: Verdict
    plots: dict[str, bytes]
    importances: list[tuple[str, float]]
    behaviour: Behaviour | None
    """Beside a champion whose scores are those of the rows before."""
    moved: list[HoldoutRow]
    worst: list[HoldoutRow]


def table() -> pd.DataFrame:
    """Customers with a signal, missing values, an outlier, a constant and personal data."""
    draw = np.random.default_rng(7)
    age, spend = draw.uniform(18, 80, ROWS).round(), draw.lognormal(3, 1, ROWS).round(2)
    region = draw.choice([HOSTILE_LABEL, "south", "west"], ROWS, p=[0.5, 0.3, 0.2])
    logit = (age - 50) / 8 + np.log(spend) - 3 + (region == "south")
    frame = pd.DataFrame(
        {
            "customer": [f"c{n:04d}" for n in range(ROWS)],
            "age": age,
            HOSTILE: spend,
            "region": region,
            "member": draw.random(ROWS) < 0.4,
            "joined": pd.date_range("2020-01-01", periods=ROWS, freq="D").strftime("%Y-%m-%d"),
            "email": [f"person{n}@secret.example" for n in range(ROWS)],
            "bought": np.where(draw.random(ROWS) < 1 / (1 + np.exp(-logit)), "yes", "no"),
            "grade": np.select([logit < -1, logit < 1], ["low", "mid"], "high"),
            "amount": (1000 * (logit + draw.normal(0, 0.5, ROWS))).round(1),
        }
    )
    frame.loc[3:20, "age"] = np.nan
    return frame


DATA = f"""\
source: {{kind: csv, path: table.csv}}
target: {{column: TARGET}}
id: customer
split: {{test: 0.3, seed: 1}}
columns:
  age: {{dtype: int, min: 18, max: 80, missing: 0.1}}
  "{HOSTILE}": {{dtype: float, min: 0}}
  region: {{dtype: category, values: ["{HOSTILE_LABEL}", south, west]}}
  member: {{dtype: bool}}
  joined: {{dtype: datetime, feature: false}}
  email: {{dtype: string, pii: drop}}
"""
MODEL = f"""\
task: TASK
select: {{metric: METRIC, folds: 3}}
candidates:
  plain: {{estimator: sklearn.linear_model.ESTIMATOR, scale: true}}
  shallow: {{estimator: sklearn.tree.DecisionTreeKIND, params: {{max_depth: 3}}}}
card: {{purpose: "{HOSTILE_CARD}", owner: data-team}}
"""
THRESHOLDS = """\
metrics: {METRIC: {BOUND}}
baseline: {metric: METRIC, margin: 0.01}
slices: {by: [region], metric: METRIC, max_gap: 1.0e+6, min_rows: 10}
robustness: {noise: 0.05, max_drop: 1.0e+6}
latency: {p99_ms: {fail_above: 1000}}
size: {artifact_mb: {fail_above: 5}}
parity: {max_difference: 1.0e-4}
"""
TASKS = {
    "binary": ("bought", "roc_auc", "LogisticRegression", "fail_below: 0.5"),
    "multiclass": ("grade", "f1", "LogisticRegression", "fail_below: 0.999"),
    "regression": ("amount", "rmse", "Ridge", "fail_above: 5000, warn_above: 1"),
}


def write_project(root: Path, task: str, frame: pd.DataFrame) -> ModelFiles:
    """A project with the model ``shop`` over ``frame``."""
    target, metric, estimator, bound = TASKS[task]
    kind = "Regressor" if task == "regression" else "Classifier"
    others = {"bought", "grade", "amount"} - {target}
    folder = root / "config" / "shop"
    folder.mkdir(parents=True)
    (root / "config" / "project.yaml").write_text(
        "name: shop\ntitle: Shop\nowner: us\nregistry: registry.example\n"
    )
    named = f'{target}, positive: "yes"' if task == "binary" else target
    (folder / "data.yaml").write_text(DATA.replace("TARGET", named))
    model = MODEL.replace("TASK", task).replace("METRIC", metric)
    (folder / "model.yaml").write_text(model.replace("ESTIMATOR", estimator).replace("KIND", kind))
    (folder / "thresholds.yaml").write_text(
        THRESHOLDS.replace("METRIC", metric).replace("BOUND", bound)
    )
    frame.drop(columns=list(others)).to_csv(root / "table.csv", index=False)
    return load_model(root, "shop")


def last_scores(bundle: Bundle) -> HoldoutScores:
    """Those of a champion that gives each row the score of the row before."""
    sample, boundary = shuffled_sample(bundle), bundle.boundary
    matrix = bundle.evidence.matrix[sample["rows"]]
    score = artifact_scorer(bundle.artifact, boundary.task)
    shuffled = np.array(shuffled_scores(score, boundary, matrix, sample["order"]))
    names = ("gone", *boundary.names[1:])
    return HoldoutScores(np.roll(bundle.evidence.scores, 1, axis=0), 0.5, names, shuffled)
