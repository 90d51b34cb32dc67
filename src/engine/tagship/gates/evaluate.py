"""Judge one trained model by every gate of its thresholds.yaml."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.gates.artifact import latency_gate, parity_gate, size_gate
from tagship.gates.judging import not_computed
from tagship.gates.performance import (
    Judge,
    baseline_gate,
    champion_gate,
    fairness_gates,
    metric_gates,
    robustness_gates,
    slice_gates,
)
from tagship.training.bundle import Bundle
from tagship.training.export import artifact_scorer
from tagship.training.lock import lock_sha256
from tagship.verdict import GateResult, Verdict


class HoldoutScores(NamedTuple):
    """What a champion says of the holdout rows."""

    scores: NDArray[np.floating]
    threshold: float
    """The champion's own threshold: from this score on it predicts the positive class."""


@dataclass(frozen=True)
class ChampionScores:
    """What production runs, and how to score the holdout rows with it."""

    release: str
    score: Callable[[], HoldoutScores]
    """It may raise a TagshipError."""


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
    by = Judge(files.model, bundle.boundary, evidence)
    yield from metric_gates(gates.metrics, bundle.lock.metrics)
    yield baseline_gate(gates.baseline, by)
    if gates.champion is not None and champion is not None:
        try:
            champion_scores, threshold = champion.score()
            if not np.isfinite(champion_scores).all():
                raise TagshipError("it gives rows no finite score")
            yield champion_gate(gates.champion, by, champion_scores, threshold, champion.release)
        except (TagshipError, ValueError, KeyError) as error:
            limit = f"≤ {gates.champion.max_drop:g}"
            said = error.args[0] if isinstance(error, TagshipError) else error
            said = " ".join(str(said).split())
            why = (
                f"{champion.release} cannot be scored on these rows: {said}; to go on without it,"
                " take `champion` out of thresholds.yaml, which its owners review"
            )
            yield not_computed("champion", f"drop in {gates.champion.metric}", limit, why)
    if gates.slices is not None:
        yield from slice_gates(gates.slices, by)
    if gates.fairness is not None:
        yield from fairness_gates(gates.fairness, by)
    if gates.robustness is not None:
        yield from robustness_gates(gates.robustness, by, score)
    if gates.latency is not None:
        yield latency_gate(gates.latency, evidence.matrix, score)
    if gates.size is not None:
        yield size_gate(gates.size, bundle.artifact)
    yield parity_gate(gates.parity, evidence, files.model.task == "regression")
