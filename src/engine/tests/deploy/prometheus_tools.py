"""Prometheus' and Alertmanager's own programs, and the rules in the form that they read."""

import subprocess
from pathlib import Path
from typing import Any

import yaml
from rendering import DEPLOY

from tools import find_program

MONITORING = DEPLOY / "monitoring"
RULE_FILES = ("rules.yaml", "objectives.yaml")


def run(name: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run one of the programs to its end."""
    return subprocess.run(
        [find_program(name), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def read_groups(name: str) -> list[dict[str, Any]]:
    """The rule groups of one of ``RULE_FILES``: the custom resource's spec."""
    content = yaml.safe_load((MONITORING / name).read_text(encoding="utf-8"))
    groups: list[dict[str, Any]] = content["spec"]["groups"]
    return groups


def read_rules() -> list[dict[str, Any]]:
    """Every rule of every group."""
    return [rule for name in RULE_FILES for group in read_groups(name) for rule in group["rules"]]


def write_rules(folder: Path, change: Any = None) -> None:
    """Write the rule files for Prometheus, each rule after ``change``."""
    for name in RULE_FILES:
        groups = read_groups(name)
        for rule in [rule for group in groups for rule in group["rules"] if change]:
            change(rule)
        (folder / name).write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
