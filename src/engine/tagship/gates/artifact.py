"""Gates on the artifact itself: latency, size, and parity with scikit-learn."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from tagship.config.bound import Bound
from tagship.config.thresholds import Latency, Parity, Size
from tagship.gates.judging import judge, not_computed
from tagship.training.bundle import Evidence
from tagship.training.export import Score
from tagship.verdict import GateResult

_CALLS = 2000
_WARM_UP = 50


def latency_gate(gate: Latency, matrix: NDArray[np.float32], score: Score) -> GateResult:
    """The 99th percentile of single-row predictions, in milliseconds, on this machine."""
    rows = [matrix[i : i + 1] for i in range(min(len(matrix), 256))]
    for row in rows[:_WARM_UP]:
        score(row)

    def timed(worker: int) -> list[float]:
        times = []
        for call in range(_CALLS // gate.concurrency):
            row = rows[(worker + call) % len(rows)]
            started = time.perf_counter()
            score(row)
            times.append(time.perf_counter() - started)
        return times

    with ThreadPoolExecutor(gate.concurrency) as pool:
        times = np.concatenate(list(pool.map(timed, range(gate.concurrency)))) * 1000
    p50, p99 = np.percentile(times, [50, 99])
    detail = f"p50 {p50:.3g} ms, {len(times)} calls, concurrency {gate.concurrency}"
    return judge("latency", "p99 ms", float(p99), gate.p99_ms, detail)


def size_gate(gate: Size, artifact: bytes) -> GateResult:
    """The artifact's size in MB (10⁶ bytes)."""
    return judge("size", "artifact MB", len(artifact) / 1e6, gate.artifact_mb)


def parity_gate(gate: Parity, evidence: Evidence, regression: bool) -> GateResult:
    """The largest difference between the artifact's and scikit-learn's scores."""
    subject, limit = "largest difference", f"≤ {gate.max_difference:g}"
    if evidence.scores.shape != evidence.pipeline_scores.shape:
        return not_computed("parity", subject, limit, "the two give scores of different shapes")
    differences = np.abs(
        evidence.scores.astype(np.float64) - evidence.pipeline_scores.astype(np.float64)
    )
    unit = float(np.std(evidence.target)) if regression else 1.0
    if not unit or not np.isfinite(differences).all():
        return not_computed("parity", subject, limit, "scores or target are not comparable")
    rows = int((differences > gate.max_difference * unit).sum())
    detail = f"over {len(evidence.target):,} holdout rows" + (f", {rows} moved" if rows else "")
    largest = float(differences.max()) / unit
    return judge("parity", subject, largest, Bound(fail_above=gate.max_difference), detail)
