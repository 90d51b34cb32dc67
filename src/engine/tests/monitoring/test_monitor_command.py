"""`tagship monitor`: what runs is judged by its own release, kept, published and exported."""

import http.server
import json
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deployed_models import WATCHED, deploy, git, log, publish, push
from prediction_logs import label, line, write
from prometheus_client.parser import text_string_to_metric_families

from projects import Project
from tagship.gitops.append_only_branch import append_files
from tagship.gitops.git import Git
from tagship.monitoring.history import path_of
from tagship.monitoring.observe import format_time

LOGS = "monitoring: {log: 'logs/{environment}/{model}'}\n"


@pytest.fixture
def watched(run_project: Project) -> Project:
    """The project after a run, with performance declared."""
    run_project.edit("thresholds", "parity:", f"{WATCHED}parity:")
    return run_project


@pytest.fixture
def running(watched: Project) -> Project:
    """The same with v1.0.0 in staging and production, and the place of their logs declared."""
    path = watched.path("config/project.yaml")
    path.write_text(path.read_text(encoding="utf-8") + LOGS, encoding="utf-8")
    publish(watched)
    deploy(watched, "v1.0.0", "staging/1", "production/1")
    return watched


def local(project: Project) -> Path:
    return project.root / ".tagship" / "predictions" / "tiny"


def looked(project: Project, *arguments: str, code: int = 0) -> list[dict]:
    """What a run finds, by environment."""
    ran = project.tagship("monitor", "--json", *arguments)
    assert ran.code == code, ran
    return {one["environment"]: one for one in json.loads(ran.out)}


def test_without_deployments_what_is_served_here_is_judged(watched):
    log(watched, local(watched))
    found = looked(watched)["local"]
    assert (found["status"], found["reasons"], found["rows"]) == ("ok", [], 400)
    assert found["performance"]["labels"]["joined"] == 400
    assert found["performance"]["metrics"][0]["metric"] == "roc_auc"
    ran = watched.tagship("monitor")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == [
        "model", "environment", "release", "rows", "drift", "performance", "status",
    ]  # fmt: skip


def test_a_confident_drop_has_its_own_exit_code(watched):
    log(watched, local(watched), turned=True)
    ran = watched.tagship("monitor")
    assert ran.code == 3
    assert "! tiny/local: performance: roc_auc is 0." in ran.out


def test_no_data_has_its_own_exit_code(watched):
    found = looked(watched, code=4)["local"]
    assert (found["status"], found["rows"]) == ("no data", 0)
    assert [one.split(":")[0] for one in found["reasons"]] == ["drift", "performance"]


def test_labels_that_are_not_there_yet_do_not_hide_what_drift_says(watched):
    log(watched, local(watched), labels=99)
    found = looked(watched)["local"]
    assert (found["status"], found["rows"]) == ("ok", 400)
    assert found["performance"]["status"] == "no data"
    assert found["reasons"] == [
        "performance: at most 99 labelled predictions in a window of 7d; 100 are needed"
    ]


def test_shifted_requests_are_drift(watched):
    log(watched, local(watched), shift=20)
    found = looked(watched, code=3)["local"]
    assert found["drift"]["status"] == "fail"
    assert found["reasons"][0].startswith("drift: ")
    assert "visits" in found["reasons"][0]
    log(watched, local(watched), seed=2)
    assert looked(watched, code=3)["local"]["rows"] == 800


def test_labels_show_that_the_target_drifted(watched):
    """Nearly everybody buys now; with few labels the target is left alone."""
    log(watched, local(watched), labels=20)
    found = looked(watched)["local"]["drift"]
    assert "target" not in {finding["check"] for finding in found["findings"]}
    lines = [label(f"1-{number}", "yes") for number in range(390)]
    write(local(watched), *lines, kind="feedback", process=9)
    found = looked(watched, code=3)["local"]["drift"]
    [target] = [finding for finding in found["findings"] if finding["check"] == "target"]
    assert target["status"] == "fail"


