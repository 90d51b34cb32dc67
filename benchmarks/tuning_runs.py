"""What ``tuning.py`` asks of the engine, each in a process of its own; JSON on the last line.

``trials ROOT MODEL``: the trials of the search there, and how long MLflow takes to log all of them.
``holdout ROOT MODEL SEED``: a search with this seed for holdout and folds, and the candidate before
and after it on that holdout.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from tagship.config.model import higher_is_better
from tagship.config.project_files import ModelFiles, load_model
from tagship.config.root import offer_own_code
from tagship.config.tune import Tune
from tagship.data.table import load_table
from tagship.training import metrics
from tagship.training.bootstrap import paired_drop
from tagship.training.cross_validation import fit
from tagship.training.export import pipeline_scores
from tagship.training.prepared_table import prepare
from tagship.tuning.record import log_search
from tagship.tuning.space import choose_space, replace_params
from tagship.tuning.study import PARAMS, Search, ended_trials, open_study
from tagship.tuning.tune import choose_candidate, read_result, tune


def quiet(_: str) -> None:
    pass


def trials(files: ModelFiles) -> dict:
    name, candidate = choose_candidate(files)
    space = choose_space(files, name, candidate)
    plan = files.model.tune or Tune()
    search = Search(files, name, candidate, space, plan, load_table(files).sha256)
    study = open_study(search, None)
    tuned = read_result(files)
    study.set_user_attr("mlflow_run", "elsewhere")  # so that it logs every trial anew
    started = time.perf_counter()
    log_search(search, study, tuned, {})
    seconds = time.perf_counter() - started
    steps = [
        (each.user_attrs[PARAMS], len(each.intermediate_values)) for each in ended_trials(study)
    ]
    return {"trials": steps, "logging": seconds}


def holdout(files: ModelFiles, seed: int) -> dict:
    split = files.data.split.model_copy(update={"seed": seed})
    select = files.model.select.model_copy(update={"seed": seed})
    model = files.model.model_copy(update={"select": select})
    files = replace(files, data=files.data.model_copy(update={"split": split}), model=model)
    tuned, search, _ = tune(files, quiet)
    prepared = prepare(files, load_table(files).frame)
    train, test = prepared.holdout.train, prepared.holdout.test
    best = replace_params(search.candidate, tuned.params)
    target, classes, metric = prepared.target[test], prepared.boundary.classes, tuned.metric
    task, threshold = model.task, prepared.boundary.threshold
    scores = [
        pipeline_scores(fit(files, search.name, each, prepared, train), prepared.matrix[test], task)
        for each in (search.candidate, best)
    ]
    values = [metrics.value(metric, task, target, each, classes, threshold) for each in scores]
    drop = paired_drop(metric, task, target, *scores, classes, (threshold,) * 2, 0, 0.05)
    gains = -drop if higher_is_better(metric) else drop
    low, high = np.percentile(gains[np.isfinite(gains)], [2.5, 97.5])
    return {
        "metric": metric, "state": tuned.state, "before": values[0], "after": values[1],
        "low": float(low), "high": float(high),
    }  # fmt: skip


def main(what: str, root: str, model: str, *more: str) -> None:
    offer_own_code(Path(root))
    files = load_model(Path(root), model)
    answer = trials(files) if what == "trials" else holdout(files, int(more[0]))
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
