"""Gates on how well the model predicts: by each metric, against a constant, and the champion."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tagship.config.bound import Bound
from tagship.config.model import higher_is_better
from tagship.config.thresholds import Baseline, Champion, MetricBound
from tagship.formatting import brief
from tagship.gates.holdout import HoldoutPredictions
from tagship.gates.judging import judge, not_computed
from tagship.training import metrics
from tagship.training.bootstrap import defined_draws, paired_drop
from tagship.training.lock import Interval
from tagship.verdict import GateResult, GateStatus


def metric_gates(
    bounds: dict[str, MetricBound], measured: dict[str, Interval]
) -> Iterator[GateResult]:
    """Each declared metric, on its value or on the worse end of its interval."""
    for name, bound in bounds.items():
        interval = measured.get(name)
        if interval is None:
            why = (
                "the holdout, or too many of its resamples, cannot define it: enlarge the holdout,"
                " or judge another metric"
            )
            yield not_computed("metrics", name, bound.limits, why)
            continue
        value = interval.value
        if bound.judge == "interval":
            value = interval.low if bound.below else interval.high
        detail = f"95 % interval {brief(interval.low)} to {brief(interval.high)}"
        if bound.judge == "interval":
            detail += f" of {brief(interval.value)}; its worse end is judged"
        yield judge("metrics", name, value, bound, detail)


def baseline_gate(gate: Baseline, holdout: HoldoutPredictions) -> GateResult:
    """The gain over the best constant prediction, which sees no feature."""
    best = _best_constant(gate.metric, holdout)
    measured = holdout.measure(gate.metric)
    gain = measured - best if higher_is_better(gate.metric) else best - measured
    return judge(
        "baseline",
        f"gain in {gate.metric}",
        gain,
        Bound(fail_below=gate.margin),
        f"{brief(measured)} against {brief(best)} of the best constant",
    )


def _best_constant(metric: str, holdout: HoldoutPredictions) -> float:
    train, rows = holdout.evidence.train_target, len(holdout.evidence.target)
    weights = holdout.evidence.train_weights
    mean = np.average(train, weights=weights)
    constants: list[NDArray[np.floating]]
    if holdout.model.task == "regression":
        constants = [np.full(rows, mean), np.full(rows, _median(train, weights))]
    elif holdout.model.task == "binary":
        constants = [np.full(rows, share) for share in (mean, 0.0, 1.0)]
    else:
        counts = np.bincount(train, weights, minlength=len(holdout.boundary.classes))
        shares = counts / counts.sum()
        constants = [np.tile(row, (rows, 1)) for row in (shares, *np.eye(len(shares)))]
    values = [holdout.measure(metric, scores) for scores in constants]
    return max(values) if higher_is_better(metric) else min(values)


def _median(values: NDArray[np.float64], weights: NDArray[np.float64] | None) -> float:
    if weights is None:
        return float(np.median(values))
    order = np.argsort(values)
    half = np.searchsorted(weights[order].cumsum(), weights.sum() / 2)
    return float(values[order][half])


def champion_gate(
    gate: Champion,
    holdout: HoldoutPredictions,
    champion: NDArray[np.floating],
    threshold: float,
    name: str,
) -> GateResult:
    """The drop from the champion's metric on the same rows.

    With ``paired_bootstrap`` a drop over ``max_drop`` fails when it is also significant at
    ``alpha`` (one-sided) and warns when it may be chance; a smaller significant drop warns.
    """
    evidence, boundary, task = holdout.evidence, holdout.boundary, holdout.model.task
    ours = holdout.measure(gate.metric)
    theirs = metrics.value(
        gate.metric, task, evidence.target, champion, boundary.classes, threshold, evidence.weights
    )
    sign = 1 if higher_is_better(gate.metric) else -1
    drop = sign * (theirs - ours)
    subject, limit = f"drop in {gate.metric}", f"≤ {gate.max_drop:g}"
    if not np.isfinite(drop):
        why = f"{gate.metric} is undefined on the holdout"
        return not_computed("champion", subject, limit, why)
    detail = f"{brief(ours)} against {brief(theirs)} of {name}"
    status: GateStatus = "fail" if drop > gate.max_drop else "pass"
    if gate.test == "paired_bootstrap":
        draws = defined_draws(sign * _drops(gate, holdout, champion, threshold))
        if draws is None:
            why = (
                f"{gate.metric} is undefined on too many resamples, which lack a class: enlarge the"
                " holdout, choose another metric, or set `test: none`"
            )
            return not_computed("champion", subject, limit, why)
        p_value = (1 + int((draws <= 0).sum())) / (1 + len(draws))
        if (p_value < gate.alpha) != (status == "fail"):
            status = "warn"
        low, high = np.percentile(draws, [2.5, 97.5])
        detail += f"; 95 % interval {brief(low)} to {brief(high)}, p = {p_value:.3g}"
    return GateResult(
        gate="champion", subject=subject, value=drop, limit=limit, status=status, detail=detail
    )


def _drops(
    gate: Champion, holdout: HoldoutPredictions, champion: NDArray[np.floating], threshold: float
) -> NDArray[np.float64]:
    """The champion's metric less the model's, on resampled rows."""
    evidence, boundary, model = holdout.evidence, holdout.boundary, holdout.model
    return paired_drop(
        gate.metric, model.task, evidence.target, champion, evidence.scores, boundary.classes,
        (threshold, boundary.threshold), model.select.seed, gate.alpha, evidence.weights,
    )  # fmt: skip
