"""Tune a candidate: search, judge the best trial against the candidate as it is, and write it."""

import json
import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from tagship.comparison.document import Lead
from tagship.comparison.paired_tests import corrected_t_test
from tagship.compute.tasks import LOCAL, Compute
from tagship.config.model import Candidate
from tagship.config.project_files import ModelFiles
from tagship.config.tune import Tune
from tagship.config.yaml_edit import set_values
from tagship.config.yaml_file import parse_yaml
from tagship.data.table import load_table
from tagship.errors import TagshipError
from tagship.files import only_one, write_atomically
from tagship.formatting import brief
from tagship.training.candidate_checks import check_imports
from tagship.training.cross_validation import Fits, make_splits, score_candidates
from tagship.training.lock import read_lock
from tagship.training.prepared_table import prepare
from tagship.training.threshold import judge_by_chosen
from tagship.tuning.space import choose_space, replace_params
from tagship.tuning.study import (
    PARAMS,
    Say,
    Search,
    best_trial,
    complete_trials,
    ended_trials,
    failure_reasons,
    open_study,
    refold,
    run_trials,
)

CONFIRMING_FOLDS, CONFIRMING_REPEATS = 5, 2
"""What the best trial is judged on: other folds than those that chose it among all trials."""
TuneState = Literal["improved", "no improvement"]


@dataclass(frozen=True)
class TuningResult:
    """What a search gave."""

    model: str
    candidate: str
    state: TuneState
    metric: str
    before: float
    """The metric of the candidate as it is, mean over the confirming folds."""
    after: float
    """That of the best trial on the same folds."""
    gain: Lead
    """By how much the best trial is better, with its 95 % interval; negative where it is worse."""
    params: dict[str, Any]
    """Of the best trial."""
    trial: int
    """The best trial's number."""
    trials: int
    pruned: int
    failed: list[str]
    """What the failed trials said."""
    unrepeatable: str
    """Why the same search may give other trials another time; empty where it cannot."""
    seconds: float
    curve: list[float]
    """The best value of a trial so far, after each complete one."""

    @property
    def conclusion(self) -> str:
        """The result in words."""
        name, interval = self.candidate, f"{brief(self.gain.low)} to {brief(self.gain.high)}"
        change = f"{self.metric} {brief(self.before)} → {brief(self.after)} on other folds"
        if self.state == "improved":
            return f"{name} improves: {change}; the gain's interval {interval} excludes 0"
        return (
            f"no improvement of {name} beyond the interval: {change}; the gain's interval"
            f" {interval} is not above 0"
        )


_RESULT = TypeAdapter(TuningResult)


def tune(
    files: ModelFiles,
    say: Say,
    workers: int | None = None,
    storage: str | None = None,
    compute: Compute = LOCAL,
) -> tuple[TuningResult, Search, Any]:
    """Run, or go on with, the search that model.yaml declares; nothing in ``config/`` changes.

    No trial sees a row of the holdout. Run again, a search that ended gives the same answer.

    Args:
        workers: how many trials run at once; without it one here, and as many as a cluster has
            threads.
        storage: a database's URL, by which several machines work on one study.

    Returns:
        What it gave, the search, and its ``optuna.Study``.

    Raises:
        TagshipError: no such candidate, a space that the estimator refuses, no complete trial, or
            another process works on the same model.
    """
    started = time.perf_counter()
    check_imports(files)
    name, candidate = choose_candidate(files)
    plan = files.model.tune or Tune()
    space = choose_space(files, name, candidate)
    with only_one(files.root, f"tune-{files.name}"):
        say("fetching the data and checking its contract")
        table = load_table(files, compute=compute)
        prepared = prepare(files, table.frame)
        search = Search(files, name, candidate, space, plan, table.sha256)
        study = open_study(search, storage)
        ended_before = len(ended_trials(study))
        shown = ", ".join(space)
        say(f"{name}: {plan.trials} trials of {shown}; {ended_before} of them are there already")
        unrepeatable = run_trials(
            search, study, table.frame, prepared, workers, storage is None, say, compute
        )
        best = best_trial(search, study)
        params = best.user_attrs[PARAMS]
        say(f"judging trial {best.number} against {name} as it is, on other folds")
        judging = with_confirming_folds(files)
        splits = make_splits(judging, table.frame, prepared)
        candidates = [(name, candidate), (name, replace_params(candidate, params))]
        scored = score_candidates(Fits.of(judging, prepared, splits), candidates, compute)
        before, after = (
            [fold.value for fold in judge_by_chosen(judging, prepared, folds)] for folds in scored
        )
    sign = search.sign
    fit, judged = splits[0]
    gain = corrected_t_test(
        [sign * (new - old) for new, old in zip(after, before, strict=True)], len(judged) / len(fit)
    )
    unchanged = replace_params(candidate, params) == candidate
    trials = ended_trials(study)
    tuned = TuningResult(
        model=files.name,
        candidate=name,
        state="improved" if gain.low > 0 and not unchanged else "no improvement",
        metric=files.model.select.metric,
        before=float(np.mean(before)),
        after=float(np.mean(after)),
        gain=gain,
        params=params,
        trial=best.number,
        trials=len(trials),
        pruned=sum(each.state.name == "PRUNED" for each in trials),
        failed=failure_reasons(study),
        unrepeatable=unrepeatable,
        seconds=time.perf_counter() - started,
        curve=list(
            accumulate((trial.value for trial in complete_trials(study)), max if sign > 0 else min)
        ),
    )
    return tuned, search, study


