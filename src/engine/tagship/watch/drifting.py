"""Drift in what a deployment logged, of the target too once there are labels enough."""

from dataclasses import replace
from datetime import datetime

import numpy as np

from tagship.config.drift import Drift
from tagship.monitoring.current import Values, from_log
from tagship.monitoring.drift import judge_drift
from tagship.monitoring.drift_verdict import DriftVerdict
from tagship.monitoring.label_join import Labelled
from tagship.monitoring.prediction_log import Logged, in_order
from tagship.training.reference import Reference


def look_for_drift(
    reference: Reference, drift: Drift, logged: Logged, labelled: Labelled, since: datetime
) -> DriftVerdict:
    """Compare what was logged from ``since`` on with how the release was trained.

    The target is compared when every window has ``min_rows`` labels: labels come late, and those
    that are missing yet must not look like drift.
    """
    rows = in_order(logged, since)
    current = from_log(reference, logged, rows)
    known = np.zeros(len(logged), dtype=bool)
    known[labelled.at] = True
    windows = np.array_split(known[rows], drift.window.of if drift.window else 1)
    if min(int(window.sum()) for window in windows) >= drift.min_rows:
        missing = np.nan if reference.task == "regression" else -1
        target = np.full(len(logged), missing, dtype=labelled.target.dtype)
        target[labelled.at] = labelled.target
        current = replace(current, target=Values(target[rows]))
    return judge_drift(reference, drift, current)
