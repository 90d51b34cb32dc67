"""What runs where, what ran when, and where Git, the default branch and MLflow disagree."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.deployment_records import parse_record, record_path
from tagship.gitops.history import Deployment
from tagship.gitops.snapshot import Snapshot
from tagship.gitops.timeline import ran_at, read_timeline
from tagship.training.lock import locked_hashes


@dataclass(frozen=True)
class WorkTreeState:
    """What the work tree says of one environment of a model."""

    lock: str
    """The first digits of the locked artifact's SHA-256, or why there is no lock."""
    asks: str
    """The release that deploy/ names, or why it names no release."""


@dataclass(frozen=True)
class Row:
    """One environment of one model."""

    model: str
    environment: str
    runs: str
    """The release, or nothing; ``?`` when ``deployment``, which Argo CD follows, is not valid."""
    deployment: str
    since: str
    main: str
    """``same``, or what the default branch asks for, or the wrong tag that Argo CD follows."""
    mlflow: str
    """The release under the environment's alias; ``?`` when MLflow was not asked."""
    rejected: tuple[str, ...]
    cluster: str = "?"
    """What differs in the cluster; ``?`` when it was not asked."""
    held: WorkTreeState | None = None
    """What the work tree says, where the remote was not asked; ``main`` is then ``?``."""

    @property
    def agrees(self) -> bool:
        """Whether main, MLflow and the cluster say what Git's tags say."""
        cluster_agrees = self.cluster == "?" or self.cluster.endswith("as Git says")
        return self.main in ("same", "") and self.mlflow in (self.runs, "?") and cluster_agrees


@dataclass(frozen=True)
class ProjectStatus:
    """Every environment of every model, and what is wrong with the tags."""

    rows: list[Row]
    findings: list[str]
    not_asked: str = ""
    """Why no remote was asked: rows are then what this clone holds."""


@dataclass(frozen=True)
class Event:
    """One deployment, as history tells it."""

    name: str
    when: str
    action: str
    release: str
    image: str
    actor: str
    reason: str
    rejects: str
    lifts: str
    commit: str


def status(
    snapshot: Snapshot,
    aliases: Mapping[tuple[str, str], str] | None = None,
    cluster: Mapping[tuple[str, str], str] | None = None,
) -> ProjectStatus:
    """Every environment of every model.

    ``aliases`` is the release that MLflow names for each, ``cluster`` how what runs differs.
    """
    rows = [
        replace(
            _row(snapshot, model, environment, aliases),
            cluster=(cluster or {}).get((model, environment), "?"),
        )
        for model in snapshot.models
        for environment in snapshot.environments
    ]
    findings = [f"{f.ref}: {f.problem}" for f in snapshot.history.findings]
    findings += [
        f"{model}: it has tags, but no config/{model}: renamed or removed"
        for model in snapshot.history.models()
        if model not in snapshot.models
    ]
    return ProjectStatus(rows, findings, snapshot.not_asked)


def history(
    snapshot: Snapshot, model: str, environment: str | None = None, at: datetime | None = None
) -> list[Event]:
    """Every deployment of a model, oldest first; with ``at`` only what ran then.

    Several of one environment with ``at``: it changed between the two entries around that time.

    Raises:
        TagshipError: neither config nor a tag knows the model, no such environment, nothing tells
            what ran then, or only the remote could tell it, which was not asked.
    """
    snapshot.check_model(model)
    if at is not None and snapshot.not_asked:
        raise TagshipError(f"only the remote tells what ran then, and it was not asked:"
                           f" {snapshot.not_asked}")  # fmt: skip
    environments = {e for m, e in snapshot.history.deployments if m == model}
    if environment and environment not in environments:
        snapshot.check_environment(environment)
    names = [environment] if environment else [*snapshot.environments]
    names += sorted(environments - {*snapshot.environments}) if not environment else []
    if at is None:
        return [_event(d) for name in names for d in snapshot.history.deployments_of(model, name)]
    entries = read_timeline(snapshot)
    return [_event(d) for name in names for d in ran_at(entries, snapshot, model, name, at)]


def parse_time(text: str) -> datetime:
    """A date (its end, in UTC) or a date and time (UTC unless it says otherwise).

    Raises:
        TagshipError: neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TagshipError(f"{text!r} is no date", "2026-11-21 or 2026-11-21T14:30") from None
    if len(text) <= 10:
        moment = datetime.combine(moment.date(), time.max)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _row(
    snapshot: Snapshot, model: str, environment: str, aliases: Mapping[tuple[str, str], str] | None
) -> Row:
    current = snapshot.history.current(model, environment)
    stray = snapshot.history.stray(model, environment)
    stopping_tag = snapshot.history.stopped_by(model, environment)
    problem = (
        f"Argo CD resolves nothing: {stopping_tag}" if stopping_tag
        else f"Argo CD runs {stray.ref}" if stray
        else ""
    )  # fmt: skip
    alias = "?" if aliases is None else aliases.get((model, environment), "")
    root = snapshot.git.root
    return Row(
        model,
        environment,
        "?" if problem else current.release if current else "",
        stray.ref.removeprefix("refs/tags/") if stray else current.name if current else "",
        current.date.isoformat() if current and not problem else "",
        "?" if snapshot.not_asked else problem or _on_main(snapshot, model, environment, current),
        alias,
        tuple(sorted(snapshot.history.standing(model, environment))),
        held=(_work_tree_state(root, model, environment) if snapshot.not_asked else None),
    )


def _on_main(snapshot: Snapshot, model: str, environment: str, current: Deployment | None) -> str:
    try:
        if current and snapshot.same_inputs(snapshot.head, current.commit, model, environment):
            return "same"
        record = snapshot.record(snapshot.head, model, environment)
        if record is None:
            return "no overlay"
        if current is None:
            return f"asks for {record.release}" if record.is_deployed else ""
        if record != snapshot.running_record(model, environment):
            is_same = record.release == current.release
            return "asks for another record" if is_same else f"asks for {record.release}"
        is_same = snapshot.same_manifests(snapshot.head, current.commit, model, environment)
        return "same" if is_same else "has other manifests"
    except TagshipError as error:
        return str(error.args[0])


def _work_tree_state(root: Path, model: str, environment: str) -> WorkTreeState:
    lock, record = f"config/{model}/model.lock.yaml", record_path(model, environment)
    try:
        text = _text(root / lock)
        digits = locked_hashes(text, lock)[0][:12] if text else "none"
    except TagshipError:
        digits = "not a lock"
    try:
        text = _text(root / record)
        release = parse_record(text, record).release if text else "no overlay"
    except TagshipError:
        release = "not a record"
    return WorkTreeState(digits, release)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _event(deployment: Deployment) -> Event:
    keys = ("Action", "Release", "Image", "Actor", "Reason", "Rejects", "Lifts")
    trailers = {key.lower(): deployment.says(key) for key in keys}
    when = deployment.date.isoformat()
    return Event(name=deployment.name, when=when, commit=deployment.commit, **trailers)
