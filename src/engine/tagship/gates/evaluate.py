"""Judge one trained model by every gate of its thresholds.yaml."""

from collections.abc import Iterator

from tagship.config.project_files import ModelFiles
from tagship.gates.artifact import latency_gate, parity_gate, size_gate
from tagship.gates.behaviour import behaviour_gates
from tagship.gates.groups import fairness_gates, slice_gates
from tagship.gates.holdout import ChampionScores, HoldoutPredictions
from tagship.gates.judging import not_computed
from tagship.gates.leakage import leakage_gate
from tagship.gates.performance import baseline_gate, champion_gate, metric_gates
from tagship.gates.robustness import robustness_gates
from tagship.training.bundle import Bundle
from tagship.training.export import artifact_scorer
from tagship.training.lock import lock_sha256
from tagship.verdict import GateResult, Verdict


def evaluate_gates(
    files: ModelFiles, bundle: Bundle, champion: ChampionScores | None = None
) -> Verdict:
    """The verdict over every declared gate; what cannot be computed fails."""
    return Verdict(
        model=files.name,
        artifact_sha256=bundle.lock.artifact.sha256,
        thresholds_sha256=files.thresholds_sha256,
        champion=champion.release if champion else None,
        results=list(_results(files, bundle, champion)),
        lock_sha256=lock_sha256(bundle.lock),
    )


def _results(
    files: ModelFiles, bundle: Bundle, champion: ChampionScores | None
) -> Iterator[GateResult]:
    gates, evidence = files.thresholds, bundle.evidence
    score = artifact_scorer(bundle.artifact, files.model.task)
    holdout = HoldoutPredictions(files.model, bundle.boundary, evidence)
    yield from metric_gates(gates.metrics, bundle.lock.metrics)
    yield baseline_gate(gates.baseline, holdout)
    if champion is not None:
        yield from _champion_results(files, bundle, holdout, champion)
    if gates.leakage is not None:
        yield from leakage_gate(gates.leakage, files, bundle)
    if gates.slices is not None:
        yield from slice_gates(gates.slices, holdout)
    if gates.fairness is not None:
        yield from fairness_gates(gates.fairness, holdout)
    if gates.robustness is not None:
        yield from robustness_gates(gates.robustness, holdout, score)
    if gates.latency is not None:
        yield latency_gate(gates.latency, evidence.matrix, score)
    if gates.size is not None:
        yield size_gate(gates.size, bundle.artifact)
    yield parity_gate(gates.parity, evidence, files.model.task == "regression")


def _champion_results(
    files: ModelFiles, bundle: Bundle, holdout: HoldoutPredictions, champion: ChampionScores
) -> Iterator[GateResult]:
    """The gates that need the champion's scores; it is scored only for them."""
    gates = files.thresholds
    limits = {}
    if gates.champion is not None:
        limits["champion"] = f"drop in {gates.champion.metric}", f"≤ {gates.champion.max_drop:g}"
    if gates.behaviour is not None:
        limits["behaviour"] = "flips", gates.behaviour.flips.limits
    outcome = champion.outcome if limits else ""
    if isinstance(outcome, str):
        for gate, (subject, limit) in limits.items():
            why = (
                f"{champion.release} cannot be scored on these rows: {outcome}; to go on without"
                f" it, take `{gate}` out of thresholds.yaml, which its owners review"
            )
            yield not_computed(gate, subject, limit, why)
        return
    if gates.champion is not None:
        scores, threshold = outcome.scores, outcome.threshold
        yield champion_gate(gates.champion, holdout, scores, threshold, champion.release)
    if gates.behaviour is not None:
        yield from behaviour_gates(gates.behaviour, bundle, outcome)
