"""The site's document from everything that is recorded: Git, locks, monitoring and MLflow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tagship
from tagship.comparison.document import ModelFigures
from tagship.comparison.runs import TrackedModel, tracked_models
from tagship.config.project_files import ModelFiles, load_model
from tagship.config.root import tracking_uri
from tagship.contract.example import example_record
from tagship.errors import TagshipError
from tagship.gitops.snapshot import Snapshot
from tagship.gitops.status import Row, status
from tagship.gitops.timeline import BRANCH as HEADS
from tagship.gitops.timeline import read_timeline
from tagship.site.attention import attention
from tagship.site.contract import describe_data, read_reference
from tagship.site.delivery_figures import measure_delivery
from tagship.site.deployments import deployment_rows, place, recorded_timeline
from tagship.site.document import (
    DeploymentRow,
    ModelSite,
    ObservationRow,
    Origin,
    Place,
    ReleaseRow,
    Site,
    ThresholdChange,
)
from tagship.site.links import Links, repository_page
from tagship.site.model_registry import registry, waiting
from tagship.site.observations import last_observation, observations, retraining
from tagship.site.steps import steps
from tagship.site.threshold_changes import threshold_changes
from tagship.site.training import describe_training, kpis, read_comparison
from tagship.sources.fetching import without_login
from tagship.training.fingerprint import changes, current_inputs
from tagship.training.lock import read_lock
from tagship.verdict import read_verdict

Say = Callable[[str], None]


@dataclass
class _Gathering:
    """What is read once for all models."""

    snapshot: Snapshot
    now: datetime
    links: Links
    committed: dict[str, datetime]
    rows: dict[str, list[Row]]
    deployments: dict[str, list[DeploymentRow]]
    observed: dict[str, list[ObservationRow]]
    threshold_changes: dict[str, list[ThresholdChange]]
    compared: dict[str, ModelFigures]
    retraining: dict[str, list[str]]
    tracked: dict[str, TrackedModel]
    branches: dict[tuple[str, str], str]
    stale: dict[str, str]
    not_recorded: list[str]


def gather_site(
    root: Path,
    snapshot: Snapshot,
    now: datetime,
    say: Say = lambda _: None,
) -> Site:
    """Everything that the pages show, of a project at one moment.

    Raises:
        TagshipError: Git cannot be read. What else is missing is named in ``not_recorded``.
    """
    git, history = snapshot.git, snapshot.history
    is_clone = git.succeeds("rev-parse", "--git-dir")
    commit = git.resolve("HEAD" if snapshot.not_asked else snapshot.head) if is_clone else None
    address = git.call("config", "--get", f"remote.{git.remote}.url").stdout.strip()
    links = Links(repository_page(address), commit)
    missing: list[str] = []
    names = sorted({*snapshot.models, *history.models()})
    say("reading tags and branches")
    entries = read_timeline(snapshot)
    releases = history.releases.values()
    dates = {release.commit: git.commit_time(release.commit) for release in releases}
    observed = observations(snapshot, links)
    rows: dict[str, list[Row]] = {}
    for row in status(replace(snapshot, models=tuple(names))).rows:
        rows.setdefault(row.model, []).append(row)
    say("reading the history of thresholds")
    gathering = _Gathering(
        snapshot=snapshot,
        now=now,
        links=links,
        committed={key: date for key, date in dates.items() if date},
        rows=rows,
        deployments=deployment_rows(snapshot, entries, links),
        observed=observed,
        threshold_changes=threshold_changes(git, commit, links) if commit else {},
        compared=read_comparison(root),
        retraining=retraining(snapshot, observed, now),
        tracked={},
        branches={},
        stale={},
        not_recorded=missing,
    )
    missing += _not_recorded(snapshot, is_clone, bool(entries), bool(observed))
    say("reading MLflow")
    mlflow = _read_runs(root, names, gathering)
    models = []
    for name in names:
        say(f"gathering {name}")
        models.append(_model(gathering, name))
    last = snapshot.environments[-1]
    return Site(
        project=snapshot.project.name,
        title=snapshot.project.title,
        repository=links.repository,
        commit=commit,
        made=now.astimezone(UTC).isoformat(timespec="seconds"),
        engine=tagship.__version__,
        not_asked=without_login(snapshot.not_asked),
        environments=snapshot.environments,
        models=models,
        attention=attention(models, history.findings, gathering.branches, gathering.stale, links),
        delivery=measure_delivery(
            history, names, last, gathering.committed, now, Origin(text=f"the tags */{last}/*")
        ),
        timeline=recorded_timeline(entries),
        mlflow=mlflow,
        not_recorded=[without_login(line) for line in missing],
    )


def _model(gathering: _Gathering, name: str) -> ModelSite:
    snapshot, last = gathering.snapshot, gathering.snapshot.environments[-1]
    releases = registry(snapshot, name, gathering.links)
    active = name in snapshot.models
    of_files: dict[str, Any] = {
        "task": None, "card": None, "problem": None, "kpis": [], "value": {}, "data": None,
        "training": None, "pipeline": [], "gates": [], "gates_origin": None, "example": None,
    }  # fmt: skip
    for release in releases:
        if release.verdict:
            of_files |= {"gates": release.verdict.results, "gates_origin": release.origin}
            break
    if active:
        try:
            files = load_model(snapshot.git.root, name)
        except TagshipError as error:
            of_files["problem"] = _problem(error, snapshot.git.root)
        else:
            of_files |= _of_files(gathering, files, releases, bool(of_files["gates"]))
    return ModelSite(
        name=name,
        state="active" if active else "removed",
        places=[_place(gathering, row) for row in gathering.rows.get(name, [])],
        registry=releases,
        deployments=gathering.deployments.get(name, []),
        observations=gathering.observed.get(name, []),
        retraining=gathering.retraining.get(name, []),
        threshold_changes=gathering.threshold_changes.get(name, []),
        delivery=measure_delivery(
            snapshot.history,
            [name],
            last,
            gathering.committed,
            gathering.now,
            Origin(text=f"the tags {name}/{last}/*"),
        ),
        **of_files,
    )


def _of_files(
    gathering: _Gathering, files: ModelFiles, releases: list[ReleaseRow], has_gates: bool
) -> dict[str, Any]:
    """What a model's files of the work tree say, as fields of its ``ModelSite``."""
    name, missing = files.name, gathering.not_recorded
    lock, reference = None, None
    try:
        lock = read_lock(files.lock_path)
        stale = changes(lock, current_inputs(files))
        if stale:
            gathering.stale[name] = f"the lock is stale: {'; '.join(stale[:3])}"
        reference = read_reference(files, lock)
        if reference is None:
            missing.append(f"{name}: no reference.json: `tagship run {name}` writes it")
    except TagshipError as error:
        gathering.stale[name] = _problem(error, files.root)
    tracked = gathering.tracked.get(name, TrackedModel())
    run = tracked.last_training({lock.artifact.sha256}) if lock else None
    locked, data = (_file(gathering, files, part) for part in ("model.lock.yaml", "data.yaml"))
    compared = gathering.compared.get(name)
    fields: dict[str, Any] = {
        "task": files.model.task,
        "card": files.model.card,
        "kpis": kpis(files, lock, locked),
        "value": files.thresholds.value.model_dump() if files.thresholds.value else {},
        "data": describe_data(files, lock, reference, data),
        "training": describe_training(files, lock, tracked, run, compared, releases, locked),
        "pipeline": steps(files, lock, run),
        "example": example_record(files.data.request),
    }
    if has_gates or lock is None:
        return fields
    try:
        verdict = read_verdict(files.work / "verdict.json")
    except TagshipError:
        verdict = None
    if verdict is None or verdict.artifact_sha256 != lock.artifact.sha256:
        missing.append(f"{name}: no verdict: a release carries it, `tagship gate {name}` shows")
        return fields
    origin = Origin(text="the last verdict on the machine that made this")
    return fields | {"gates": verdict.results, "gates_origin": origin}


