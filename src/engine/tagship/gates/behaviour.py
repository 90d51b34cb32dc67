"""How the champion and a training differ on the holdout, and the gate on it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.behaviour.difference import (
    Behaviour,
    BehaviourChange,
    Group,
    Importance,
    Pair,
    calibration,
    describe_moves,
    value_change,
)
from tagship.behaviour.words import directions
from tagship.config.model import higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.config.thresholds import BehaviourGate
from tagship.formatting import signed
from tagship.gates.holdout import ChampionScores, HoldoutScores
from tagship.gates.judging import judge, not_computed
from tagship.reports.diagnosis import (
    HoldoutRow,
    decision_text,
    is_uploaded,
    shown_columns,
)
from tagship.reports.importance import sample_rows, shuffled_scores
from tagship.training import metrics
from tagship.training.bundle import Bundle
from tagship.training.export import artifact_scorer
from tagship.training.lock import lock_sha256
from tagship.verdict import GateResult

_MOST_SHUFFLED = 1000
_MOST_MOVED = 12


def behaviour_gates(
    gate: BehaviourGate, bundle: Bundle, champion: HoldoutScores
) -> Iterator[GateResult]:
    """The share of rows with another decision: of all rows, and of each group that is declared."""
    pair = Pair(bundle, champion.scores, champion.threshold)
    yield _judge(gate, pair.group())
    for column in gate.by:
        why, large = "the holdout has no such column; train again", list[Group]()
        if column in bundle.evidence.groups:
            large, _ = pair.slices(column, gate.min_rows)
            few = f"no group has {gate.min_rows} rows"
            why = f"{few}: lower `min_rows`, or take {column} out of `by`"
        if not large:
            yield not_computed("behaviour", f"flips by {column}", gate.flips.limits, why)
        for group in large:
            yield _judge(gate, group)


def _judge(gate: BehaviourGate, group: Group) -> GateResult:
    where = f" where {group.column} = {group.value}" if group.column else ""
    detail = f"{group.flipped:,} of {group.rows:,} rows"
    if group.flips:
        detail += f": {directions(group)}"
    return judge("behaviour", f"flips{where}", group.share, gate.flips, detail)


def compare_behaviour(
    files: ModelFiles, bundle: Bundle, champion: ChampionScores | None
) -> Behaviour | None:
    """How a training differs from the champion; None without one, or when no gate scores it."""
    gates, evidence = files.thresholds, bundle.evidence
    if champion is None or not (gates.champion or gates.behaviour):
        return None
    outcome = champion.outcome
    about = Behaviour(
        model=files.name, champion=champion.release, lock_sha256=lock_sha256(bundle.lock)
    )
    problem = f"{champion.release} cannot be scored: {outcome}" if isinstance(outcome, str) else ""
    if not np.isfinite(evidence.scores).all():
        problem = "the new model gives rows no finite score"
    if problem or isinstance(outcome, str):
        return about.model_copy(update={"problem": problem})
    pair = Pair(bundle, outcome.scores, outcome.threshold)
    section = gates.behaviour if gates.behaviour and gates.behaviour.by else gates.slices
    by, least = (section.by, section.min_rows) if section else ([], 0)
    slices = {name: pair.slices(name, least) for name in by if name in evidence.groups}
    inputs, champion_inputs = {name for name, _ in bundle.boundary.inputs}, set(outcome.names)
    difference = BehaviourChange(
        tolerance=pair.tolerance,
        overall=pair.group(),
        slices=sorted((g for large, _ in slices.values() for g in large), key=lambda g: -g.share),
        min_rows=least,
        small={name: small for name, (_, small) in slices.items() if small},
        moves=describe_moves(pair),
        before=calibration(bundle, outcome.scores),
        after=calibration(bundle, evidence.scores),
        metric=files.model.select.metric,
        importance=_importance(files, bundle, outcome),
        value=value_change(gates.value, pair) if gates.value else None,
        new_features=sorted(inputs - champion_inputs),
        lost_features=sorted(champion_inputs - inputs),
    )
    return about.model_copy(update={"difference": difference})


def shuffled_sample(bundle: Bundle) -> dict[str, NDArray[np.int64]]:
    """The holdout rows on which importance is compared, and the order that shuffles them."""
    generator = np.random.default_rng(bundle.lock.inputs.model["select"]["seed"])
    rows = sample_rows(bundle, generator, _MOST_SHUFFLED)
    return {"rows": rows, "order": generator.permutation(len(rows))}


def _importance(
    files: ModelFiles, bundle: Bundle, champion: HoldoutScores
) -> list[Importance] | None:
    """Both models' permutation importances, the largest change first; None where undefined."""
    if champion.shuffled is None:
        return None
    sample, boundary = shuffled_sample(bundle), bundle.boundary
    matrix = bundle.evidence.matrix[sample["rows"]]
    target = bundle.evidence.target[sample["rows"]]
    metric, task = files.model.select.metric, files.model.task

    def losses(
        names: tuple[str, ...], scores: Sequence[NDArray[Any]], threshold: float
    ) -> dict[str, float]:
        values = [
            metrics.value(metric, task, target, s, boundary.classes, threshold) for s in scores
        ]
        sign = 1 if higher_is_better(metric) else -1
        return {n: sign * (values[0] - v) + 0.0 for n, v in zip(names, values[1:], strict=True)}

    score = artifact_scorer(bundle.artifact, task)
    shuffled = shuffled_scores(score, boundary, matrix, sample["order"])
    before = losses(champion.names, list(champion.shuffled), champion.threshold)
    after = losses(tuple(name for name, _ in boundary.inputs), shuffled, boundary.threshold)
    if not np.isfinite([*before.values(), *after.values()]).all():
        return None
    changes = [
        Importance(feature=name, before=before.get(name), after=after.get(name))
        for name in dict.fromkeys([*after, *before])
    ]
    return sorted(changes, key=lambda change: -abs((change.after or 0) - (change.before or 0)))


def moved_rows(
    files: ModelFiles,
    bundle: Bundle,
    champion: ChampionScores | None,
    importances: Sequence[tuple[str, float]] = (),
) -> list[HoldoutRow]:
    """The holdout rows whose score moved most, with a few features that are no personal data.

    None in CI (the variable ``CI`` is set), whose reports are uploaded, and without a champion.

    Args:
        importances: from ``importance``: its first features are shown.
    """
    evidence, boundary = bundle.evidence, bundle.boundary
    if is_uploaded() or evidence.rows is None:
        return []
    if champion is None or isinstance(champion.outcome, str):
        return []
    pair = Pair(bundle, champion.outcome.scores, champion.outcome.threshold)
    moves, (before, after) = pair.moves, pair.decisions
    rows = np.argsort(-np.abs(moves), kind="stable")[:_MOST_MOVED]
    rows = rows[moves[rows] != 0]
    return [
        HoldoutRow(
            number=int(evidence.rows[row]) + 1,
            actual=decision_text(boundary, evidence.target[row]),
            predicted=decision_text(boundary, after[row]),
            distance=signed(float(moves[row])),
            columns=columns,
            before=decision_text(boundary, before[row]),
        )
        for row, columns in zip(rows, shown_columns(files, bundle, rows, importances), strict=True)
    ]