def choose_candidate(files: ModelFiles) -> tuple[str, Candidate]:
    """The candidate that model.yaml names to tune, else the lock's winner, else the only one.

    Raises:
        TagshipError: nothing says which.
    """
    plan, candidates = files.model.tune, files.model.candidates
    name = plan.candidate if plan else None
    if name is None and files.lock_path.is_file():
        name = read_lock(files.lock_path).winner.candidate
    if name is None and len(candidates) == 1:
        name = next(iter(candidates))
    if name is None or name not in candidates:
        raise TagshipError(
            f"{files.folder / 'model.yaml'}: nothing says which candidate to tune",
            f"add tune: {{candidate: {next(iter(candidates))}}}, or run `tagship run {files.name}`"
            " first: the winner is tuned",
        )
    return name, candidates[name]


def with_confirming_folds(files: ModelFiles) -> ModelFiles:
    """The model with other folds than its trials'; rows in time have one order only, and are split
    into more folds instead."""
    repeats = CONFIRMING_REPEATS if files.data.split.time is None else 1
    return refold(files, CONFIRMING_FOLDS, files.model.select.seed + 1, repeats)


def write_params(files: ModelFiles, tuned: TuningResult) -> None:
    """Set the best trial's parameters in ``config/<model>/model.yaml``; all else stays as it is.

    Raises:
        TagshipError: the file is written in a way in which they cannot be set without changing
            something else, such as an alias; nothing is written then.
    """
    path = files.folder / "model.yaml"
    text = path.read_bytes().decode("utf-8")
    expected: Any = parse_yaml(text, path).plain()
    candidate = expected["candidates"][tuned.candidate]
    candidate["params"] = {**(candidate.get("params") or {}), **tuned.params}
    try:
        new = set_values(text, ("candidates", tuned.candidate), "params", tuned.params)
        unchanged_otherwise = parse_yaml(new, path).plain() == expected
    except (KeyError, TagshipError):
        unchanged_otherwise = False
    if not unchanged_otherwise:
        shown = ", ".join(f"{name}: {value!r}" for name, value in tuned.params.items())
        raise TagshipError(
            f"{path}: candidates.{tuned.candidate}.params cannot be set without changing more",
            f"set them by hand: {shown}",
        )
    write_atomically(path, new)


def read_result(files: ModelFiles) -> TuningResult:
    """The last search's result; it must be there."""
    return _RESULT.validate_python(json.loads(result_path(files).read_text(encoding="utf-8")))


def result_json(tuned: TuningResult) -> dict[str, Any]:
    """The result as JSON takes it."""
    return {**_RESULT.dump_python(tuned, mode="json"), "conclusion": tuned.conclusion}


def result_path(files: ModelFiles) -> Path:
    """Where the last search's result is kept, as ``result_json`` gives it."""
    return files.work / "tune" / "result.json"
