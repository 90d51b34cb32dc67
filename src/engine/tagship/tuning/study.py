"""The study: which parameters are tried, what each trial gave, kept so that it can go on later."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from tagship.compute.tasks import LOCAL, Compute, Local
from tagship.config.model import Candidate, higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.config.tune import Tune
from tagship.errors import TagshipError
from tagship.formatting import brief
from tagship.training.cross_validation import Fits, make_splits
from tagship.training.fingerprint import current_inputs
from tagship.training.prepared_table import PreparedTable
from tagship.tuning.space import Space, candidate_params, replace_params, suggest_params
from tagship.tuning.trial_process import TrialProcess, TrialWorker

_DIGITS = 9
"""Threads may change the last bits of a score, and must not change the next trial."""
PARAMS, _REASON = "params", "reason"
"""Attributes of trials: what was tried, and why one failed. One that was cut off has no reason."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Search:
    """What is searched."""

    files: ModelFiles
    name: str
    """The candidate's."""
    candidate: Candidate
    space: Space
    plan: Tune
    data_sha256: str

    @property
    def sign(self) -> int:
        """1 where a higher value is better, else -1."""
        return 1 if higher_is_better(self.files.model.select.metric) else -1

    @property
    def fingerprint(self) -> str:
        """Of all that decides what a trial gives; another number of trials goes on with a study."""
        inputs = current_inputs(self.files).model_dump(mode="json")
        decided = {
            **inputs,
            "model": {**inputs["model"], "candidates": self.candidate.model_dump(mode="json")},
            "space": {
                name: dimension.model_dump(mode="json") for name, dimension in self.space.items()
            },
            "folds": self.plan.folds,
            "table": self.data_sha256,
        }
        return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:16]


def open_study(search: Search, storage: str | None) -> Any:
    """The study of a search as an ``optuna.Study``, new or with the trials that it has.

    ``storage`` is a database's URL; without one it is a journal in ``.tagship``.

    Raises:
        TagshipError: the storage cannot be reached, or is damaged.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = journal_path(search)
    try:
        if storage is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        store = JournalStorage(JournalFileBackend(str(path))) if storage is None else storage
        return optuna.create_study(
            storage=store,
            study_name=f"{search.files.name}-{search.name}-{search.fingerprint}",
            direction="maximize" if search.sign > 0 else "minimize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=8),
            load_if_exists=True,
        )
    except Exception as error:  # a driver, a database or a journal may raise anything
        where = path if storage is None else storage.rpartition("@")[2]
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        hint = "delete it: the search begins anew" if storage is None else "look at --storage"
        raise TagshipError(f"{where}: the study cannot be read: {reason}", hint) from None


def journal_path(search: Search) -> Path:
    """Where the trials of a search are kept on this machine."""
    return search.files.work / "tune" / f"{search.name}-{search.fingerprint}.journal"


def run_trials(
    search: Search,
    study: Any,
    frame: Any,
    prepared: PreparedTable,
    workers: int | None,
    alone: bool,
    say: Say,
    compute: Compute = LOCAL,
) -> str:
    """Run the trials that the plan still lacks; what came of each is in the study.

    With one worker, and no clock that ended it, a study which was cut off and went on is that of an
    uninterrupted search: the sampler is seeded anew for each trial by how many have ended.

    Args:
        frame: the table, whose training rows are split anew.
        alone: no other process works on the study, so trials that still run there were cut off.

    Returns:
        Why the same search may give other trials another time; empty where it cannot.
    """
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    if alone:
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)
    params = candidate_params(search.candidate, search.space)
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    if params is not None and not waiting and not ended_trials(study):
        study.enqueue_trial(params)
    plan, seed = search.plan, search.files.model.select.seed
    if workers is None:
        workers = 1 if isinstance(compute, Local) else compute.threads
    started = time.monotonic()
    first = len(ended_trials(study))
    unrepeatable = "" if alone and workers == 1 else "several trials ran at once"
    idle: list[TrialWorker] = []
    running: dict[Any, _Running] = {}
    try:
        files = refold(search.files, plan.folds, seed)
        splits = make_splits(files, frame, prepared)
        start = _worker(search, Fits.of(files, prepared, splits), workers, compute)
        for _ in range(min(workers, plan.trials - first)):
            idle.append(start())
        while True:
            count = len(ended_trials(study))
            late = plan.seconds is not None and time.monotonic() - started > plan.seconds
            if late and count + len(running) < plan.trials:
                unrepeatable = "the time limit ended it"
            while idle and not late and count + len(running) < plan.trials:
                study.sampler = TPESampler(seed=seed + count + len(running))
                trial_run = _begin(search, study.ask(), idle.pop())
                running[trial_run.process.connection] = trial_run
            if not running:
                return unrepeatable
            ready = wait(list(running), _patience(running.values(), plan.trial_seconds))
            for connection in ready:
                if _proceed(search, study, running[connection]):
                    idle.append(running.pop(connection).process)
                    _tell_progress(search, study, first, started, say)
            for connection, trial_run in list(running.items()):
                late_trial = trial_run.process.ready and trial_run.age > plan.trial_seconds
                if late_trial and connection not in ready:
                    _fail(study, trial_run.trial, f"it took longer than {plan.trial_seconds:g} s")
                    unrepeatable = unrepeatable or "a trial took too long"
                    trial_run.process.restart()
                    idle.append(running.pop(connection).process)
                    _tell_progress(search, study, first, started, say)
    finally:
        for process in [*idle, *(trial_run.process for trial_run in running.values())]:
            process.end()


def refold(files: ModelFiles, folds: int, seed: int, repeats: int = 1) -> ModelFiles:
    """The model with other folds of its training rows."""
    settings = {"folds": folds, "seed": seed, "repeats": repeats}
    select = files.model.select.model_copy(update=settings)
    return replace(files, model=files.model.model_copy(update={"select": select}))


def ended_trials(study: Any) -> list[Any]:
    """The trials that ended by themselves: complete, pruned or failed, but not cut off."""
    from optuna.trial import TrialState

    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    trials = study.get_trials(deepcopy=False, states=states)
    return [
        trial for trial in trials if trial.state != TrialState.FAIL or _REASON in trial.user_attrs
    ]


def _worker(
    search: Search, fits: Fits, workers: int, compute: Compute
) -> Callable[[], TrialWorker]:
    """What starts a worker; ``workers`` of this machine share its threads."""
    if isinstance(compute, Local):
        threads = max(1, (os.cpu_count() or 1) // workers)
        work = (fits.files, search.name, search.candidate, fits.prepared, fits.splits, threads)
        return lambda: TrialProcess(*work)
    from tagship.tuning.trial_task import TrialTask

    cluster, shared = compute, compute.share(fits)
    return lambda: TrialTask(cluster, fits, shared, search.name)


@dataclass
class _Running:
    process: TrialWorker
    trial: Any
    folds: int
    began: float

    @property
    def age(self) -> float:
        """Seconds since it began, once its process is ready."""
        return time.monotonic() - self.began


def _patience(running: Iterable[_Running], seconds: float) -> float | None:
    """How long to wait for an answer until the first trial takes too long; None: as it takes."""
    seconds_left = [
        max(0.0, seconds - trial_run.age) for trial_run in running if trial_run.process.ready
    ]
    return min(seconds_left, default=None)


def _begin(search: Search, trial: Any, process: TrialWorker) -> _Running:
    params = suggest_params(trial, search.space)
    trial.set_user_attr(PARAMS, params)
    process.begin(replace_params(search.candidate, params))
    return _Running(process, trial, 0, time.monotonic())


def _proceed(search: Search, study: Any, running: _Running) -> bool:
    """Take the next fold's value of a trial; whether the trial has ended."""
    from optuna.trial import TrialState

    answer, trial = running.process.receive(), running.trial
    if answer is None:
        running.began = time.monotonic()
        return False
    if isinstance(answer, str):
        _fail(study, trial, answer)
        return True
    running.folds += 1
    mean = round(answer, _DIGITS)
    trial.report(mean, running.folds)
    last = running.folds == search.plan.folds
    if not last and not trial.should_prune():
        running.process.proceed()
        return False
    running.process.leave()
    trial.set_user_attr("seconds", round(running.age, 3))
    if last:
        study.tell(trial, mean)
    else:
        study.tell(trial, state=TrialState.PRUNED)
    return True


