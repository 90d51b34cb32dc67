"""When a model's issue is open, what it says, and what is retrained."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shop import Shop
from tagship.config.project import Retrain
from tagship.errors import TagshipError
from tagship.monitoring.alerts import (
    Issue,
    MonitorEntry,
    issue_for,
    models_to_retrain,
    read_entries,
)


def seen(status: str, environment: str = "production", **more: object) -> MonitorEntry:
    given = {"time": "2026-11-21T10:00:00Z", "model": "churn", "environment": environment}
    return MonitorEntry.model_validate({**given, "status": status, **more})


def after(*observations: list[MonitorEntry]) -> Issue:
    """The issue after a series of observations, each given what the one before left open."""
    issue, body = None, None
    for entries in observations:
        issue = issue_for("churn", entries, body)
        body = f"<!-- tagship:monitor:churn -->\n{issue.body}" if issue.open else None
    assert issue is not None
    return issue


@pytest.mark.parametrize(
    ("statuses", "is_open"),
    [
        (["ok"], False),
        (["warn"], False),
        (["no data"], False),
        (["fail"], True),
        (["error"], True),
        (["fail", "warn"], True),
        (["fail", "no data"], True),
        (["error", "no data", "ok"], False),
        (["fail", "ok", "warn"], False),
    ],
)
def test_it_is_open_from_the_first_failure_until_all_is_ok(
    statuses: list[str], is_open: bool
) -> None:
    assert after(*([seen(status)] for status in statuses)).open is is_open


def test_every_environment_must_recover() -> None:
    both = [seen("fail"), seen("fail", "staging")]
    half = after(both, [seen("ok"), seen("warn", "staging")])
    assert half.open
    assert "needs attention in: staging." in half.body
    assert not after(both, [seen("ok"), seen("ok", "staging")]).open


def test_another_models_failure_is_not_its_own() -> None:
    assert not issue_for("churn", [seen("fail", model="fraud")], None).open


def test_what_a_request_said_is_no_markup() -> None:
    planted = "new category '```\n@everyone <img src=x>'"
    body = after([seen("fail", reasons=[planted])]).body
    inside = body.partition("```text\n")[2].partition("\n```")[0]
    assert "@everyone <img src=x>" in inside


@pytest.mark.parametrize("text", ["", "{}", '[{"model": "churn"}]', '[{"status": "fine"}]'])
def test_anything_else_than_an_answer_of_monitor_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "monitor.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TagshipError, match="not what `tagship monitor --json` prints"):
        read_entries(path)
    with pytest.raises(TagshipError):
        read_entries(tmp_path / "none.json")


def test_unknown_keys_of_an_answer_do_not_matter(tmp_path: Path) -> None:
    entry = {"time": "now", "model": "m", "environment": "e", "status": "ok", "requests": 7}
    path = tmp_path / "monitor.json"
    path.write_text(json.dumps([entry | {"drift": {"status": "ok", "columns": []}}]))
    assert read_entries(path)[0].drift is not None


FAILED = {"status": "fail"}


@pytest.mark.parametrize(
    ("observations", "on", "wanted"),
    [
        ([seen("fail", drift=FAILED)], ["drift"], ["churn"]),
        ([seen("fail", performance=FAILED)], ["drift", "performance"], ["churn"]),
        ([seen("fail", performance=FAILED)], ["drift"], []),
        ([seen("fail", drift=FAILED)], [], []),
        ([seen("fail", "staging", drift=FAILED)], ["drift"], []),
        ([seen("warn", drift={"status": "warn"})], ["drift"], []),
        ([seen("error")], ["drift"], []),
        ([seen("fail", model="gone", drift=FAILED)], ["drift"], []),
    ],
    ids=["drift", "performance", "not asked for", "switched off", "staging", "warning", "error",
         "no such model"],
)  # fmt: skip
def test_the_last_environments_failure_asks_for_a_retraining(
    shipped: Shop, observations: list[MonitorEntry], on: list[str], wanted: list[str]
) -> None:
    snapshot = shipped.snapshot()
    project = snapshot.project.model_copy(update={"retrain": Retrain.model_validate({"on": on})})
    now = snapshot.history.release("churn/v1.1.0").raw.date
    assert models_to_retrain(replace(snapshot, project=project), observations, now) == wanted


def test_so_does_a_champion_of_a_certain_age(shipped: Shop) -> None:
    snapshot = shipped.snapshot()
    old = Retrain.model_validate({"every": "30d"})
    snapshot = replace(snapshot, project=snapshot.project.model_copy(update={"retrain": old}))
    released = snapshot.history.release("churn/v1.1.0").raw.date
    assert models_to_retrain(snapshot, [], released + timedelta(days=29)) == []
    assert models_to_retrain(snapshot, [], released + timedelta(days=31)) == ["churn"]
