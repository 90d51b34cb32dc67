"""Observations as Prometheus metrics: a textfile for node exporter, or a Pushgateway."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tagship.errors import TagshipError
from tagship.files import write_atomically
from tagship.monitoring.history import last_run
from tagship.monitoring.verdicts import Observation

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

Sample = tuple[str, dict[str, str], float | None]
_CODES = {"ok": 0, "warn": 1, "fail": 2, "no data": -1}
_SECONDS = 10
_HELP = {
    "monitor_last_run_timestamp_seconds": "When it was last observed without an error.",
    "monitor_rows": "Predictions in the observed window.",
    "deployed_info": "What Git says is deployed there.",
    "drift_status": "0 ok, 1 warn, 2 fail, -1 no data.",
    "drift_score": "How far a column is from its reference.",
    "drifted_columns_share": "Share of the columns that drifted.",
    "performance_status": "0 ok, 1 warn, 2 fail, -1 no data.",
    "performance": "A metric of the labelled predictions.",
    "performance_low": "The lower end of its 95 % interval.",
    "performance_high": "The upper end of its 95 % interval.",
    "performance_value": "What a labelled prediction was worth, in the currency of value.",
}


def write_textfile(root: Path, path: Path, observations: Iterable[Observation]) -> None:
    """Write the textfile that node exporter collects, whole or not at all.

    Raises:
        TagshipError: it cannot be written.
    """
    from prometheus_client import generate_latest

    write_atomically(path, generate_latest(_registry(root, observations)))


def push(root: Path, gateway: str, observations: Iterable[Observation]) -> None:
    """Replace each group on a Pushgateway: job ``tagship_monitor``, model and environment.

    Raises:
        TagshipError: it cannot be reached, or refuses; the other groups were sent.
    """
    from prometheus_client import push_to_gateway

    refused = {}
    for observation in observations:
        place = {"model": observation.model, "environment": observation.environment}
        try:
            registry = _registry(root, [observation])
            push_to_gateway(gateway, "tagship_monitor", registry, place, timeout=_SECONDS)
        except (OSError, ValueError) as error:
            refused[f"{observation.model}/{observation.environment}"] = error
    if refused:
        raise TagshipError(
            f"{gateway}: the Pushgateway does not take the metrics of {', '.join(refused)}:"
            f" {next(iter(refused.values()))}",
            "check the address; the observations are in .tagship/monitor",
        )


def _registry(root: Path, observations: Iterable[Observation]) -> "CollectorRegistry":
    from prometheus_client import CollectorRegistry, Gauge

    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for observation in observations:
        place = {"model": observation.model, "environment": observation.environment}
        for name, labels, value in _samples(root, observation):
            if value is None:
                continue
            if name not in gauges:
                names = [*place, *labels]
                gauges[name] = Gauge(f"tagship_{name}", _HELP[name], names, registry=registry)
            gauges[name].labels(**place, **labels).set(value)
    return registry


def _samples(root: Path, observation: Observation) -> Iterator[Sample]:
    release = {"release": observation.release}
    if observation.release:
        yield "deployed_info", release | {"model_sha256": observation.model_sha256}, 1
    last = observation.time if observation.status != "error" else last_run(root, observation)
    if last is not None:
        seconds = datetime.fromisoformat(last).timestamp()
        yield "monitor_last_run_timestamp_seconds", {}, seconds
    if observation.status == "error":
        return
    yield "monitor_rows", {}, observation.rows
    if observation.drift is not None:
        yield "drift_status", release, _CODES[observation.drift["status"]]
        yield "drifted_columns_share", {}, observation.drift["drifted_share"]
        for finding in observation.drift["findings"]:
            where = {"column": finding["column"], "method": finding["method"]}
            if finding["check"] in ("drift", "prediction", "target"):
                yield "drift_score", where, finding["value"]
    if observation.performance is not None:
        for result in observation.performance.metrics:
            metric = {"metric": result.metric}
            yield "performance", metric, result.value
            yield "performance_low", metric, result.low
            yield "performance_high", metric, result.high
            if result.status is not None:
                yield "performance_status", release | metric, _CODES[result.status]
        if (slices := observation.performance.slices_status) is not None:
            yield "performance_status", release | {"metric": "slices"}, _CODES[slices]
        if observation.performance.value is not None:
            yield "performance_value", {}, observation.performance.value.mean
