"""Gates on how well the model predicts, on average, by group and when disturbed."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tagship.config.bound import Bound
from tagship.config.metrics import higher_is_better
from tagship.config.model import ModelConfig
from tagship.config.thresholds import (
    Baseline,
    Champion,
    Fairness,
    MetricBound,
    Robustness,
    Slices,
)
from tagship.contract.boundary import Boundary
from tagship.formatting import brief
from tagship.gates.judging import judge, not_computed
from tagship.training import metrics
from tagship.training.bootstrap import defined, paired_drop
from tagship.training.bundle import Evidence
from tagship.training.export import Score
from tagship.training.lock import Interval
from tagship.verdict import GateResult, GateStatus

_REPEATS = 3


class Judge:
    """One model's holdout predictions, measured in one way by every gate."""

    def __init__(self, model: ModelConfig, boundary: Boundary, evidence: Evidence) -> None:
        self.model, self.boundary, self.evidence = model, boundary, evidence

    def measure(
        self,
        metric: str,
        scores: NDArray[np.floating] | None = None,
        rows: NDArray[np.bool_] | None = None,
    ) -> float:
        """A metric of the artifact's scores, or of others, over all or some holdout rows."""
        values = self.evidence.scores if scores is None else scores
        target, weights = self.evidence.target, self.evidence.weights
        if rows is not None:
            values, target = values[rows], target[rows]
            weights = None if weights is None else weights[rows]
        model, classes = self.model, self.boundary.classes
        threshold = self.boundary.threshold
        return metrics.value(metric, model.task, target, values, classes, threshold, weights)


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


def baseline_gate(gate: Baseline, by: Judge) -> GateResult:
    """The gain over the best constant prediction, which sees no feature."""
    best = _best_constant(gate.metric, by)
    measured = by.measure(gate.metric)
    gain = measured - best if higher_is_better(gate.metric) else best - measured
    return judge(
        "baseline",
        f"gain in {gate.metric}",
        gain,
        Bound(fail_below=gate.margin),
        f"{brief(measured)} against {brief(best)} of the best constant",
    )


def _best_constant(metric: str, by: Judge) -> float:
    train, rows = by.evidence.train_target, len(by.evidence.target)
    weights = by.evidence.train_weights
    mean = np.average(train, weights=weights)
    constants: list[NDArray[np.floating]]
    if by.model.task == "regression":
        constants = [np.full(rows, mean), np.full(rows, _median(train, weights))]
    elif by.model.task == "binary":
        constants = [np.full(rows, share) for share in (mean, 0.0, 1.0)]
    else:
        counts = np.bincount(train, weights, minlength=len(by.boundary.classes))
        shares = counts / counts.sum()
        constants = [np.tile(row, (rows, 1)) for row in (shares, *np.eye(len(shares)))]
    values = [by.measure(metric, scores) for scores in constants]
    return max(values) if higher_is_better(metric) else min(values)


def _median(values: NDArray[np.float64], weights: NDArray[np.float64] | None) -> float:
    if weights is None:
        return float(np.median(values))
    order = np.argsort(values)
    half = np.searchsorted(weights[order].cumsum(), weights.sum() / 2)
    return float(values[order][half])


def champion_gate(
    gate: Champion, by: Judge, champion: NDArray[np.floating], threshold: float, name: str
) -> GateResult:
    """The drop from the champion's metric on the same rows.

    With ``paired_bootstrap`` a drop over ``max_drop`` fails when it is also significant at
    ``alpha`` (one-sided) and warns when it may be chance; a smaller significant drop warns.
    """
    challenger_value, champion_value = by.measure(gate.metric), metrics.value(
        gate.metric, by.model.task, by.evidence.target, champion, by.boundary.classes, threshold,
        by.evidence.weights,
    )  # fmt: skip
    sign = 1 if higher_is_better(gate.metric) else -1
    drop = sign * (champion_value - challenger_value)
    subject, limit = f"drop in {gate.metric}", f"≤ {gate.max_drop:g}"
    if not np.isfinite(drop):
        return not_computed(
            "champion", subject, limit, f"{gate.metric} is undefined on the holdout"
        )
    detail = f"{brief(challenger_value)} against {brief(champion_value)} of {name}"
    too_large = drop > gate.max_drop
    significant = True
    if gate.test == "paired_bootstrap":
        draws = sign * paired_drop(
            gate.metric,
            by.model.task,
            by.evidence.target,
            champion,
            by.evidence.scores,
            by.boundary.classes,
            (threshold, by.boundary.threshold),
            by.model.select.seed,
            gate.alpha,
            by.evidence.weights,
        )
        finite_draws = defined(draws)
        if finite_draws is None:
            why = (
                f"{gate.metric} is undefined on too many resamples, which lack a class: enlarge the"
                " holdout, choose another metric, or set `test: none`"
            )
            return not_computed("champion", subject, limit, why)
        p_value = (1 + int((finite_draws <= 0).sum())) / (1 + len(finite_draws))
        significant = p_value < gate.alpha
        low, high = np.percentile(finite_draws, [2.5, 97.5])
        detail += f"; 95 % interval {brief(low)} to {brief(high)}, p = {p_value:.3g}"
    status: GateStatus = "pass"
    if too_large:
        status = "fail" if significant else "warn"
    elif significant and gate.test == "paired_bootstrap":
        status = "warn"
    return GateResult(
        gate="champion", subject=subject, value=drop, limit=limit, status=status, detail=detail
    )


