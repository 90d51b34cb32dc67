"""``reports/comparison.json``: models, their candidates, and each candidate's metrics."""

from typing import Literal

from tagship.config.base_model import Frozen
from tagship.training.lock import Interval

State = Literal["trained", "changed", "removed", "not trained"]
"""Whether model.yaml still says what was trained."""


class FoldFigures(Frozen):
    """A metric of a candidate over the folds."""

    mean: float
    std: float
    """How much it varies from fold to fold: the smaller, the more stable."""
    folds: list[float] | None
    """Of each fold; null where they are not recorded."""


class Lead(Frozen):
    """How far the best candidate is ahead: positive whichever way the metric is better."""

    difference: float
    low: float
    high: float
    """The bounds of the 95 % interval."""
    p_value: float
    corrected_p_value: float
    """By Holm's method, for all candidates that are compared with the best of this model."""


class AgainstBest(Frozen):
    """The best candidate against this one."""

    best: str
    rows: Lead | None
    """Bootstrap of the same out-of-fold rows; null where they are not here."""
    folds: Lead | None
    """Corrected t test of the same folds; null where their values are not recorded."""
    told_apart: bool | None
    """Whether every test that could be made says so; null where none could."""


class CandidateFigures(Frozen):
    """One candidate of ``model.yaml`` or of the lock."""

    state: State
    estimator: str
    winner: bool = False
    metrics: dict[str, FoldFigures] = {}
    seconds: float | None = None
    """Fitting and judging it in every fold."""
    against_best: AgainstBest | None = None
    """Null for the best itself."""
    tuned: bool = False
    """Its parameters are the best of a tuning that MLflow has."""
    front: bool = False
    """No other candidate is at least as good and as cheap, and better in either."""


class ArtifactFigures(Frozen):
    """One trained artifact: of a run, of a release, of the lock."""

    sha256: str
    releases: list[str] = []
    locked: bool = False
    time: str | None = None
    """When it was recorded, or else released (ISO 8601, UTC)."""
    candidate: str | None = None
    same_rows: bool = False
    """Whether it was measured on the holdout of the lock; others are not comparable."""
    quality: Interval | None = None
    """The selection metric on its holdout."""
    seconds: float | None = None
    """Fitting and judging its candidate in every fold."""
    bytes: int | None = None
    p99_ms: float | None = None
    """Of single-row predictions, as the latency gate measured it."""
    verdict: str | None = None
    front: bool = False
    """No other on the same rows is at least as good in all that is recorded of this one (quality,
    seconds, bytes, p99), and better in any."""


class TuningFigures(Frozen):
    """One tuning, as MLflow has it."""

    run: str
    candidate: str | None
    time: str
    states: dict[str, int]
    """How many trials ended how."""
    best: float | None
    params: dict[str, str]
    """Of the best trial."""
    values: list[float]
    """Of the complete trials, in their order, over the tuning's own folds."""


class LearningPoint(Frozen):
    """The winner, fitted to a share of the training rows of each fold."""

    share: float
    rows: int
    """That were fitted to, on average over the folds."""
    mean: float
    std: float


class LearningCurve(Frozen):
    """How much more rows would help, judged by the folds and never by the holdout."""

    candidate: str
    metric: str
    points: list[LearningPoint]


class ModelFigures(Frozen):
    """One model."""

    task: str
    metric: str
    """By which the winner is chosen."""
    higher_is_better: bool
    folds: int
    winner: str | None = None
    """Null where nothing is trained."""
    candidates: dict[str, CandidateFigures]
    """Best first."""
    holdout: dict[str, Interval] = {}
    """The winner's metrics, as the lock has them."""
    artifacts: list[ArtifactFigures] = []
    """Oldest first."""
    tuning: list[TuningFigures] = []
    learning_curve: LearningCurve | None = None
    conclusion: list[str]
    not_recorded: list[str]
    """What could not be shown, why, and which command records it."""


class Comparison(Frozen):
    """All models that were compared."""

    models: dict[str, ModelFigures]
    removed: dict[str, int]
    """Models that config/ no longer has, and how many trainings MLflow has of them."""
    method: str
    """How it was decided whether two candidates differ."""
    notes: list[str]
