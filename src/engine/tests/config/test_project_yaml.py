"""What project.yaml says about watching: one case for each rule."""

from pathlib import Path

import pytest

from projects import Project
from tagship.config.base_model import parse_duration
from tagship.config.project_files import load_project
from tagship.errors import TagshipError


def _with(project: Project, section: str) -> Path:
    path = project.path("config/project.yaml")
    path.write_text(path.read_text(encoding="utf-8") + section, encoding="utf-8")
    return project.root


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("monitoring: {log: 'logs/{model}'}", "monitoring.log: write {environment}"),
        ("monitoring: {log: 'logs/{environment}'}", "write {model} where"),
        ("monitoring: {labels: 'labels.csv'}", "write {model} where"),
        ("monitoring: {log: 'logs/{modle}'}", "'{modle}' is unknown"),
        ("monitoring: {window: 5s}", "project.yaml:5: monitoring.window"),
        ("monitoring: {window: 0d}", "monitoring.window"),
        ("objectives: {availability: 1}", "objectives.availability: 1"),
        ("objectives: {availability: 99.9}", "objectives.availability: 99.9"),
        ("retrain: {on: [drfit]}", "retrain.on.0"),
        ("retrain: {evry: 30d}", "did you mean 'every'?"),
    ],
)
def test_a_watching_section_that_means_nothing_is_refused(
    project: Project, section: str, message: str
) -> None:
    with pytest.raises(TagshipError) as refused:
        load_project(_with(project, section))
    assert message in str(refused.value)


def test_a_log_may_be_a_url_with_a_variable(project: Project) -> None:
    log = "s3://${BUCKET}/{environment}/{model}"
    assert load_project(_with(project, f"monitoring: {{log: '{log}'}}")).monitoring.log == log


def test_one_environment_needs_no_name_in_the_log(project: Project) -> None:
    section = "environments: [live]\nmonitoring: {log: 'logs/{model}'}"
    assert load_project(_with(project, section)).monitoring.log == "logs/{model}"


def test_a_duration_is_minutes_hours_or_days() -> None:
    found = [parse_duration(text).total_seconds() for text in ("30m", "24h", "7d")]
    assert found == [1800, 86400, 604800]


def test_what_is_watched_is_no_part_of_the_gates(project: Project) -> None:
    before = project.files.thresholds_sha256
    project.edit("thresholds", "parity:", "performance: {max_drop: {f1: 0.1}}\nparity:")
    assert project.files.thresholds_sha256 == before
    project.edit("thresholds", "margin: 0.0", "margin: 0.1")
    assert project.files.thresholds_sha256 != before
