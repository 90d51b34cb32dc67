"""A real Prometheus scrapes a real service with our rules; every dashboard query has an answer.

The service is slow, or fails, by its own feature function; the monitor's metrics are the textfile
of a real `tagship monitor`. Only the kubelet's figures are written here: no kubelet runs in a test.
"""

import contextlib
import http.server
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from deployed_models import WATCHED, deploy, log, publish

from projects import Project, make_project
from tools import find_program

pytestmark = pytest.mark.slow

MONITORING = Path(__file__).parents[4] / "deploy" / "monitoring"
SECONDS = 300
LOGS = "monitoring: {log: 'logs/{environment}/{model}'}\n"
PLACE = {"model": "tiny", "environment": "production"}
RECORD = {"age": 40.5, "visits": 12, "plan": "pro"}
MOODY = """\
import time
from pathlib import Path

MOOD = Path({mood!r})


def derive(columns):
    mood = MOOD.read_text() if MOOD.is_file() else ""
    if mood == "slow":
        time.sleep(1.2)
    if mood == "broken":
        raise RuntimeError("no mood to predict")
    return {{"visits_squared": columns["visits"] ** 2}}
"""
KUBELET = """\
container_cpu_usage_seconds_total{{{pod}}} {now}
container_cpu_cfs_periods_total{{{pod}}} {now}
container_cpu_cfs_throttled_periods_total{{{pod}}} 0
container_memory_working_set_bytes{{{pod}}} 250e6
container_spec_memory_limit_bytes{{{pod}}} 768e6
"""
OF_MONITOR = re.compile(r"tagship_(monitor|drift|drifted|performance|deployed)_?\w*")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], why: str) -> Any:
    """What the function gives, as soon as it gives something."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError):
            if found := what():
                return found
        time.sleep(0.2)
    raise AssertionError(f"not within {SECONDS} s: {why}")


@contextlib.contextmanager
def running(command: list[str], ready: str, folder: Path, **variables: str) -> Iterator[None]:
    """A server from when its address answers until the block ends."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **variables}, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: process.poll() is not None or httpx.get(ready).is_success, ready)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


