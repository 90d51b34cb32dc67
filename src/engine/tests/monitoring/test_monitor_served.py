"""The monitor reads what a real service really wrote, while it runs and after it ended."""

import contextlib
import json
import os
import signal
import socket
import time
from datetime import UTC, datetime

import httpx
import pytest
from deployed_models import WATCHED, asked, deploy, publish

from projects import make_table

SECONDS = 300


@contextlib.contextmanager
def service(project, **variables):
    """A client of ``tagship serve tiny``; the process ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = project.start("serve", "tiny", "--port", str(port), **variables)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            end = time.monotonic() + SECONDS
            while True:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < end
                with contextlib.suppress(httpx.HTTPError):
                    if client.get("/readyz").status_code == 200:
                        break
                time.sleep(0.2)
            yield client
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=120)


def post(client, path, content):
    answer = client.post(path, json=content)
    assert answer.is_success, answer.text
    return answer.json()


def looked(project, *arguments):
    ran = project.tagship("monitor", "--json", *arguments)
    assert ran.code in (0, 3, 4, 5), ran
    [found] = json.loads(ran.out)
    return found


@pytest.fixture
def watched(run_project):
    run_project.edit("thresholds", "parity:", f"{WATCHED}parity:")
    return run_project


@pytest.mark.slow
def test_requests_of_every_shape_and_their_labels_are_found(watched):
    records, _, bought = asked(400, seed=3)
    with service(watched) as client:
        labels = [
            {"request_id": post(client, "/predict", record)["request_id"], "actual": actual}
            for record, actual in zip(records[:200], bought[:200], strict=True)
        ]
        post(client, "/feedback", labels)
        assert client.post("/predict", json={"age": "old"}).status_code == 422
        end = time.monotonic() + SECONDS
        while looked(watched)["rows"] < 200:
            assert time.monotonic() < end
            time.sleep(0.2)
        for many, actual in (
            (records[200:300], bought[200:300]),
            (records[300:], bought[300:]),
        ):
            name = post(client, "/predict", many)["request_id"]
            rows = enumerate(actual)
            post(
                client, "/feedback", [{"request_id": name, "row": r, "actual": a} for r, a in rows]
            )
        never = client.post("/feedback", json={"request_id": "never", "actual": "yes"})
        assert never.status_code == 404
    found = looked(watched)
    assert (found["rows"], found["skipped"]) == (400, {})
    labels = found["performance"]["labels"]
    assert (labels["joined"], labels["unknown"], labels["received"]) == (400, 0, 400)
    assert found["drift"]["rows"] == 400
    assert (found["status"], found["reasons"]) == ("ok", [])
    roc_auc = found["performance"]["metrics"][0]
    assert roc_auc["low"] < roc_auc["value"] < roc_auc["high"]


@pytest.mark.slow
def test_a_deployed_release_is_judged_by_what_its_service_logged(watched):
    path = watched.path("config/project.yaml")
    log = "monitoring: {log: 'logs/{environment}/{model}'}\n"
    path.write_text(path.read_text(encoding="utf-8") + log, encoding="utf-8")
    publish(watched)
    release = deploy(watched, "v1.0.0", "production/1")
    [record] = watched.root.glob(".tagship/bentoml/bentos/tiny/*/src/artifact/record.json")
    deployed = json.loads(record.read_text()) | {"release": release}
    watched.write("release.yaml", "".join(f'{key}: "{v}"\n' for key, v in deployed.items()))
    variables = {
        "TAGSHIP_RECORD": str(watched.path("release.yaml")),
        "TAGSHIP_LOG_DIR": str(watched.path("logs/production/tiny/pod-1")),
    }
    records, _, _ = asked(300, seed=4)
    for record in records:
        record["visits"] = min(record["visits"] + 25, 50)
    with service(watched, **variables) as client:
        assert post(client, "/predict", records)["release"] == release
    found = looked(watched)
    assert (found["environment"], found["release"], found["rows"]) == ("production", release, 300)
    assert found["status"] == "fail"
    assert found["reasons"][0].startswith("drift: ")
    assert "visits" in found["reasons"][0]
    assert found["performance"]["status"] == "no data"


@pytest.mark.slow
def test_five_thousand_requests_are_ok_and_as_many_shifted_ones_name_their_column(run_project):
    def ask(seed, shift):
        for row in make_table(5000, seed=seed)[["age", "visits", "plan"]].itertuples(index=False):
            age = None if row.age != row.age else row.age
            post(client, "/predict", {"age": age, "visits": shift(row.visits), "plan": row.plan})

    def drift(*window):
        ran = run_project.tagship("drift", "tiny", "--json", *window)
        return ran.code, json.loads(ran.out)

    def drift_of_all(*window):
        """The log is written beside the requests: as soon as it holds them."""
        end = time.monotonic() + SECONDS
        while (judged := drift(*window))[1]["rows"] < 5000:
            assert time.monotonic() < end, judged
            time.sleep(0.2)
        return judged

    with service(run_project) as client:
        code, found = drift()
        assert (code, found["status"]) == (4, "no data")
        ask(99, lambda visits: visits)
        code, found = drift_of_all()
        assert (code, found["status"], found["rows"]) == (0, "ok", 5000), found
        between = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        ask(98, lambda visits: min(2 * visits, 50))
        code, found = drift_of_all("--since", between)
    assert (code, found["status"], found["rows"]) == (3, "fail", 5000), found
    assert found["reason"] == "prediction, visits"