def test_a_log_without_a_usable_line_says_so(watched):
    write(local(watched), "oops", line(model="other"), line()[:50], "oops")
    found = looked(watched, code=4)["local"]
    assert found["skipped"] == {"not JSON": 2, "cut off": 1, "other model": 1}
    assert "no line of the log could be used: 2 not JSON" in found["reasons"][-1]


def test_predictions_of_an_earlier_artifact_do_not_count(watched):
    log(watched, local(watched))
    write(local(watched), line(model="tiny", model_sha256="b" * 64), process=50)
    assert looked(watched)["local"]["rows"] == 400


def test_each_environment_is_judged_by_its_own_log(running):
    log(running, running.path("logs/staging/tiny"), turned=True, release="tiny/v1.0.0")
    log(running, running.path("logs/production/tiny"), release="tiny/v1.0.0")
    found = looked(running, code=3)
    assert {name: one["status"] for name, one in found.items()} == {
        "staging": "fail",
        "production": "ok",
    }
    assert found["production"]["release"] == "tiny/v1.0.0"
    only = looked(running, "tiny", "--env", "production")
    assert list(only) == ["production"]


def test_what_was_deployed_counts_not_what_is_on_main(running):
    """Main moves on to another model, with another column: production's own release judges."""
    log(running, running.path("logs/production/tiny"), release="tiny/v1.0.0")
    running.edit("data", "missing: 0.2}", "missing: 0.2, feature: false}")
    running.edit("data", "rows: {min: 50}", "rows: {min: 50, duplicates: 1}")
    running.relock()
    found = looked(running, "--env", "production")["production"]
    assert (found["status"], found["rows"]) == ("ok", 400)
    remote = running.root.parent / "remote.git"
    push(running, remote)
    deploy(running, "v2.0.0", "production/2")
    found = looked(running, "--env", "production", code=4)["production"]
    assert (found["release"], found["rows"]) == ("tiny/v2.0.0", 0)


def test_nobody_said_where_the_log_is(watched):
    publish(watched)
    deploy(watched, "v1.0.0", "production/1")
    found = looked(watched, code=4)["production"]
    assert "monitoring.log does not say where production logs" in found["reasons"][0]


@pytest.mark.parametrize("ref", ["tiny/staging/2", "tiny/staging/x", "other/production/1"])
def test_a_tag_that_nobody_should_have_made_does_not_stop_the_looks(running, ref):
    log(running, running.path("logs/production/tiny"), release="tiny/v1.0.0")
    git(running.root, "tag", ref)
    git(running.root, "push", "-q", "origin", f"refs/tags/{ref}")
    assert looked(running, code=4)["production"]["status"] == "ok"


def test_a_log_that_is_not_there_is_no_data_and_says_so(running):
    found = looked(running, code=4)["production"]
    assert found["status"] == "no data"
    assert found["reasons"][-1].endswith("logs/production/tiny: no such file or folder")
    running.path("logs/production/tiny").mkdir(parents=True)
    assert "no such file" not in looked(running, code=4)["production"]["reasons"][-1]


def test_an_error_of_one_environment_does_not_stop_the_others(running, monkeypatch):
    log(running, running.path("logs/production/tiny"), release="tiny/v1.0.0")
    running.edit("config/project.yaml", "'logs/{environment}/{model}'",
                 "'${PLACE_OF_{environment}}/{model}'")  # fmt: skip
    monkeypatch.setenv("PLACE_OF_production", str(running.path("logs/production")))
    found = looked(running, code=1)
    assert found["staging"]["status"] == "error"
    assert "PLACE_OF_staging is not set" in found["staging"]["error"]
    assert found["production"]["status"] == "ok"
    assert not list(running.path(".tagship/monitor/history/tiny").glob("staging/*"))


