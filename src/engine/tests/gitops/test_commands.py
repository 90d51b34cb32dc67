"""The commands: JSON for programs, tables and the next command for people, exit codes."""

import json
from collections.abc import Callable

from shop import Shop, image

COMMANDS = ("release", "propose", "reconcile", "rollback", "lift", "status", "history", "mirror",
            "doctor", "verify_deployment")  # fmt: skip


def test_the_loop_by_commands(shop: Shop, tagship: Callable[..., tuple[int, str]]) -> None:
    assert "would tag" in tagship(shop, "release", "churn", "v1.0.0", "--dry-run")[1]
    assert "pushed" in tagship(shop, "release", "churn", "v1.0.0", "--push")[1]
    release = ("--release", "churn/v1.0.0", "--image", image("one"))
    code, text = tagship(shop, "reconcile", *release, "--json")
    staged, pending = json.loads(text)
    assert (code, staged["state"], staged["detail"]) == (0, "deployed", "churn/staging/1")
    assert (pending["environment"], pending["version"]) == ("production", "v1.0.0")
    assert "next: gh pr create" in tagship(shop, "propose", "churn", "v1.0.0")[1]
    code, text = tagship(shop, "propose", "churn", "v1.0.0", "--json")
    proposal = json.loads(text)
    assert (code, proposal["branch"]) == (0, "promote/churn/v1.0.0")
    assert shop.remote_tags() == ["churn/staging/1", "churn/v1.0.0"]
    shop.merge(proposal["branch"])
    assert "churn/production/1" in tagship(shop, "reconcile")[1]
    assert json.loads(tagship(shop, "reconcile", "--json")[1])[1]["state"] == "current"
    assert "churn/v1.0.0 (churn/production/1)" in tagship(shop, "status", "--no-mlflow")[1]
    assert tagship(shop, "status", "--check", "--no-mlflow")[0] == 0
    assert tagship(shop, "verify_deployment", "churn/production/1")[0] == 0


def test_rollback_lift_and_history_by_commands(
    shipped: Shop, tagship: Callable[..., tuple[int, str]]
) -> None:
    reason = "zu langsam; $(id) 遅い"
    assert "Rejects: churn/v1.1.0" in tagship(
        shipped, "rollback", "churn", "--reason", reason, "--dry-run"
    )[1]  # fmt: skip
    text = tagship(shipped, "rollback", "churn", "--reason", reason)[1]
    assert "churn/production/3: production runs churn/v1.0.0; rejected: churn/v1.1.0" in text
    shipped.merge("rollback/churn/production/3")
    assert "no longer rejected" in tagship(
        shipped, "lift", "churn", "v1.1.0", "--reason", "mended"
    )[1]  # fmt: skip
    events = json.loads(tagship(shipped, "history", "churn", "--env", "production", "--json")[1])
    assert [e["action"] for e in events] == ["deploy", "deploy", "rollback", "lift"]
    assert events[2]["reason"] == reason
    assert "[lifts churn/v1.1.0]" in tagship(shipped, "history", "churn")[1]
    assert "kept: " in tagship(shipped, "status", "--keep", "--no-mlflow")[1]
    assert "churn/production/4" in tagship(shipped, "history", "churn", "--at", "2999-01-01")[1]


def test_commands_exit_with_1_on_what_is_wrong(
    shipped: Shop, tagship: Callable[..., tuple[int, str]]
) -> None:
    assert tagship(shipped, "doctor")[0] == 1
    assert json.loads(tagship(shipped, "doctor", "--json")[1])
    shipped.git("tag", "-am", "x", "churn/production/3")
    shipped.git("push", "-q", "origin", "refs/tags/churn/production/3")
    code, text = tagship(shipped, "verify_deployment", "churn/production/3")
    assert code == 1
    wrong = [line for line in text.splitlines() if line.startswith("✗")]
    assert wrong
    assert all(line.startswith("✗ not so: ") for line in wrong)  # what follows is the claim
    assert tagship(shipped, "status", "--check", "--no-mlflow")[0] == 1
    shipped.pull()
    path = shipped.root / "deploy/churn/production/release.yaml"
    path.write_text(path.read_text().replace("churn/v1.1.0", "churn/v1.0.0"))
    shipped.commit()
    assert tagship(shipped, "reconcile")[0] == 1


def test_every_command_explains_itself(tagship: Callable[..., tuple[int, str]], shop: Shop) -> None:
    for name in COMMANDS:
        code, text = tagship(shop, name, "--help")
        assert code == 0
        assert "--json" in text
