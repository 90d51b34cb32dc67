"""``site.json``: all that the pages of the site show, for other tools to read, too.

What is recorded nowhere is null here and "not recorded" on a page; nothing is guessed. No row of
any table is in it, nothing but the name of a column that the contract drops or hashes, no address
with a password.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from tagship.comparison.document import TuningFigures
from tagship.config.base_model import Frozen
from tagship.config.model import Card, Task
from tagship.training.lock import Interval
from tagship.training.profiles import Profile
from tagship.verdict import GateResult, GateStatus, Verdict

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Stage = Literal["None", "Staging", "Production", "Archived"]
"""Where a release is: nowhere yet, in the first environment or one between, in the last, or it
was in one and is there no more."""


class Origin(Frozen):
    """Where a figure comes from."""

    text: str
    """A file with its commit, a tag, a branch or a run, as a person would name it."""
    url: str | None = None
    """Its page at the remote, where that has pages."""


class Attention(Frozen):
    """Something that somebody should do."""

    model: str | None
    kind: Literal["tag", "rejected", "review", "drift", "performance", "lock", "differs", "removed"]
    text: str
    command: str | None = None
    """What to type for it."""
    origin: Origin | None = None


class Place(Frozen):
    """One environment of one model: what runs there now."""

    environment: str
    release: str | None
    """Null when nothing was deployed; ``?`` when what Argo CD follows is not valid."""
    deployment: str | None
    since: str | None
    """The deployment's date as its tag says, in ISO 8601."""
    by: str | None
    reason: str | None
    verdict: GateStatus | None
    main: str
    """``same``, or what the default branch asks for, as `tagship status` says it."""
    waiting: str | None
    """The release that a reviewed pull request could bring here next."""
    rejected: list[str]
    observed: str | None
    """The last status of monitoring: ok, no data, warn, fail."""
    observed_at: str | None
    drift: str | None
    performance: str | None
    origin: Origin | None


class Kpi(Frozen):
    """A metric with the bounds that thresholds.yaml sets, and where the model stands."""

    name: str
    value: Interval | None
    higher_is_better: bool | None
    limits: list[str]
    """In words, such as ``fails below 0.6``."""
    fail: float | None
    warn: float | None
    status: GateStatus | None
    origin: Origin | None


class ContractColumn(Frozen):
    """A column of the contract and how it looked in training."""

    name: str
    dtype: str
    rule: str
    """Range, values or missing share that the contract allows, in words."""
    pii: str | None
    profile: Profile | None
    """Null for personal data, and where reference.json does not hold it."""
    gates: list[str] = []
    """Limits of its drift gate, in words."""


class Data(Frozen):
    """Where the table comes from and what is known of it."""

    source: str
    target: str
    id: str | None
    split: str
    sha256: str | None
    rows: int | None
    holdout_rows: int | None
    columns: list[ContractColumn]
    target_profile: Profile | None
    origin: Origin


class ScoredCandidate(Frozen):
    """A candidate over the folds, as the lock has it."""

    name: str
    estimator: str | None
    mean: float | None
    std: float | None
    winner: bool
    seconds: float | None
    state: str


class Run(Frozen):
    """A training in MLflow."""

    id: str
    time: str
    candidate: str | None
    value: float | None
    status: str
    """As MLflow says it; unfinished trainings are left out."""
    verdict: GateStatus | None = None
    artifact: str | None
    releases: list[str]


class Training(Frozen):
    """How the model was found."""

    metric: str
    higher_is_better: bool
    folds: int
    winner: str | None
    params: dict[str, Any]
    threshold: float | None
    candidates: list[ScoredCandidate]
    tuning: list[TuningFigures]
    runs: list[Run]
    conclusion: list[str]
    """The comparison's, from reports/comparison.json; empty when it was not made."""
    libraries: dict[str, str]
    origin: Origin | None


class Step(Frozen):
    """A step of the pipeline in the last run here."""

    name: str
    inputs: list[str]
    """The steps that it waits for."""
    state: Literal["done", "failed", "not recorded"]
    at: str | None
    seconds: Seconds | None
    detail: str
    origin: Origin | None


class ReleaseRow(Frozen):
    """One version in the registry."""

    release: str
    stage: Stage
    runs_in: list[str]
    date: str
    commit: str
    owner: str | None
    """The card's, at the release's commit."""
    actor: str | None
    approved_by: list[str]
    """Who reviewed its deployments to environments after the first, as their tags say."""
    candidate: str | None
    metrics: dict[str, Interval]
    verdict: Verdict | None
    verdict_status: str
    model_sha256: str
    data_sha256: str | None
    rejected_by: str | None
    """The rollback that rejects it, while nobody lifted that."""
    commands: list[str]
    """What can be done with it, to copy."""
    origin: Origin