def test_a_release_with_another_artifact_than_the_deployed_is_an_error(watched):
    publish(watched)
    deploy(watched, "v1.0.0", "production/1", sha256="b" * 64)
    found = looked(watched, code=1)["production"]
    assert "its lock names artifact" in found["error"]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda p: p.unlink(), "has no config/tiny/reference.json"),
        (lambda p: p.write_text("{}"), "is not the reference that its lock names"),
    ],
    ids=["missing", "changed"],
)
def test_a_release_without_its_reference_is_an_error(watched, damage, says):
    remote = publish(watched)
    damage(watched.path("config/tiny/reference.json"))
    push(watched, remote)
    deploy(watched, "v1.0.0", "production/1")
    assert says in looked(watched, code=1)["production"]["error"]


def test_a_release_whose_lock_is_gone_is_an_error(watched):
    publish(watched)
    sha256 = "a" * 64
    git(watched.root, "rm", "-q", "--cached", "config/tiny/model.lock.yaml")
    git(watched.root, "commit", "-qm", "oops")
    git(watched.root, "push", "-q", "origin", "main")
    deploy(watched, "v1.0.0", "production/1", sha256=sha256)
    assert (
        "its commit has no config/tiny/model.lock.yaml"
        in looked(watched, code=1)["production"]["error"]
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tyni"], "no model 'tyni'"),
        (["--env", "live"], "'live' is no environment"),
    ],
)
def test_a_wrong_name_is_refused(running, arguments, says):
    running.refused("monitor", *arguments, says=says)


def test_an_environment_without_deployments_is_refused(watched):
    publish(watched)
    watched.refused("monitor", "--env", "production", says="nothing is deployed to production")


def test_neither_drift_nor_performance_is_no_data(run_project):
    path = run_project.path("thresholds")
    path.write_text(re.sub(r"drift:.*\n(  .*\n)*", "", path.read_text()))
    log(run_project, local(run_project))
    ran = run_project.tagship("monitor")
    assert ran.code == 4
    assert "thresholds.yaml" in ran.out


def test_labels_may_come_in_a_file(running):
    log(running, running.path("logs/production/tiny"), release="tiny/v1.0.0", labels=0)
    running.edit("config/project.yaml", "{model}'}", "{model}', labels: 'labels/{model}.csv'}")
    found = looked(running, "--env", "production", code=1)["production"]
    assert "labels/tiny.csv" in found["error"]
    rows = "".join(f"1-{number},{'yes' if number % 2 else 'no'}\n" for number in range(400))
    running.write("labels/tiny.csv", f"request_id,actual\n{rows}")
    found = looked(running, "--env", "production", code=3)["production"]
    assert found["performance"]["labels"]["joined"] == 400


def test_what_was_found_is_kept_and_published(running):
    log(running, running.path("logs/staging/tiny"), release="tiny/v1.0.0")
    looked(running, "--push", code=4)
    [kept] = running.path(".tagship/monitor/history/tiny/staging").glob("*.json")
    remote = running.root.parent / "remote.git"
    listed = git(remote, "ls-tree", "-r", "--name-only", "monitor").splitlines()
    assert f"history/tiny/staging/{kept.name}" in listed
    assert len(listed) == 2
    assert json.loads(git(remote, "show", f"monitor:history/tiny/staging/{kept.name}")) == (
        json.loads(kept.read_text())
    )
    said = git(remote, "log", "-1", "--format=%B", "monitor")
    assert "tiny/staging: ok" in said
    assert git(running.root, "status", "--porcelain", "--untracked-files=no") == ""
    assert git(running.root, "branch", "--show-current") == "main"


