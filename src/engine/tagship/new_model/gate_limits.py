"""Gates that the winner of a new model's own table passes, with room, or else is worse than none.

The proposed candidates are trained once, before any file is in place, and every gate is computed.
"""

from typing import Any

import numpy as np

from tagship.compute.tasks import Say
from tagship.config.model import higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.data.table import Table
from tagship.errors import TagshipError
from tagship.gates.evaluate import evaluate_gates
from tagship.new_model.draft import Draft
from tagship.new_model.file_texts import propose_thresholds
from tagship.new_model.rounding import round_down, round_up
from tagship.training.bootstrap import paired_drop
from tagship.training.bundle import Bundle
from tagship.training.lock import Interval
from tagship.training.train import train
from tagship.verdict import GateResult, Verdict

MOST_ROWS = 20_000
"""A larger table's gates are not tried: its holdout computes them all, and training takes long."""
_CHANCE = 0.025
_ROOM = 1.5
_LEAST_ROOM = 0.05
"""The share of a value that its limit lies beyond the interval at least: a small holdout that is
all right has none, and another candidate may win by a hair on another machine."""
_LARGEST_PARITY = 1e-2
_OTHER_METRICS = {"roc_auc": "accuracy", "f1": "accuracy", "r2": "rmse"}


def prove_gates(
    files: ModelFiles, table: Table, draft: Draft, say: Say = lambda _: None
) -> tuple[dict[str, Any], list[str]]:
    """The sections of thresholds.yaml as the winner keeps them, and what a person should know."""
    thresholds = propose_thresholds(draft)
    if len(table.frame) > MOST_ROWS:
        return thresholds, [f"gates were not tried: the table has more than {MOST_ROWS:,} rows"]
    try:
        bundle = train(files, say, table)
    except TagshipError as error:
        return thresholds, [f"gates were not tried: {error.args[0]}"]
    say("computing every gate, to set its limit")
    verdict = evaluate_gates(files, bundle)
    gained = next(result for result in verdict.results if result.gate == "baseline")
    proved = _computable(thresholds, verdict, bundle.lock.metrics)
    if gained.value is None or gained.value <= 0:
        why = "no candidate is better than a constant: `tagship run` will refuse them"
        return proved, [f"{why} ({gained.detail})"]
    if gained.status == "fail" and _may_be_chance(files, bundle, thresholds["baseline"]["metric"]):
        why = "no candidate is surely better than a constant: `tagship run` will refuse them"
        return proved, [f"{why} ({gained.detail})"]
    proved["metrics"] = {
        name: _bound(bound, bundle.lock.metrics[name]) for name, bound in proved["metrics"].items()
    }
    remarks = []
    for section, result in _failed(proved, verdict):
        remark = _widen(proved, section, result)
        remarks.append(f"{section}: {remark}" if remark else f"{section}: {result.subject} fails")
    return proved, remarks


def _may_be_chance(files: ModelFiles, bundle: Bundle, metric: str) -> bool:
    """Whether the winner may be no better than a constant on the training rows, each judged by a
    fit that did not see it: a small gain on the holdout may be that of the luckiest candidate."""
    folds, task, boundary = bundle.out_of_fold, files.model.task, bundle.boundary
    winner = folds.scores[bundle.lock.winner.candidate]
    if task == "multiclass":
        counts = np.bincount(folds.target, minlength=len(boundary.classes))
        constant = np.tile(counts / counts.sum(), (len(winner), 1))
    else:
        constant = np.full(len(winner), folds.target.mean())
    thresholds = (boundary.threshold, boundary.threshold)
    gains = paired_drop(metric, task, folds.target, winner, constant, boundary.classes, thresholds)
    gains = gains if higher_is_better(metric) else -gains
    return bool(np.nanquantile(gains, _CHANCE) <= 0)


def _computable(
    thresholds: dict[str, Any], verdict: Verdict, measured: dict[str, Interval]
) -> dict[str, Any]:
    """The gates without those that this table cannot compute."""
    computable = dict(thresholds)
    metrics = {name: bound for name, bound in computable["metrics"].items() if name in measured}
    if not metrics:
        substitute = next(_OTHER_METRICS[name] for name in computable["metrics"])
        way = "fail_above" if substitute == "rmse" else "fail_below"
        metrics = {substitute: {way: measured[substitute].value}}
    computable["metrics"] = metrics
    gates = {result.gate for result in verdict.results if result.value is None}
    for section in gates & {"slices", "fairness", "robustness", "leakage"}:
        del computable[section]
    return computable


def _bound(bound: dict[str, Any], interval: Interval) -> dict[str, Any]:
    """A limit beyond the worse end of the winner's interval, as far again as that is from its
    value; never a modest one that is stricter already."""
    least = _LEAST_ROOM * abs(interval.value)
    if "fail_above" in bound:
        limit = interval.high + max(interval.high - interval.value, least)
        return bound | {"fail_above": round_up(limit)}
    limit = interval.low - max(interval.value - interval.low, least)
    limit = int(limit * 100) / 100 if limit >= 0 else -round_up(-limit)
    worst = interval.low if bound.get("judge") == "interval" else interval.value
    modest = bound["fail_below"]
    return bound | {"fail_below": max(limit, modest) if worst >= modest else limit}


def _failed(thresholds: dict[str, Any], verdict: Verdict) -> list[tuple[str, GateResult]]:
    """The worst failure of each section that is left, apart from metrics, whose limits follow."""
    worst: dict[str, GateResult] = {}
    for result in verdict.of_status("fail"):
        if result.gate not in thresholds or result.gate == "metrics" or result.value is None:
            continue
        former = worst.get(result.gate)
        if former is None or abs(result.value) > abs(former.value or 0.0):
            worst[result.gate] = result
    return list(worst.items())


def _widen(thresholds: dict[str, Any], section: str, result: GateResult) -> str:
    """Give a section's limit room for the winner; says what was done."""
    value, content = result.value, dict(thresholds[section])
    assert value is not None
    thresholds[section] = content
    finding = f"{result.subject} is {value:.3g}"
    match section:
        case "baseline":
            content["margin"] = round_down(value / _ROOM)
        case "robustness":
            content["max_drop"] = round_up(value * _ROOM)
        case "size":
            content["artifact_mb"] = {"fail_above": round_up(value * _ROOM)}
        case "latency":
            content["p99_ms"] = {"fail_above": round_up(value * _ROOM)}
        case "parity" if value * _ROOM <= _LARGEST_PARITY:
            content["max_difference"] = round_up(value * _ROOM)
        case "fairness":
            content["demographic_parity_difference"] = {"fail_above": round_up(value * _ROOM)}
        case "leakage":
            return result.detail
        case "slices":
            del thresholds[section]
            return f"left out: {finding}, wanted {result.limit}"
        case _:
            return ""
    return f"the limit has room for the winner: {finding}, {result.limit} was proposed"