def _file(gathering: _Gathering, files: ModelFiles, part: str) -> Origin:
    """A file of a model's folder: at the commit, if that holds the same."""
    path, links = f"config/{files.name}/{part}", gathering.links
    local = files.folder / part
    text = local.read_text(encoding="utf-8") if local.is_file() else None
    if links.commit and gathering.snapshot.git.show(links.commit, path) == text:
        return links.file(path)
    return Origin(text=f"{path} of the work tree, not as the default branch has it")


def _place(gathering: _Gathering, row: Row) -> Place:
    snapshot, name, environment = gathering.snapshot, row.model, row.environment
    following = waiting(snapshot, name, environment) if name in snapshot.models else None
    if following:
        gathering.branches[name, environment] = following[1]
    last = last_observation(gathering.observed.get(name, []), environment)
    return place(snapshot, row, following[0] if following else None, last, gathering.links)


def _read_runs(root: Path, names: list[str], gathering: _Gathering) -> Origin | None:
    """Let the runs of MLflow be known; where they cannot be read, say why."""
    uri = tracking_uri(root)
    try:
        gathering.tracked.update(tracked_models(root, names))
    except (TagshipError, ImportError) as error:
        reason = _one_line(error) if isinstance(error, TagshipError) else "it is not installed"
        gathering.not_recorded.append(f"runs and tunings: {reason}")
        return None
    if not gathering.tracked:
        gathering.not_recorded.append("runs: MLflow has none here: `tagship run` records one")
        return None
    if uri.startswith("sqlite:"):
        return Origin(text=f"MLflow, {uri.rpartition('/')[2]}")
    address = without_login(uri)
    return Origin(text=f"MLflow at {address}", url=address if uri.startswith("http") else None)


def _not_recorded(snapshot: Snapshot, is_clone: bool, timeline: bool, observed: bool) -> list[str]:
    lines = []
    if snapshot.not_asked:
        lines.append(f"what the remote has: {snapshot.not_asked}; this is what is here")
    if not snapshot.history.releases:
        lines.append("releases: there is no release tag yet: `tagship release` makes one")
    if is_clone and snapshot.git.is_shallow():
        lines.append("older commits: this clone is shallow: git fetch --unshallow")
    if not timeline:
        lines.append(
            f"what ran on a date: the branch {HEADS}, which audit.yml writes, is not there"
        )
    if not observed:
        lines.append("observations: the branch monitor, which monitor.yml writes, is not there")
    return lines


def _one_line(error: TagshipError) -> str:
    return str(error.args[0]).replace("\n", "; ")


def _problem(error: TagshipError, root: Path) -> str:
    """A problem on one line, without what is only of this machine or secret."""
    first, *more = str(error.args[0]).replace(f"{root}/", "").splitlines()
    return without_login(first.strip()) + (f", and {len(more)} more" if more else "")