def _fail(study: Any, trial: Any, reason: str) -> None:
    from optuna.trial import TrialState

    trial.set_user_attr(_REASON, reason)
    study.tell(trial, state=TrialState.FAIL)


def complete_trials(study: Any) -> list[Any]:
    """The trials that were judged on every fold."""
    return [trial for trial in ended_trials(study) if trial.value is not None]


def best_trial(search: Search, study: Any) -> Any:
    """The complete trial with the best mean over the folds, the first of equals.

    Raises:
        TagshipError: no trial is complete.
    """
    trials = complete_trials(study)
    if not trials:
        reasons = failure_reasons(study)
        raise TagshipError(
            f"{search.files.name}: no trial of {search.name} was completed"
            + (f"; the first one said: {reasons[0]}" if reasons else ""),
            "change tune.space in model.yaml, or give it more time (tune.seconds, trial_seconds)",
        )
    return max(trials, key=lambda trial: search.sign * trial.value)


def failure_reasons(study: Any) -> list[str]:
    """What the trials that failed said."""
    return [
        trial.user_attrs[_REASON] for trial in ended_trials(study) if _REASON in trial.user_attrs
    ]


def _tell_progress(search: Search, study: Any, first: int, started: float, say: Say) -> None:
    trials = ended_trials(study)
    count, plan = len(trials), search.plan
    best = max(complete_trials(study), key=lambda trial: search.sign * trial.value, default=None)
    last = trials[-1]
    if count % 10 and count != plan.trials and last is not best:
        return
    seconds_passed = time.monotonic() - started
    seconds_left = seconds_passed / max(1, count - first) * (plan.trials - count)
    if plan.seconds is not None:
        seconds_left = min(seconds_left, max(0.0, plan.seconds - seconds_passed))
    metric = search.files.model.select.metric
    shown = f"best {metric} {brief(best.value)}, of trial {best.number}" if best else "none yet"
    say(f"trial {count} of {plan.trials}: {shown}; about {seconds_left:.0f} s left")