def test_two_who_publish_at_once_both_succeed(running):
    folder = running.root.parent
    clones = [folder / "one", folder / "two", folder / "three"]
    for clone in clones:
        git(folder, "clone", "-q", str(folder / "remote.git"), str(clone))
        git(clone, "config", "user.name", clone.name)
        git(clone, "config", "user.email", "x@example.org")
    threads = [
        threading.Thread(target=append_files, args=(Git(c), "monitor", {f"{c.name}/a": "1"}, "add"))
        for c in clones
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = git(folder / "remote.git", "ls-tree", "-r", "--name-only", "monitor").split()
    assert listed == ["one/a", "three/a", "two/a"]
    assert git(folder / "remote.git", "rev-list", "--count", "monitor") == "3"


def test_the_journal_only_grows(running):
    from tagship.errors import TagshipError

    journal = Git(running.root)
    first = append_files(journal, "monitor", {"a": "1"}, "add")
    assert append_files(journal, "monitor", {"a": "1"}, "again") == first
    with pytest.raises(TagshipError, match="a: it is there already, and says something else"):
        append_files(journal, "monitor", {"a": "2", "b": "1"}, "change")
    assert git(running.root.parent / "remote.git", "rev-parse", "monitor") == first


def samples(path: Path) -> dict[tuple[str, ...], float]:
    """Values by name, environment and whatever other labels there are, but the model."""
    found = {}
    for family in text_string_to_metric_families(path.read_text()):
        for sample in family.samples:
            assert sample.labels.pop("model") == "tiny"
            rest = [value for key, value in sorted(sample.labels.items()) if key != "environment"]
            name = sample.name.removeprefix("tagship_")
            found[name, sample.labels["environment"], *rest] = sample.value
    return found


def test_the_textfile_says_what_was_found(running, tmp_path):
    log(running, running.path("logs/staging/tiny"), turned=True, release="tiny/v1.0.0")
    path = tmp_path / "tagship.prom"
    looked(running, "--prometheus", str(path), code=3)
    sha256 = looked(running, code=3)["staging"]["model_sha256"]
    found = samples(path)
    assert found["monitor_rows", "staging"] == 400
    assert found["monitor_rows", "production"] == 0
    assert found["performance_status", "staging", "roc_auc", "tiny/v1.0.0"] == 2
    assert 0 < found["performance", "staging", "roc_auc"] < 0.5
    assert found["performance_low", "staging", "brier"] < (
        found["performance_high", "staging", "brier"]
    )
    assert found["deployed_info", "staging", sha256, "tiny/v1.0.0"] == 1
    if shutil.which("promtool"):
        with path.open("rb") as text:
            said = subprocess.run(["promtool", "check", "metrics"], stdin=text, check=False)
        assert said.returncode == 0


@pytest.mark.parametrize(
    ("gates", "status"),
    [
        ("metric: roc_auc, fail_below: 0.999", 2),
        ("metric: roc_auc, max_gap: 0.0, fail_below: 0.1", 1),
        ("metric: roc_auc, fail_below: 0.1", 0),
        ("metric: roc_auc, fail_below: 0.999, min_rows: 1000", -1),
    ],
    ids=["fail", "warn for the gap", "ok", "too small"],
)
def test_what_slices_say_reaches_prometheus(running, tmp_path, gates, status):
    running.edit("thresholds", "parity:", f"slices: {{by: [plan], {gates}}}\nparity:")
    log(running, running.path("logs/production/tiny"), release="tiny/v1.0.0")
    path = tmp_path / "tagship.prom"
    code = {2: 3, 1: 5}.get(status, 0)
    looked(running, "--env", "production", "--prometheus", str(path), code=code)
    found = samples(path)
    assert found["performance_status", "production", "roc_auc", "tiny/v1.0.0"] == 0
    assert found["performance_status", "production", "slices", "tiny/v1.0.0"] == status


def test_an_environment_whose_log_nobody_named_is_exported_as_no_data(watched, tmp_path):
    publish(watched)
    deploy(watched, "v1.0.0", "production/1")
    path = tmp_path / "tagship.prom"
    looked(watched, "--prometheus", str(path), code=4)
    found = samples(path)
    assert found["drift_status", "production", "tiny/v1.0.0"] == -1
    assert found["performance_status", "production", "roc_auc", "tiny/v1.0.0"] == -1
    assert found["monitor_rows", "production"] == 0
    assert {name for name, *_ in found} == {
        "deployed_info", "drift_status", "monitor_last_run_timestamp_seconds", "monitor_rows",
        "performance_status",
    }  # fmt: skip


def test_what_is_not_declared_is_not_exported_as_unmeasured(run_project, tmp_path):
    publish(run_project)
    deploy(run_project, "v1.0.0", "production/1")
    path = tmp_path / "tagship.prom"
    looked(run_project, "--prometheus", str(path), code=4)
    names = {name for name, *_ in samples(path)}
    assert "drift_status" in names
    assert "performance_status" not in names


def test_too_few_labels_are_exported_as_no_data(running, tmp_path):
    log(running, running.path("logs/production/tiny"), release="tiny/v1.0.0", labels=99)
    path = tmp_path / "tagship.prom"
    looked(running, "--env", "production", "--prometheus", str(path))
    found = samples(path)
    assert found["drift_status", "production", "tiny/v1.0.0"] == 0
    assert found["performance_status", "production", "roc_auc", "tiny/v1.0.0"] == -1
    assert not [place for place in found if place[0] == "performance"]


def test_after_an_error_the_last_run_is_the_one_before(running, tmp_path):
    path, key = tmp_path / "tagship.prom", "monitor_last_run_timestamp_seconds"
    looked(running, "--prometheus", str(path), code=4)
    before = {place: value for place, value in samples(path).items() if place[0] == key}
    assert len(before) == 2
    running.edit("config/project.yaml", "logs/{environment}", "${NO_SUCH_PLACE}/{environment}")
    looked(running, "--prometheus", str(path), code=1)
    after = samples(path)
    assert {place: value for place, value in after.items() if place[0] == key} == before
    assert {place[0] for place in after} == {key, "deployed_info"}


@contextmanager
def pushgateway(refused: str = "nobody"):
    """The address of a gateway that refuses paths with a word, and what was sent to each path."""
    got: dict[str, str] = {}

    class Gateway(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            length = int(self.headers["Content-Length"])
            got[self.path] = self.rfile.read(length).decode()
            self.send_response(400 if refused in self.path else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


def test_a_pushgateway_gets_a_group_for_each_place(running):
    log(running, running.path("logs/staging/tiny"), release="tiny/v1.0.0")
    with pushgateway() as (address, got):
        looked(running, "--pushgateway", address, code=4)
    group = "/metrics/job/tagship_monitor/environment"
    assert set(got) == {f"{group}/staging/model/tiny", f"{group}/production/model/tiny"}
    assert "tagship_monitor_rows" in got[f"{group}/staging/model/tiny"]
    running.refused("monitor", "--pushgateway", address, says="the Pushgateway does not take")


def test_a_group_that_is_refused_keeps_nothing_else_from_being_sent(running, tmp_path):
    with pushgateway(refused="staging") as (address, got):
        ran = running.tagship("monitor", "--push", "--prometheus", str(tmp_path),
                              "--pushgateway", address)  # fmt: skip
    assert ran.code == 1
    assert len(got) == 2
    assert "does not take the metrics of tiny/staging: " in ran.err
    assert f"error: {tmp_path}: " in ran.err  # a folder is no textfile
    remote = running.root.parent / "remote.git"
    listed = git(remote, "ls-tree", "-r", "--name-only", "monitor").splitlines()
    assert len(listed) == 2


def test_two_looks_within_a_second_are_two_files_in_order() -> None:
    moment = datetime(2026, 11, 21, 15, 51, 7, 123_000, tzinfo=UTC)
    about = {"model": "tiny", "environment": "staging", "release": "tiny/v1.0.0"}
    about |= {"model_sha256": "0" * 64, "status": "ok"}
    times = [format_time(moment + timedelta(milliseconds=later)) for later in (0, 4)]
    names = [path_of({**about, "time": time}) for time in times]
    assert names[0] == "history/tiny/staging/20261121T155107.123Z.json"
    assert names == sorted(set(names))
