"""Gates on groups of rows: the metric in each slice, and fairness between groups."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tagship.config.bound import Bound
from tagship.config.thresholds import Fairness, Slices
from tagship.gates.holdout import HoldoutPredictions
from tagship.gates.judging import judge, not_computed
from tagship.verdict import GateResult


def slice_gates(gate: Slices, holdout: HoldoutPredictions) -> Iterator[GateResult]:
    """The metric within each group of each column, and the gap between the groups."""
    for column in gate.by:
        values = holdout.evidence.groups.get(column)
        if values is None:
            yield not_computed("slices", column, "", "the holdout has no such column; train again")
            continue
        values_by_group: dict[str, float] = {}
        small = []
        for group in sorted(set(values.tolist())):
            rows = values == group
            if rows.sum() < gate.min_rows:
                small.append(f"{group} ({int(rows.sum())} rows)")
                continue
            values_by_group[group] = holdout.measure(gate.metric, rows=rows)
            if gate.fail_below is not None or gate.fail_above is not None:
                bound = Bound(fail_below=gate.fail_below, fail_above=gate.fail_above)
                subject = f"{gate.metric} where {column} = {group}"
                yield judge(
                    "slices", subject, values_by_group[group], bound, f"{int(rows.sum())} rows"
                )
        left_out = f"not judged: {', '.join(small)}" if small else ""
        if not values_by_group:
            text = f"≥ {gate.min_rows} rows in a group"
            yield not_computed("slices", column, text, left_out or "no rows")
        elif gate.max_gap is not None:
            yield _gap(gate, gate.max_gap, column, values_by_group, left_out)


def _gap(
    gate: Slices, most: float, column: str, values_by_group: dict[str, float], left_out: str
) -> GateResult:
    subject, bound = f"gap in {gate.metric} by {column}", Bound(fail_above=most)
    undefined = [group for group, value in values_by_group.items() if not np.isfinite(value)]
    why = ""
    if undefined:
        why = (
            f"{gate.metric} is undefined where {column} = {', '.join(undefined)}: raise `min_rows`,"
            " or choose another metric"
        )
    elif len(values_by_group) < 2:
        why = (
            f"one group alone has {gate.min_rows} rows: lower `min_rows`, or take {column} out of"
            f" `by`; {left_out or 'there is no other'}"
        )
    if why:
        return not_computed("slices", subject, bound.limits, why)
    gap = max(values_by_group.values()) - min(values_by_group.values())
    return judge("slices", subject, gap, bound, left_out)


def fairness_gates(gate: Fairness, holdout: HoldoutPredictions) -> Iterator[GateResult]:
    """fairlearn's differences between groups, over the groups that are large enough."""
    from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

    measures = {
        "demographic_parity_difference": demographic_parity_difference,
        "equalized_odds_difference": equalized_odds_difference,
    }
    values, target = holdout.evidence.groups.get(gate.by), holdout.evidence.target
    weights = holdout.evidence.weights
    # As float64, as in the service: a float32 would be compared with a rounded threshold.
    decided = holdout.evidence.scores.astype(np.float64) >= holdout.boundary.threshold
    if weights is not None and values is not None:  # a row that counts nothing makes no group
        counted = weights > 0
        values, target = values[counted], target[counted]
        decided, weights = decided[counted], weights[counted]
    for name, measure in measures.items():
        bound = getattr(gate, name)
        if bound is None:
            continue
        subject = f"{name.replace('_', ' ')} by {gate.by}"
        if values is None:
            yield not_computed("fairness", subject, bound.limits, "no such column; train again")
            continue
        groups, counts = np.unique(values, return_counts=True)
        large = groups[counts >= gate.min_rows]
        if len(large) < 2:
            why = f"fewer than two groups of at least {gate.min_rows} rows"
            yield not_computed("fairness", subject, bound.limits, why)
            continue
        lacking = _without_a_class(target, values, large)
        if lacking and measure is equalized_odds_difference:
            why = (
                f"a rate is undefined where {gate.by} = {', '.join(lacking)}: raise `min_rows` to"
                " leave small groups out, or enlarge the holdout"
            )
            yield not_computed("fairness", subject, bound.limits, why)
            continue
        rows = np.isin(values, large)
        difference = measure(
            target[rows],
            decided[rows],
            sensitive_features=values[rows],
            sample_weight=None if weights is None else weights[rows],
        )
        yield judge("fairness", subject, float(difference), bound, f"groups: {', '.join(large)}")


def _without_a_class(
    target: NDArray[np.int64], values: NDArray[np.str_], groups: NDArray[np.str_]
) -> list[str]:
    """Groups whose true or false positive rate divides by zero, which fairlearn counts as 0."""
    lacking = []
    for group in groups:
        positives = target[values == group].astype(bool)
        if positives.all() or not positives.any():
            lacking.append(f"{group} (no {'negatives' if positives.any() else 'positives'})")
    return lacking