class DeploymentRow(Frozen):
    """One deployment, valid or not."""

    deployment: str
    model: str
    environment: str
    number: Count
    valid: bool
    """Whether its tag is one of a deployment; what is not valid has no other fields but these."""
    problem: str | None
    """What is wrong with its tag; one that is valid can have been moved, say."""
    date: str | None
    until: str | None
    """When the next one of its environment began; null while it runs."""
    action: str | None
    release: str | None
    actor: str | None
    approved_by: str | None
    reviewed: str | None
    reason: str | None
    rejects: str | None
    lifts: str | None
    image: str | None
    verdict: GateStatus | None
    commit: str | None
    recorded: bool
    """Whether the branch that a scheduled job writes saw it: its date is else its maker's alone."""
    origin: Origin | None


class ObservationRow(Frozen):
    """One observation of monitoring."""

    environment: str
    time: str
    release: str
    status: str
    reasons: list[str]
    rows: Count
    drift: float | None
    """The largest of the columns' distances, each divided by the bound that it fails at; null where
    none was computed, as with p-values."""
    drift_status: str | None
    performance: dict[str, float]
    performance_status: str | None
    origin: Origin | None


class ThresholdChange(Frozen):
    """A bound of thresholds.yaml that a commit of the default branch changed."""

    model: str
    date: str
    author: str
    commit: str
    subject: str
    key: str
    before: str
    """Empty where the bound is new."""
    after: str
    """Empty where it was taken away."""
    effect: Literal["stricter", "looser", "changed"]
    origin: Origin


class Delivery(Frozen):
    """Delivery figures of the last environment, from tags and the dates of their commits."""

    deployments: Count
    """That brought a release; rollbacks and lifts are not counted."""
    rollbacks: Count
    first: str | None
    last: str | None
    per_30_days: float | None
    """Deployments, over the time from the first to now; null below one day."""
    lead_time: Seconds | None
    """Median from a release's commit to its first deployment there."""
    lead_times: Count
    """From how many releases it is the median."""
    change_failure_rate: float | None
    """Rolled back deployments over deployments."""
    time_to_restore: Seconds | None
    """Median from a deployment to the rollback that left it."""
    restores: Count
    unclear: list[str]
    """Deployments that were left out, and why, such as a clock that went backwards."""
    origin: Origin


class ModelSite(Frozen):
    """Everything of one model."""

    name: str
    state: Literal["active", "removed"]
    """``removed``: config/ has no such model, but tags have."""
    task: Task | None
    card: Card | None
    problem: str | None
    """Why its files cannot be read, where they cannot."""
    places: list[Place]
    kpis: list[Kpi]
    value: dict[str, float]
    """What outcomes are worth, from thresholds.yaml."""
    data: Data | None
    training: Training | None
    pipeline: list[Step]
    gates: list[GateResult]
    """Of the last verdict that is recorded."""
    gates_origin: Origin | None
    registry: list[ReleaseRow]
    """Newest first."""
    deployments: list[DeploymentRow]
    """Newest first, of all environments, with those that are no valid deployments."""
    observations: list[ObservationRow]
    """Oldest first."""
    retraining: list[str]
    """What asks for a new training, in sentences."""
    threshold_changes: list[ThresholdChange]
    """Newest first."""
    delivery: Delivery | None
    example: dict[str, Any] | None
    """A request's record made from the contract alone; no row of a table."""


class Site(Frozen):
    """All models of one project at one moment."""

    version: Literal[1] = 1
    project: str
    title: str
    repository: str | None
    """The remote's page, without name and password; null when it has none."""
    commit: str | None
    """Of the default branch; of this clone where the remote was not asked."""
    made: str
    """In ISO 8601, UTC."""
    engine: str
    not_asked: str
    """Why the remote was not asked; empty when it was. Only this clone is then shown."""
    environments: list[str]
    models: list[ModelSite]
    attention: list[Attention]
    """Worst first."""
    delivery: Delivery
    timeline: list[tuple[str, dict[str, str]]]
    """Moments that the branch of heads saw, oldest first, in which something changed: time → each
    series that changed since the moment before (`churn/production`) → its deployment, empty where
    it has none any more. What ran at a time is all of these up to it, put together."""
    mlflow: Origin | None
    not_recorded: list[str]
    """What could not be shown, why, and what records it."""
