"""The alert rules: each fires when it should, none when it should not, and all can be tested."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_tools import MONITORING, RULE_FILES, read_rules, run, write_rules
from rendering import DEPLOY, ROOT, Render
from test_manifest_schemas import in_an_overlay

from tagship.config.project import ProjectConfig

CASES = sorted((Path(__file__).parent / "alerts").glob("*.yaml"))
LONG = {"budgets", "days"}
"""What they tell is weeks of samples; each alert of theirs is seen firing below all the same."""
ALERTS = sorted(rule["alert"] for rule in read_rules() if "alert" in rule)
RUNBOOK = ROOT / "docs" / "runbook.md"


def without_runbook(rule: dict[str, Any]) -> None:
    """The test files repeat the summaries; the address is tested apart."""
    rule.get("annotations", {}).pop("runbook_url", None)


def cases_in(case: Path) -> list[dict[str, Any]]:
    tests: list[dict[str, Any]] = yaml.safe_load(case.read_text(encoding="utf-8"))["tests"]
    return tests


def check(case: Path, folder: Path, change: Any = without_runbook) -> str:
    """What promtool finds wrong when it runs a file of unit tests; empty when all is right."""
    write_rules(folder, change)
    shutil.copy(case, folder / "test.yaml")
    done = run("promtool", "test", "rules", "test.yaml", cwd=folder)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    write_rules(tmp_path)
    done = run("promtool", "check", "rules", "--lint-fatal", *RULE_FILES, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=pytest.mark.slow) if c.stem in LONG else c for c in CASES],
    ids=lambda case: case.stem,
)
def test_alerts_fire_and_keep_quiet_as_the_file_says(case: Path, tmp_path: Path) -> None:
    assert check(case, tmp_path) == ""


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_seen_firing_and_a_deaf_one_is_noticed(alert: str, tmp_path: Path) -> None:
    def deafen(rule: dict[str, Any]) -> None:
        without_runbook(rule)
        if rule.get("alert") == alert:
            rule["expr"] = f"({rule['expr']}) < -1e9"

    for case in CASES:
        firing = [
            test
            for test in cases_in(case)
            if any(
                asked["alertname"] == alert and asked["exp_alerts"]
                for asked in test.get("alert_rule_test", ())
            )
        ]
        if firing:
            head = yaml.safe_load(case.read_text(encoding="utf-8"))
            single_test = tmp_path / "one.yaml"
            single_test.write_text(yaml.safe_dump(head | {"tests": firing[:1]}), encoding="utf-8")
            assert f"alertname: {alert}" in check(single_test, tmp_path, deafen)
            return
    pytest.fail(f"no test sees {alert} firing")


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_seen_quiet(alert: str) -> None:
    for case in CASES:
        for test in cases_in(case):
            if any(
                a["alertname"] == alert and not a["exp_alerts"]
                for a in test.get("alert_rule_test", ())
            ):
                return
            for asked in test.get("promql_expr_test", ()):
                pattern = re.search(r'alertname=(~?)"([^"]+)"', asked["expr"])
                everything = asked["expr"] == "ALERTS" or pattern is None
                if not asked["exp_samples"] and (everything or re.fullmatch(pattern[2], alert)):
                    return
    pytest.fail(f"no test sees {alert} keep quiet")


def test_the_rules_hold_the_objectives_of_the_project(project: ProjectConfig) -> None:
    goal = project.objectives
    seconds = goal.latency_ms / 1000
    labels = {"project": project.name}
    found = {
        rule["record"]: (rule["expr"], rule["labels"])
        for rule in read_rules()
        if rule.get("record", "").startswith("tagship:objective:")
    }
    assert found == {
        "tagship:objective:availability": (f"vector({goal.availability})", labels),
        "tagship:objective:latency": (
            f"vector({goal.latency_share})",
            labels | {"le": str(seconds)},
        ),
        "tagship:objective:latency_seconds": (f"vector({seconds})", labels),
    }, "write the objectives of config/project.yaml into deploy/monitoring/objectives.yaml"


def test_the_service_monitor_adds_the_labels_that_rules_group_by(
    deploy: Path, render: Render
) -> None:
    overlay = next(iter(sorted(DEPLOY.glob("*/*/release.yaml")))).parent
    monitored = in_an_overlay([DEPLOY / "components" / "service-monitor"], deploy)
    kinds = {resource["kind"]: resource for resource in monitored}
    (endpoint,) = kinds["ServiceMonitor"]["spec"]["endpoints"]
    assert endpoint["honorLabels"]
    prefix = "__meta_kubernetes_service_label_"
    there = {
        prefix + re.sub(r"\W", "_", label): value
        for label, value in kinds["Service"]["metadata"]["labels"].items()
    }
    added = {
        rule["targetLabel"]: there[rule["sourceLabels"][0]]
        for rule in endpoint["relabelings"]
        if "targetLabel" in rule
    }
    record = yaml.safe_load((overlay / "release.yaml").read_text(encoding="utf-8"))
    project = kinds["Service"]["metadata"]["labels"]["app.kubernetes.io/part-of"]
    assert added == {
        "project": project,
        "model": record["model"],
        "environment": record["environment"],
    }


def test_each_alert_has_a_severity_a_summary_and_its_place_in_the_runbook() -> None:
    headings = re.findall(r"^### (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.M)
    assert sorted(headings) == ALERTS
    for rule in read_rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["summary"]
            address, anchor = rule["annotations"]["runbook_url"].split("#")
            assert address.endswith("/blob/main/docs/runbook.md")
            assert anchor == rule["alert"].lower()


def test_what_a_summary_names_is_a_label_of_its_alert() -> None:
    """A label that the query drops would leave a hole in the sentence."""
    for case in CASES:
        for test in cases_in(case):
            for asked in test.get("alert_rule_test", ()):
                for expected in asked["exp_alerts"]:
                    assert "<no value>" not in expected["exp_annotations"]["summary"]
                    assert "  " not in expected["exp_annotations"]["summary"]


def receivers(*labels: str) -> str:
    routes = ("config", "routes", "test", "--config.file", str(MONITORING / "alertmanager.yaml"))
    done = run("amtool", *routes, *labels)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_alertmanager_accepts_the_example() -> None:
    done = run("amtool", "check-config", str(MONITORING / "alertmanager.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("alert", "environment", "receiver"),
    [
        ("TagshipErrorBudgetFastBurn", "production", "page"),
        ("TagshipErrorBudgetFastBurn", "staging", "ticket"),
        ("TagshipErrorBudgetSlowBurn", "production", "ticket"),
        ("TagshipDrift", "production", "ticket"),
        ("TagshipNothingScraped", "", "page"),
    ],
)
def test_a_page_of_production_wakes_somebody_and_nothing_else_does(
    alert: str, environment: str, receiver: str
) -> None:
    severity = next(r["labels"]["severity"] for r in read_rules() if r.get("alert") == alert)
    assert (
        receivers(f"alertname={alert}", f"severity={severity}", f"environment={environment}")
        == receiver
    )


def test_alertmanager_names_only_alerts_that_exist() -> None:
    text = (MONITORING / "alertmanager.yaml").read_text(encoding="utf-8")
    for pattern in re.findall(r"alertname=~?\"([^\"]+)\"", text):
        assert any(re.fullmatch(pattern, alert) for alert in ALERTS), pattern