@contextlib.contextmanager
def texts(pages: dict[str, Callable[[], str]]) -> Iterator[int]:
    """The port of a server that answers a path with a text."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # it may end while it asks
                self.wfile.write(pages[self.path]().encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@dataclass(frozen=True)
class Watched:
    """A service and the Prometheus that watches it."""

    service: str
    prometheus: str
    mood: Path
    project: str
    """The project's name, as its objectives carry it."""

    def ask(self, body: object = RECORD, times: int = 1) -> int:
        """Send a request some times; the last status."""
        for _ in range(times):
            answer = httpx.post(f"{self.service}/predict", json=body, timeout=30)
        return answer.status_code

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query that are numbers."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return [sample for sample in result if not math.isnan(float(sample["value"][1]))]

    def firing(self) -> dict[str, dict[str, Any]]:
        """What fires now, by name."""
        alerts = httpx.get(f"{self.prometheus}/api/v1/alerts").json()["data"]["alerts"]
        return {a["labels"]["alertname"]: a for a in alerts if a["state"] == "firing"}

    def rules(self) -> list[dict[str, Any]]:
        """All rules as Prometheus holds them."""
        groups = httpx.get(f"{self.prometheus}/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def names(self, job: str) -> set[str]:
        """The names of the metrics that a job exports."""
        found = self.query(f'count by (__name__) ({{job="{job}"}})')
        return {sample["metric"]["__name__"] for sample in found}


def specs() -> dict[str, Any]:
    """The rule files without the custom resource around them."""
    read = {name: MONITORING / f"{name}.yaml" for name in ("rules", "objectives")}
    return {name: yaml.safe_load(path.read_text("utf-8"))["spec"] for name, path in read.items()}


def objective(found: dict[str, Any], name: str) -> dict[str, Any]:
    rules = found["objectives"]["groups"][0]["rules"]
    return next(rule for rule in rules if rule["record"] == f"tagship:objective:{name}")


def kept() -> list[dict[str, Any]]:
    """What the ServiceMonitor keeps of a scrape, in Prometheus' own spelling."""
    monitor = yaml.safe_load(
        (MONITORING.parent / "components/service-monitor/service-monitor.yaml").read_text("utf-8")
    )
    (endpoint,) = monitor["spec"]["endpoints"]
    spelling = {"sourceLabels": "source_labels"}
    return [
        {spelling.get(key, key): value for key, value in rule.items()}
        for rule in endpoint["metricRelabelings"]
    ]


def write_prometheus(folder: Path, service: str, other: int) -> str:
    """Configuration and rules; gives the project's name.

    Only the objective differs from the files: a busy machine must not be slow by itself.
    """
    found = specs()
    objective(found, "latency")["labels"]["le"] = "1.0"
    objective(found, "latency_seconds")["expr"] = "vector(1)"
    name = str(objective(found, "latency")["labels"]["project"])
    for kind, spec in found.items():
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    labels = {"project": name, **PLACE, "namespace": "shop-production", "pod": "tiny-model-1"}

    def job(job_name: str, target: str, path: str, **labels: str) -> dict[str, Any]:
        targets = {"targets": [target], "labels": labels}
        return {
            "job_name": job_name,
            "metrics_path": path,
            "honor_labels": True,
            "static_configs": [targets],
        }

    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml", "objectives.yaml"],
        "scrape_configs": [
            job("model", service, "/metrics", **labels) | {"metric_relabel_configs": kept()},
            job("monitor", f"127.0.0.1:{other}", "/monitor"),
            job("kubelet", f"127.0.0.1:{other}", "/kubelet"),
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return name


def moody_project(root: Path, mood: Path) -> tuple[Project, str]:
    """A project whose model's feature function does what ``mood`` says; its artifact's SHA-256.

    It is deployed to production by Git's tags, and `tagship monitor` has looked at its log.
    """
    project = make_project(root)
    project.write("src/features/moody.py", MOODY.format(mood=str(mood)))
    project.edit("model", "task: binary\n", "task: binary\nfeatures: features.moody:derive\n")
    project.edit("thresholds", "parity:", f"{WATCHED}parity:")
    about = project.path("config/project.yaml")
    about.write_text(about.read_text("utf-8") + LOGS, encoding="utf-8")
    ran = project.tagship("run", "tiny")
    assert ran.code == 0, ran.out + ran.err
    publish(project)
    release = deploy(project, "v1.0.0", "production/1")
    log(project, project.path("logs/production/tiny"), release=release)
    ran = project.tagship("monitor", "--prometheus", str(project.path("monitor.prom")))
    assert ran.code == 0, ran.out + ran.err
    lock = yaml.safe_load(project.lock.read_text(encoding="utf-8"))
    return project, lock["artifact"]["sha256"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A healthy service with some requests answered and some refused, seen by Prometheus."""
    program = find_program("prometheus")
    folder = tmp_path_factory.mktemp("watched")
    mood = folder / "mood"
    project, sha256 = moody_project(folder / "project", mood)
    record = folder / "release.yaml"
    record.write_text(
        f"model: tiny\nenvironment: production\nrelease: tiny/v1.0.0\nmodel_sha256: {sha256}\n"
    )
    pod = 'namespace="shop-production",pod="tiny-model-1",container="server"'
    pages = {
        "/monitor": project.path("monitor.prom").read_text,
        "/kubelet": lambda: KUBELET.format(pod=pod, now=time.time()),
    }
    service, prometheus = (f"127.0.0.1:{free_port()}" for _ in range(2))
    serve = [sys.executable, "-m", "tagship", "serve", "tiny", "--port", service.split(":")[1]]
    watch = [program, "--config.file=prometheus.yml", f"--storage.tsdb.path={folder / 'data'}"]
    with (
        texts(pages) as other,
        running(serve, f"http://{service}/readyz", project.root, TAGSHIP_RECORD=str(record)),
    ):
        name = write_prometheus(folder, service, other)
        watch.append(f"--web.listen-address={prometheus}")
        with running(watch, f"http://{prometheus}/-/ready", folder):
            found = Watched(f"http://{service}", f"http://{prometheus}", mood, name)
            assert found.ask() == 200
            assert found.ask({}) == 422
            wait_for(lambda: found.query("bentoml_service_request_total"), "the first scrape")
            assert found.ask(times=40) == 200
            assert found.ask({"age": 3}, times=4) == 422
            yield found


def test_a_healthy_service_makes_no_alert_and_every_rule_can_be_evaluated(watched: Watched) -> None:
    rate = 'increase(bentoml_service_request_total{http_response_code="200"}[1m]) > 30'
    wait_for(lambda: watched.query(rate), "the requests are seen")
    wait_for(lambda: all(r["health"] == "ok" for r in watched.rules()), "each rule evaluated")
    assert watched.firing() == {}
    assert watched.query("tagship:slow_ratio:5m") == []


def test_each_metric_of_rules_and_dashboards_is_exported(watched: Watched) -> None:
    texts_ = [path.read_text(encoding="utf-8") for path in MONITORING.rglob("*") if path.is_file()]
    named = set(re.findall(r"\b(?:bentoml|tagship|container)_\w+", " ".join(texts_)))
    of_monitor = {name for name in named if OF_MONITOR.fullmatch(name)}
    of_kubelet = {name for name in named if name.startswith("container_")}
    assert len(named) > 15
    assert named - of_monitor - of_kubelet <= watched.names("model")
    assert of_monitor <= watched.names("monitor")
    assert of_kubelet <= watched.names("kubelet")


def test_what_the_service_exports_carries_the_labels_that_rules_group_by(watched: Watched) -> None:
    (info,) = watched.query("tagship_model_info")
    assert info["metric"]["release"] == "tiny/v1.0.0"
    for name in watched.names("model"):
        for sample in watched.query(f'{name}{{job="model"}}'):
            labels = sample["metric"]
            assert (labels["project"], labels["environment"]) == (watched.project, "production")
            assert labels["model"] == "tiny"
            assert "exported_model" not in labels


def test_only_the_paths_that_people_depend_on_are_kept(watched: Watched) -> None:
    assert httpx.get(f"{watched.service}/docs.json", timeout=30).status_code == 200
    assert "/docs.json" in httpx.get(f"{watched.service}/metrics").text
    seen = 'bentoml_service_request_total{http_response_code="200"}'
    before = watched.query(f"sum({seen})")[0]["value"][1]
    assert watched.ask() == 200
    wait_for(lambda: watched.query(f"sum({seen}) > {before}"), "a scrape after it")
    found = watched.query("count by (endpoint) (bentoml_service_request_total)")
    assert {sample["metric"]["endpoint"] for sample in found} == {"/predict"}


def test_the_latency_objective_is_a_bucket_of_the_service(watched: Watched) -> None:
    found = watched.query("count by (le) (bentoml_service_request_duration_seconds_bucket)")
    buckets = {sample["metric"]["le"] for sample in found}
    assert objective(specs(), "latency")["labels"]["le"] in buckets


@pytest.fixture(scope="module")
def troubled(watched: Watched) -> dict[str, dict[str, Any]]:
    """What fires after the service was slow for a while, and after it failed for a while."""
    watched.mood.write_text("slow")
    assert watched.ask(times=12) == 200
    slow = wait_for(lambda: watched.firing().get("TagshipLatencyBudgetFastBurn"), "slow is told")
    assert "TagshipErrorBudgetFastBurn" not in watched.firing()
    watched.mood.write_text("broken")
    assert watched.ask(times=12) == 500
    broken = wait_for(lambda: watched.firing().get("TagshipErrorBudgetFastBurn"), "broken is told")
    watched.mood.write_text("")
    assert watched.ask() == 200
    return {"slow": slow, "broken": broken}


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("slow", "of the answers of tiny in production are slow"),
        ("broken", "of the requests to tiny in production fail"),
    ],
)
def test_an_alert_fires_when_the_service_is_made(
    trouble: str, says: str, troubled: dict[str, dict[str, Any]]
) -> None:
    alert = troubled[trouble]
    assert PLACE.items() <= alert["labels"].items()
    assert alert["labels"]["severity"] == "page"
    assert re.match(rf"\d[\d.]*% {says}", alert["annotations"]["summary"])


def dashboard_queries() -> list[Any]:
    boards = sorted((MONITORING / "dashboards").glob("*.json"))
    return [
        pytest.param(target["expr"], id=f"{path.stem}-{panel['id']}{target['refId']}")
        for path in boards
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel.get("targets", ())
    ]


@pytest.mark.usefixtures("troubled")
@pytest.mark.parametrize("expression", dashboard_queries())
def test_each_dashboard_query_has_an_answer(watched: Watched, expression: str) -> None:
    values = {"project": watched.project, **PLACE, "__rate_interval": "2m"}
    asked = re.sub(r"\$(\w+)", lambda match: values[match[1]], expression)
    watched.ask(times=2)
    wait_for(lambda: watched.query(asked), f"an answer to {asked}")


@pytest.mark.parametrize(
    "board", sorted((MONITORING / "dashboards").glob("*.json")), ids=lambda p: p.stem
)
def test_each_variable_of_a_dashboard_has_values(watched: Watched, board: Path) -> None:
    for variable in json.loads(board.read_text(encoding="utf-8"))["templating"]["list"]:
        if variable["type"] == "query":
            series, label = re.fullmatch(
                r"label_values\((.+), (\w+)\)", variable["definition"]
            ).groups()
            asked = re.sub(
                r"\$(\w+)", lambda m: {"project": watched.project, **PLACE}[m[1]], series
            )
            assert {sample["metric"][label] for sample in watched.query(asked)} - {""}
