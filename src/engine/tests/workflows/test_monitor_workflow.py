"""monitor.yml's own steps: one issue a model, and a retraining's pull request, or why not."""

import itertools
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hub import Hub
from logged import log
from runner import Run

from projects import make_table

pytestmark = pytest.mark.slow

LOOK = ".venv/bin/tagship monitor --json"


_SECONDS = itertools.count()


def watch(hub: Hub, status: str, reason: str = "", code: int = 3, **more: Any) -> Run:
    """The workflow, after a look that found this in production and nothing in staging."""
    time = f"2026-11-21T10:00:{next(_SECONDS):02}Z"
    entry = {"schema": 1, "time": time, "model": "tiny", "reasons": [reason]}
    verdict = {"status": status if status != "error" else "no data"}
    production = {"environment": "production", "status": status, "drift": verdict, **more}
    staging = {"environment": "staging", "status": "no data", "reasons": ["nothing was logged"]}
    hub.edge.save("seen", [{**entry, **production}, {**entry, **staging}])
    hub.plant("monitor", LOOK, f"sh -c 'cat \"$EDGE/seen.json\"; exit {code}'")
    return hub.dispatch("monitor")


def issues(hub: Hub) -> list[dict[str, Any]]:
    return list(hub.edge.load("issues", []))


def new_visitors(hub: Hub) -> None:
    new = make_table(150, seed=99).assign(visitor=[f"n{number:05d}" for number in range(150)])
    new["age"] = (new["age"] + 8).clip(18, 99)
    hub.project.rewrite_table(lambda table: pd.concat([table, new]))
    hub.commit("feat: the data of november")
    hub.git("push", "-q", "origin", "main")


def test_the_first_alert_opens_the_second_updates_and_recovery_closes(shipped: Hub) -> None:
    ran = watch(shipped, "fail", "age: psi 0.31 is above 0.2", release="tiny/v1.0.0", rows=5000)
    assert ran.ok, ran.log
    (issue,) = issues(shipped)
    assert (issue["state"], issue["number"]) == ("open", 41)
    assert "| ❌ | production | fail | tiny/v1.0.0 | 5,000 |" in issue["body"]
    assert "```text\nage: psi 0.31 is above 0.2\n```" in issue["body"]
    (comment,) = shipped.comments
    assert "Retraining: unchanged." in comment
    assert "main's lock is of this very data" in comment
    pulls, tags = shipped.pulls, shipped.tags

    new_visitors(shipped)
    ran = watch(shipped, "fail", "age: psi 0.44 is above 0.2")
    assert ran.ok, ran.log
    (issue,) = issues(shipped)
    assert (issue["state"], "0.44" in issue["body"]) == ("open", True)
    made = shipped.pulls[len(pulls) :]
    assert [pull["head"] for pull in made] == ["retrain/tiny"]
    assert "age: psi 0.44 is above 0.2" in made[0]["body"]
    assert "### `tiny`: " in made[0]["body"]
    (comment,) = shipped.comments
    assert made[0]["url"] in comment

    ran = watch(shipped, "fail", "age: psi 0.45 is above 0.2")
    assert ran.ok, ran.log
    again = shipped.pulls[len(pulls) :]
    assert [pull["url"] for pull in again] == [made[0]["url"]]
    assert "0.45" in again[0]["body"]

    for status, code in (("warn", 5), ("no data", 4)):
        ran = watch(shipped, status, code=code)
        assert ran.ok, ran.log
        assert [issue["state"] for issue in issues(shipped)] == ["open"]
        assert ran.results("retrain") == "skipped"
    ran = watch(shipped, "ok", code=0)
    assert ran.ok, ran.log
    assert [(i["state"], i.get("state_reason")) for i in issues(shipped)] == [
        ("closed", "completed")
    ]
    assert shipped.tags == tags

    assert watch(shipped, "ok", code=0).ok
    assert len(issues(shipped)) == 1
    assert watch(shipped, "fail").ok
    assert [issue["state"] for issue in issues(shipped)] == ["closed", "open"]


def test_what_really_was_logged_opens_and_closes_the_issue(shipped: Hub, tmp_path: Path) -> None:
    """With `tagship monitor` itself, on logs such as the service writes."""
    logs = tmp_path / "logs"
    where = f"monitoring: {{log: '{logs}/{{environment}}/{{model}}'}}\n"
    project = shipped.project.path("config/project.yaml").read_text(encoding="utf-8")
    shipped.project.write("config/project.yaml", project + where)
    shipped.commit("feat: say where the logs are")
    shipped.git("push", "-q", "origin", "main")

    def monitor(shift: float) -> Run:
        shutil.rmtree(logs, ignore_errors=True)
        for environment, by in (("staging", 0), ("production", shift)):
            folder = logs / environment / "tiny"
            log(shipped.project, folder, release="tiny/v1.0.0", shift=by, labels=0)
        return shipped.dispatch("monitor")

    ran = monitor(shift=0)
    assert ran.ok, ran.log
    assert issues(shipped) == []
    assert ran.results("retrain") == "skipped"
    ran = monitor(shift=15)
    assert ran.ok, ran.log
    (issue,) = issues(shipped)
    assert "needs attention in: production." in issue["body"]
    assert "visits" in issue["body"]
    assert "Retraining: unchanged." in shipped.comments[0]
    ran = monitor(shift=0)
    assert ran.ok, ran.log
    assert [issue["state"] for issue in issues(shipped)] == ["closed"]


def test_a_look_that_broke_fails_the_run_and_is_in_the_issue(shipped: Hub) -> None:
    ran = watch(shipped, "error", error="the log cannot be read", code=1)
    assert ran.results("watch") == "failure"
    assert ran.results("retrain") == "skipped"
    (issue,) = issues(shipped)
    assert "the log cannot be read" in issue["body"]


def test_a_retraining_that_breaks_fails_the_run(shipped: Hub) -> None:
    """Exit code 1 is no refusal: here somebody else's commit stands on the branch."""
    shipped.branch("retrain/tiny", lambda: shipped.project.write("NOTES.md", "mine\n"))
    new_visitors(shipped)
    ran = watch(shipped, "fail")
    assert ran.results("retrain") == "failure"
    assert "was not made by `tagship retrain`" in ran.log


def test_without_the_permission_nothing_is_opened(shipped: Hub) -> None:
    path = "{contents: write, issues: write} # contents"
    shipped.plant("monitor", path, "{contents: write, issues: read} # contents")
    planted = shipped.runner.workflows["monitor"]
    entry = {
        "time": "2026-11-21T10:00:00Z",
        "model": "tiny",
        "environment": "production",
        "status": "fail",
    }
    shipped.edge.save("seen", [entry])
    step = next(s for s in planted["jobs"]["watch"]["steps"] if LOOK in s.get("run", ""))
    step["run"] = step["run"].replace(LOOK, 'cat "$EDGE/seen.json"')
    ran = shipped.dispatch("monitor")
    assert ran.results("issues") == "failure"
    assert "HTTP 403" in ran.log
    assert issues(shipped) == []
