"""Status and history where no remote can be asked: what this clone holds, and no more."""

import json
import shutil
from collections.abc import Callable

import pytest

from shop import Shop
from tagship.errors import TagshipError

Tagship = Callable[..., tuple[int, str]]


def test_a_clone_without_a_remote_shows_its_own_tags_its_locks_and_deploy(
    shipped: Shop, tagship: Tagship
) -> None:
    shipped.git("fetch", "-q", "--tags", "origin")
    shipped.git("remote", "remove", "origin")
    code, text = tagship(shipped, "status", "--no-mlflow")
    assert code == 0
    assert "no remote was asked" in text
    assert "churn/v1.1.0 (churn/production/2)" in text
    answer = json.loads(tagship(shipped, "status", "--no-mlflow", "--json")[1])
    row = next(row for row in answer["rows"] if row["environment"] == "production")
    assert "no git remote named 'origin'" in answer["not_asked"]
    assert (row["main"], row["held"]["asks"]) == ("?", "churn/v1.1.0")
    lock = (shipped.root / "config/churn/model.lock.yaml").read_text()
    assert row["held"]["lock"] in lock
    assert tagship(shipped, "status", "--no-mlflow", "--check")[0] == 1  # nothing was compared
    code, text = tagship(shipped, "history", "churn", "--env", "production")
    assert code == 0
    assert "churn/production/2" in text
    assert "no remote was asked" in text


def test_a_remote_that_does_not_answer_is_shown_as_it_was_and_the_exit_code_says_so(
    shipped: Shop, tagship: Tagship
) -> None:
    tagship(shipped, "status", "--no-mlflow")
    shipped.remote.rename(shipped.remote.with_suffix(".gone"))
    for command in (("status", "--no-mlflow"), ("history", "churn")):
        code, text = tagship(shipped, *command)
        assert code == 1
        assert "churn/production/2" in text
        assert "no remote was asked, this is what is here: git ls-remote" in text


def test_a_project_that_is_no_repository_yet_shows_its_files(shop: Shop, tagship: Tagship) -> None:
    shutil.rmtree(shop.root / ".git")
    code, text = tagship(shop, "status", "--no-mlflow")
    assert (code, "churn  staging" in text, "no remote was asked" in text) == (0, True, True)
    assert "no deployment" in tagship(shop, "history", "churn")[1]


def test_what_decides_or_writes_still_needs_the_remote(shipped: Shop, tagship: Tagship) -> None:
    shipped.git("remote", "remove", "origin")
    for command in (
        ("status", "--keep", "--no-mlflow"),
        ("history", "churn", "--at", "2026-11-21"),
        ("verify_deployment", "churn/production/2"),
        ("rollback", "churn", "--reason", "too slow"),
    ):
        with pytest.raises(TagshipError, match="no git remote named 'origin'"):
            tagship(shipped, *command)
