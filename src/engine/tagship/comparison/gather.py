"""What is known of each model: its lock, bundle, verdict and learning curve, tags and MLflow."""

from collections.abc import Sequence
from pathlib import Path

from tagship.comparison.compare import compare_model, untrained_candidate
from tagship.comparison.conclusion import METHOD
from tagship.comparison.document import (
    Comparison,
    LearningCurve,
    ModelFigures,
)
from tagship.comparison.learning import kept_learning_curve, measure_learning_curve
from tagship.comparison.records import ModelRecords
from tagship.comparison.runs import TrackedModel, tracked_models
from tagship.compute.tasks import Say
from tagship.config.model import higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.config.root import model_names
from tagship.errors import TagshipError
from tagship.files import write_atomically
from tagship.gitops.local_snapshot import ReleasedLock, released_locks
from tagship.training.bundle import Bundle, load_bundle
from tagship.training.fingerprint import changes, current_inputs
from tagship.training.lock import Lock, read_lock
from tagship.training.lock_verification import difference
from tagship.verdict import Verdict, read_verdict


def compare_models(
    models: Sequence[ModelFiles], learning_curve: bool = False, say: Say = lambda _: None
) -> Comparison:
    """Compare the candidates, trainings and releases of these models of one project.

    Where MLflow or the tags cannot be read, the rest is shown and a note says so.

    Raises:
        TagshipError: a lock cannot be read, or a learning curve cannot be measured.
    """
    root, notes = models[0].root, []
    tracked: dict[str, TrackedModel] = {}
    releases: list[ReleasedLock] = []
    try:
        say("reading MLflow")
        tracked = tracked_models(root, [files.name for files in models])
    except TagshipError as error:
        notes.append(f"shown without MLflow's runs: {_one_line(error)}")
    try:
        releases = list(released_locks(root))
    except TagshipError as error:
        notes.append(f"shown without releases: {_one_line(error)}")
    figures = {}
    for files in models:
        releases_of_model = [release for release in releases if release.model == files.name]
        say(f"comparing {files.name}")
        figures[files.name] = _figures(
            files, tracked.get(files.name, TrackedModel()), releases_of_model, learning_curve, say
        )
    all_models = model_names(root)
    removed: dict[str, int] = {}
    if len(models) == len(all_models):
        others = sorted(tracked.keys() - set(all_models))
        removed = {name: len(tracked[name].trainings) for name in others}
    return Comparison(models=figures, removed=removed, method=METHOD, notes=notes)


def write_comparison(root: Path, comparison: Comparison) -> Path:
    """Write ``reports/comparison.json``, which its schema describes, and say where it is."""
    path = root / "reports" / "comparison.json"
    write_atomically(path, comparison.model_dump_json(indent=2) + "\n")
    return path


def _figures(
    files: ModelFiles,
    tracked: TrackedModel,
    releases: Sequence[ReleasedLock],
    learning_curve: bool,
    say: Say,
) -> ModelFigures:
    notes: list[str] = []
    bundle, why_none = None, ""
    try:
        bundle = load_bundle(files)
    except TagshipError as error:
        why_none = _one_line(error)
    lock = _committed_lock(files, bundle)
    if lock is None and bundle is not None:
        lock = bundle.lock
        notes.append(
            f"there is no lock, so this is the training here: `tagship run {files.name}` locks it"
        )
    if lock is None:
        return _untrained(files, why_none)
    bundle, verdict = _of_lock(files, lock, bundle, why_none, notes)
    return compare_model(
        ModelRecords(
            files=files,
            lock=lock,
            bundle=bundle,
            verdict=verdict,
            tracked=tracked,
            releases=releases,
            learning_curve=_learning_curve(files, lock, learning_curve, notes, say),
            notes=[*_stale(files, lock), *notes],
        )
    )


def _committed_lock(files: ModelFiles, bundle: Bundle | None) -> Lock | None:
    if not files.lock_path.is_file():
        return None
    if bundle and files.lock_path.read_bytes() == (files.work / "lock.yaml").read_bytes():
        return bundle.lock  # read once: that takes longer than all else here
    return read_lock(files.lock_path)


def _stale(files: ModelFiles, lock: Lock) -> list[str]:
    changed = changes(lock, current_inputs(files))
    if not changed:
        return []
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return [
        f"the figures are of the lock, which is stale ({'; '.join(changed[:3])}{more}):"
        f" `tagship run {files.name}`"
    ]


def _of_lock(
    files: ModelFiles, lock: Lock, bundle: Bundle | None, why_none: str, notes: list[str]
) -> tuple[Bundle | None, Verdict | None]:
    """The bundle and its verdict where they are of the lock's training; what is not is noted."""
    if bundle is not None and difference(lock, bundle.lock):
        bundle, why_none = None, "the training here is not the locked one"
    if bundle is None:
        notes.append(
            f"no test on the same rows, whose scores are not here ({why_none}):"
            f" `tagship train {files.name}`"
        )
        return None, None
    try:
        verdict: Verdict | None = read_verdict(files.work / "verdict.json")
    except TagshipError:
        verdict = None
    if verdict is None or verdict.artifact_sha256 != bundle.lock.artifact.sha256:
        notes.append(f"the latency is not recorded: `tagship gate {files.name}` measures it")
        return bundle, None
    if verdict.p99_ms is None:
        notes.append(
            f"the latency is not recorded: set `latency` in config/{files.name}/thresholds.yaml,"
            f" then `tagship gate {files.name}` measures it"
        )
    return bundle, verdict


def _learning_curve(
    files: ModelFiles, lock: Lock, measure: bool, notes: list[str], say: Say
) -> LearningCurve | None:
    if measure:
        return measure_learning_curve(files, lock, say)
    curve = kept_learning_curve(files, lock)
    if curve is None:
        notes.append(
            "the learning curve is not recorded:"
            f" `tagship compare {files.name} --learning-curve` measures it"
        )
    return curve


def _untrained(files: ModelFiles, why: str) -> ModelFigures:
    model = files.model
    return ModelFigures(
        task=model.task,
        metric=model.select.metric,
        higher_is_better=higher_is_better(model.select.metric),
        folds=model.select.folds,
        candidates={name: untrained_candidate(model, name) for name in model.candidates},
        conclusion=[f"{files.name} has no lock and no training here, so nothing can be compared."],
        not_recorded=[f"no figure is recorded ({why}): `tagship run {files.name}`"],
    )


def _one_line(error: TagshipError) -> str:
    return str(error.args[0]).replace("\n", " ")
