"""The gate on robustness: how much worse the model is when its features are disturbed."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tagship.config.bound import Bound
from tagship.config.model import higher_is_better
from tagship.config.thresholds import Robustness
from tagship.gates.holdout import HoldoutPredictions
from tagship.gates.judging import judge, not_computed
from tagship.training.export import Score
from tagship.verdict import GateResult

_REPEATS = 3


def robustness_gates(
    gate: Robustness, holdout: HoldoutPredictions, score: Score
) -> Iterator[GateResult]:
    """The drop of the selection metric when the holdout's features are disturbed."""
    metric = holdout.model.select.metric
    measured = holdout.measure(metric)
    for kind, amount in (("noise", gate.noise), ("missing", gate.missing)):
        if amount == 0:
            continue
        subject, bound = f"drop in {metric} with {amount:g} {kind}", Bound(fail_above=gate.max_drop)
        drops, why = [], ""
        for repeat in range(_REPEATS):
            generator = np.random.default_rng([holdout.model.select.seed, repeat])
            disturbed = _disturb(holdout, kind, amount, generator)
            scores = score(disturbed)
            unscored = int((~np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)).sum())
            if unscored:
                why = f"{unscored} rows get no finite score: set `impute`, or mend the candidate"
            elif np.array_equal(disturbed, holdout.evidence.matrix, equal_nan=True):
                why = f"no value was disturbed: raise `{kind}`, or remove it"
            if why:
                break
            change = measured - holdout.measure(metric, scores)
            drops.append(change if higher_is_better(metric) else -change)
        if why:
            yield not_computed("robustness", subject, bound.limits, why)
        else:
            yield judge("robustness", subject, float(np.mean(drops)), bound, f"{_REPEATS} repeats")


def _disturb(
    holdout: HoldoutPredictions, kind: str, amount: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Numbers moved, and words left out; or values missing, a text with all of its words."""
    matrix, boundary = holdout.evidence.matrix.copy(), holdout.boundary
    numbers, words = boundary.numbers, boundary.words
    codes = slice(words.stop, None)
    if kind == "noise":
        spread = np.nanstd(matrix[:, numbers], axis=0)
        matrix[:, numbers] += (
            generator.standard_normal((len(matrix), numbers.stop)) * spread * amount
        ).astype(np.float32)
        matrix[:, words][generator.random(matrix[:, words].shape) < amount] = 0
        return matrix
    hit = generator.random(matrix.shape) < amount
    for _, place in boundary.inputs:
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
