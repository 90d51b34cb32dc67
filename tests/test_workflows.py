"""GitHub would take the workflows, and they hold no known mistake."""

import json
import re

from conftest import ROOT, Run

WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))


def test_they_are_valid(run: Run) -> None:
    schema = ("--builtin-schema", "vendor.github-workflows")
    run("check-jsonschema", *schema, *map(str, WORKFLOWS))


def test_no_known_mistake_is_in_them(run: Run) -> None:
    form = ("--offline", "--no-progress", "--min-severity", "medium", "--format", "json")
    assert json.loads(run("zizmor", *form, str(ROOT / ".github"))) == []


def test_every_action_is_pinned_by_its_commit() -> None:
    for path in WORKFLOWS:
        for action in re.findall(r"uses: ([^\s#]+)", path.read_text(encoding="utf-8")):
            assert action.startswith("./") or re.search(r"@[0-9a-f]{40}$", action), path.name
