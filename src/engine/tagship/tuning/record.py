"""What a search leaves for people: its runs in MLflow, and one page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tagship.comparison.runs import KIND, MOST_RUNS
from tagship.reports.html import data_uri, render, write_html
from tagship.reports.plot_style import style, to_png
from tagship.training.mlflow_store import mlflow_client
from tagship.training.tracking import log_bytes, model_experiment
from tagship.tuning.study import PARAMS, Search, complete_trials, ended_trials
from tagship.tuning.tune import TuningResult

_RUN = "mlflow_run"
_ALT = {
    "history": "What each trial scored, in order, and the best so far",
    "importance": "How much of the differences between trials each parameter explains",
    "parallel": "One line a complete trial, through the value of each parameter",
    "slices": "For each parameter, its value in each trial against what the trial scored",
}


def draw_search(search: Search, study: Any) -> dict[str, bytes]:
    """The plots of a search as PNG: ``history`` and, where two trials are complete,
    ``importance``, ``parallel`` and ``slices``."""
    import warnings

    import optuna.visualization.matplotlib as plots
    from matplotlib import pyplot
    from optuna.exceptions import ExperimentalWarning
    from optuna.importance import PedAnovaImportanceEvaluator

    metric = search.files.model.select.metric
    plot_calls: dict[str, Callable[[], Any]] = {
        "history": lambda: plots.plot_optimization_history(study, target_name=metric)
    }
    if len({trial.value for trial in complete_trials(study)}) > 1:
        plot_calls |= {
            "importance": lambda: plots.plot_param_importances(
                study, evaluator=PedAnovaImportanceEvaluator(), target_name=metric
            ),
            "slices": lambda: plots.plot_slice(study, target_name=metric),
        }
        if len(search.space) > 1:
            plot_calls["parallel"] = lambda: plots.plot_parallel_coordinate(
                study, target_name=metric
            )
    images = {}
    with style(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        for name, draw in plot_calls.items():
            axes = draw()
            figure = axes.flat[0].figure if hasattr(axes, "flat") else axes.figure
            images[name] = to_png(figure)
            pyplot.close(figure)
    return images


def write_page(search: Search, study: Any, tuned: TuningResult, plots: dict[str, bytes]) -> Path:
    """Write ``reports/<model>-tuning.html`` whole or not at all, and say where it is."""
    trials = sorted(complete_trials(study), key=lambda trial: -search.sign * trial.value)
    html = render(
        "tuning.html.j2",
        search=search,
        tuned=tuned,
        current={name: search.candidate.params.get(name, "default") for name in search.space},
        trials=[(trial.number, trial.value, trial.user_attrs[PARAMS]) for trial in trials[:10]],
        plots=[(name, _ALT[name], data_uri(plots[name])) for name in _ALT if name in plots],
    )
    return write_html(search.files.root, f"{search.files.name}-tuning", html)


def log_search(search: Search, study: Any, tuned: TuningResult, plots: dict[str, bytes]) -> str:
    """Record a search in MLflow: one parent run, and a run for each trial that it does not have.

    Returns the parent run's id.

    Raises:
        TagshipError: the store refuses or cannot be reached.
    """
    from mlflow.entities import Metric, Param

    files = search.files
    with mlflow_client(files.root) as client:
        experiment = model_experiment(client, files)
        parent = study.user_attrs.get(_RUN)
        if parent is None or not _exists(client, parent):
            tags = {
                KIND: "tuning",
                "candidate": search.name,
                "estimator": search.candidate.estimator,
            }
            name = f"{files.name} tuning"
            parent = client.create_run(experiment, run_name=name, tags=tags).info.run_id
            study.set_user_attr(_RUN, parent)
        children = client.search_runs(
            [experiment], f"tags.`mlflow.parentRunId` = '{parent}'", max_results=MOST_RUNS
        )
        logged = {run.info.run_name for run in children}
        for trial in ended_trials(study):
            name = f"trial {trial.number}"
            if name in logged:
                continue
            start, end = (int(t.timestamp() * 1000) for t in _times(trial))
            tags = {"mlflow.parentRunId": parent, "state": trial.state.name.lower()}
            run = client.create_run(experiment, start, tags, name).info.run_id
            values = trial.intermediate_values
            metrics = [Metric("running_mean", mean, end, step) for step, mean in values.items()]
            if trial.value is not None:
                metrics.append(Metric("value", trial.value, end, 0))
            trial_params = trial.user_attrs.get(PARAMS, {})
            params = [Param(key, str(value)) for key, value in trial_params.items()]
            client.log_batch(run, metrics=metrics, params=params)
            client.set_terminated(run, "FAILED" if trial.state.name == "FAIL" else None, end)
        client.set_tag(parent, "conclusion", tuned.conclusion)
        for name, image in plots.items():
            log_bytes(client, str(parent), image, f"plots/{name}.png")
        client.set_terminated(parent)
    return str(parent)


def _exists(client: Any, run: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        client.get_run(run)
    except MlflowException:  # another store than before
        return False
    return True


def _times(trial: Any) -> tuple[Any, Any]:
    start = trial.datetime_start
    return start, trial.datetime_complete or start
