"""MLflow: a record of every run, for people who look there. Git stays the source of truth."""

import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tagship.config.project_files import ModelFiles, config_sha256
from tagship.config.root import tracking_uri
from tagship.training.bundle import Bundle
from tagship.training.lock import Interval
from tagship.training.mlflow_store import mlflow_client
from tagship.training.registration import SHA_TAG, ModelPackage, log_model

_NAME_LENGTH = 200
"""MLflow takes 250 characters, and what is put before and after a name needs some."""


def log_training(
    files: ModelFiles,
    bundle: Bundle,
    verdict: str,
    plots: Mapping[str, bytes],
    model: ModelPackage,
    measured: Mapping[str, float],
) -> str:
    """Record one training: a parent run, a run per candidate, the model as a version.

    ``measured`` are further metrics of the training, such as what gates measured.

    A model that fails its gates is logged, never registered; the same artifact is registered once.
    Returns the parent run's id.

    Raises:
        TagshipError: the store refuses or cannot be reached.
    """
    with mlflow_client(files.root) as client:
        experiment = model_experiment(client, files)
        tags = _tags(files, bundle) | {"verdict": verdict}
        parent = client.create_run(experiment, run_name=f"{files.name}", tags=tags).info.run_id
        try:
            _log_candidates(client, experiment, parent, files, bundle)
            _log_parent(client, parent, bundle, measured)
            _log_dataset(client, parent, files, bundle)
            for name, image in plots.items():
                log_bytes(client, parent, image, f"plots/{name}.png")
            log_bytes(client, parent, (files.work / "lock.yaml").read_bytes(), "model.lock.yaml")
            log_model(client, parent, files, bundle, model, register=verdict != "fail")
        except Exception:
            with suppress(Exception):  # the store may be what failed
                client.set_terminated(parent, "FAILED")
            raise
        client.set_terminated(parent)
    return str(parent)


def log_plots(files: ModelFiles, sha256: str, plots: Mapping[str, bytes], folder: str) -> str:
    """Add plots to the last run of an artifact; says which run it is, or why there is none.

    Raises:
        TagshipError: the store refuses or cannot be reached.
    """
    local = tracking_uri(files.root) == f"sqlite:///{files.root / 'mlflow.db'}"
    if local and not (files.root / "mlflow.db").is_file():
        return "not in MLflow, which has no run here"
    with mlflow_client(files.root) as client:
        experiment = client.get_experiment_by_name(files.name)
        runs = experiment and client.search_runs(
            [experiment.experiment_id], f"tags.{SHA_TAG} = '{sha256}'", max_results=1
        )
        if not runs:
            return "not in MLflow, which has no run of this artifact"
        run = runs[0].info.run_id
        for name, image in plots.items():
            log_bytes(client, run, image, f"{folder}/{name}.png")
    return f"in MLflow under run {run}"


def model_experiment(client: Any, files: ModelFiles) -> str:
    experiment = client.get_experiment_by_name(files.name)
    if experiment is not None:
        return str(experiment.experiment_id)
    local = tracking_uri(files.root).startswith("sqlite")
    place = (files.root / "mlruns" / files.name).as_uri() if local else None
    return str(client.create_experiment(files.name, artifact_location=place))


def _tags(files: ModelFiles, bundle: Bundle) -> dict[str, str]:
    return {
        SHA_TAG: bundle.lock.artifact.sha256,
        "data_sha256": bundle.lock.data.sha256,
        "config_sha256": config_sha256(files.model, frozenset({"tune"})),
        "mlflow.source.git.commit": _commit(files.root),
        "mlflow.source.name": f"config/{files.name}",
    }


def _commit(root: Path) -> str:
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # no git, as in a container
        return "none"
    return result.stdout.strip() if result.returncode == 0 else "none"


def _log_candidates(
    client: Any, experiment: str, parent: str, files: ModelFiles, bundle: Bundle
) -> None:
    from mlflow.entities import Metric, Param

    metric, now = files.model.select.metric, int(time.time() * 1000)
    for name, score in bundle.lock.candidates.items():
        candidate = files.model.candidates[name]
        tags = {"mlflow.parentRunId": parent, "winner": str(name == bundle.lock.winner.candidate)}
        run = client.create_run(experiment, run_name=name, tags=tags).info.run_id
        values = {
            f"cv_{_plain(metric)}": score.mean,
            f"cv_{_plain(metric)}_std": score.std,
            "seconds": bundle.cost.candidate_seconds[name],
        }
        folds = enumerate(bundle.out_of_fold.values[name])
        settings = {"estimator": candidate.estimator, **candidate.params}
        settings |= {key: getattr(candidate, key) for key in ("scale", "impute", "encode")}
        client.log_batch(
            run,
            metrics=[Metric(key, value, now, 0) for key, value in values.items()]
            + [Metric(fold_metric(metric), value, now, fold) for fold, value in folds],
            params=[Param(key, str(value)) for key, value in settings.items()],
        )
        client.set_terminated(run)


def _log_parent(client: Any, parent: str, bundle: Bundle, measured: Mapping[str, float]) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    values = {
        "seconds": bundle.cost.seconds,
        "artifact_mb": bundle.lock.artifact.bytes / 1e6,
        **measured,
    }
    if bundle.cost.peak_memory_mb is not None:
        values["peak_memory_mb"] = bundle.cost.peak_memory_mb
    values |= _metric_values(bundle.lock.metrics)
    winner = bundle.lock.winner
    settings = {"task": bundle.lock.task, "winner": winner.candidate, "estimator": winner.estimator}
    client.log_batch(
        parent,
        metrics=[Metric(key, value, now, 0) for key, value in values.items()],
        params=[Param(key, str(value)) for key, value in {**settings, **winner.params}.items()],
    )


def _metric_values(metrics: Mapping[str, Interval]) -> dict[str, float]:
    values: dict[str, float] = {}
    for metric, name in metric_names(metrics).items():
        interval = metrics[metric]
        values |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return values


def metric_names(metrics: Iterable[str]) -> dict[str, str]:
    """For each metric a name that MLflow takes, numbered where two, or their bounds, are alike."""
    names, names_in_use = {}, set[str]()
    for metric in metrics:
        name, number = _plain(metric), 1
        while not names_in_use.isdisjoint({name, f"{name}_low", f"{name}_high"}):
            number += 1
            name = f"{_plain(metric)}_{number}"
        names[metric] = name
        names_in_use |= {name, f"{name}_low", f"{name}_high"}
    return names


def fold_metric(metric: str) -> str:
    """The name of a candidate's selection metric, whose steps are the folds."""
    return f"fold_{_plain(metric)}"


def _plain(metric: str) -> str:
    """``f1[R&D]`` as ``f1_R_D``: MLflow refuses most signs, and names that are no simple path."""
    return re.sub(r"[^\w\-. ]", "_", metric.removesuffix("]"))[:_NAME_LENGTH]


def _log_dataset(client: Any, parent: str, files: ModelFiles, bundle: Bundle) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = files.data.source.model_dump_json(exclude_none=True)
    data = Dataset(
        name=files.name,
        digest=bundle.lock.data.sha256[:36],
        source_type=files.data.source.kind,
        source=source,
        profile=f'{{"num_rows": {bundle.lock.data.rows}}}',
    )
    client.log_inputs(parent, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])


def log_bytes(client: Any, run: str, content: bytes, name: str) -> None:
    """Add a file to a run, by its content and its path there."""
    import tempfile

    folder, _, file = name.rpartition("/")
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / file
        path.write_bytes(content)
        client.log_artifact(run, str(path), folder or None)