def slice_gates(gate: Slices, by: Judge) -> Iterator[GateResult]:
    """The metric within each group of each column, and the gap between the groups."""
    for column in gate.by:
        values = by.evidence.groups.get(column)
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
            values_by_group[group] = by.measure(gate.metric, rows=rows)
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


def fairness_gates(gate: Fairness, by: Judge) -> Iterator[GateResult]:
    """fairlearn's differences between groups, over the groups that are large enough."""
    from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

    measures = {
        "demographic_parity_difference": demographic_parity_difference,
        "equalized_odds_difference": equalized_odds_difference,
    }
    values, target = by.evidence.groups.get(gate.by), by.evidence.target
    weights = by.evidence.weights
    # As float64, as in the service: a float32 would be compared with a rounded threshold.
    decided = by.evidence.scores.astype(np.float64) >= by.boundary.threshold
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


def robustness_gates(gate: Robustness, by: Judge, score: Score) -> Iterator[GateResult]:
    """The drop of the selection metric when the holdout's features are disturbed."""
    metric = by.model.select.metric
    measured = by.measure(metric)
    for kind, amount in (("noise", gate.noise), ("missing", gate.missing)):
        if amount == 0:
            continue
        subject, bound = f"drop in {metric} with {amount:g} {kind}", Bound(fail_above=gate.max_drop)
        drops, why = [], ""
        for repeat in range(_REPEATS):
            generator = np.random.default_rng([by.model.select.seed, repeat])
            disturbed = _disturb(by, kind, amount, generator)
            scores = score(disturbed)
            unscored = int((~np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)).sum())
            if unscored:
                why = f"{unscored} rows get no finite score: set `impute`, or mend the candidate"
            elif np.array_equal(disturbed, by.evidence.matrix, equal_nan=True):
                why = f"no value was disturbed: raise `{kind}`, or take it out where it finds none"
            if why:
                break
            change = measured - by.measure(metric, scores)
            drops.append(change if higher_is_better(metric) else -change)
        if why:
            yield not_computed("robustness", subject, bound.limits, why)
        else:
            yield judge("robustness", subject, float(np.mean(drops)), bound, f"{_REPEATS} repeats")


def _disturb(
    by: Judge, kind: str, amount: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Numbers moved, and words left out; or values missing, a text with all of its words."""
    matrix, numbers, words = by.evidence.matrix.copy(), by.boundary.numbers, by.boundary.words
    codes = slice(words.stop, None)
    if kind == "noise":
        spread = np.nanstd(matrix[:, numbers], axis=0)
        matrix[:, numbers] += (
            generator.standard_normal((len(matrix), numbers.stop)) * spread * amount
        ).astype(np.float32)
        matrix[:, words][generator.random(matrix[:, words].shape) < amount] = 0
        return matrix
    hit = generator.random(matrix.shape) < amount
    for _, place in by.boundary.inputs:
        hit[:, place] = hit[:, place.start : place.start + 1]
    present = np.isfinite(matrix)
    present[:, words] &= matrix[:, words] > 0
    present[:, codes] &= matrix[:, codes] >= 0
    if not (hit & present).any() and present.any():  # a small table: one value all the same
        places = np.flatnonzero(present)
        hit.flat[places[generator.integers(len(places))]] = True
    for place, value in ((numbers, np.nan), (words, 0), (codes, -1)):
        matrix[:, place][hit[:, place]] = value
    return matrix
