"""The metrics that each task has, and which way is better."""

from tagship.config.model import Task

_CLASSIFICATION = {
    "accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "roc_auc": True,
    "pr_auc": True,
    "log_loss": False,
    "brier": False,
    "calibration_error": False,
}

METRICS: dict[Task, dict[str, bool]] = {
    "binary": _CLASSIFICATION,
    "multiclass": _CLASSIFICATION,
    "regression": {"rmse": False, "mae": False, "r2": True, "mape": False},
}
"""For each task, each metric and whether higher is better."""


def higher_is_better(metric: str) -> bool:
    """Which way a metric is better; ``f1[setosa]`` follows ``f1``."""
    base = metric.partition("[")[0]
    return next(table[base] for table in METRICS.values() if base in table)
