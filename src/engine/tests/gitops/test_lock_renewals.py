"""Renewed locks reach a pull request's branch as lock files alone."""

import json
from pathlib import Path

import pytest

from shop import Shop
from tagship.errors import TagshipError
from tagship.gitops.lock_renewals import commit_renewals, describe_renewals, read_renewals

RENEWED = {"model": "churn", "state": "renewed", "why": "library numpy: 1 → 2; identical"}
REVIEW = {"model": "fraud", "state": "review", "why": "a|b @all <img> `x`\nprobe: differs"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the other job uploaded: more than is asked for."""
    for name in ("churn/model.lock.yaml", "churn/reference.json", "churn/data.yaml"):
        path = tmp_path / "renewed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"new {name}\n", encoding="utf-8")
    return tmp_path / "renewed"


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    path = tmp_path / "renewals.json"
    path.write_text(json.dumps([RENEWED, REVIEW]), encoding="utf-8")
    return path


def branch(shop: Shop) -> str:
    shop.git("switch", "-qc", "bump")
    shop.put("uv.lock", "newer\n")
    shop.git("add", "-A")
    shop.git("commit", "-qm", "build: bump")
    shop.git("push", "-q", "origin", "bump")
    return shop.git("rev-parse", "HEAD")


def test_the_lock_files_of_renewed_models_and_nothing_else_are_committed(
    shop: Shop, folder: Path, answer: Path
) -> None:
    commit = branch(shop)
    shop.git("switch", "-q", "main")
    assert commit_renewals(shop.root, read_renewals(answer), folder, "bump", commit)
    shop.git("fetch", "-q", "origin", "bump")
    changed = shop.git("diff", "--name-only", commit, "FETCH_HEAD").split()
    assert changed == ["config/churn/model.lock.yaml", "config/churn/reference.json"]
    assert shop.git("rev-parse", "FETCH_HEAD^") == commit


def test_a_branch_that_has_moved_a_link_and_a_lost_file_are_refused(
    shop: Shop, folder: Path, answer: Path
) -> None:
    commit = branch(shop)
    renewals = read_renewals(answer)
    with pytest.raises(TagshipError, match="40 hexadecimal digits"):
        commit_renewals(shop.root, renewals, folder, "bump", "--all")
    shop.put("more", "x")
    shop.git("add", "-A")
    shop.git("commit", "-qm", "more")
    shop.git("push", "-q", "origin", "bump")
    with pytest.raises(TagshipError, match="it has moved since"):
        commit_renewals(shop.root, renewals, folder, "bump", commit)
    path = folder / "churn/reference.json"
    path.unlink()
    with pytest.raises(TagshipError, match="no such file, a link"):
        commit_renewals(shop.root, renewals, folder, "bump", commit)
    path.symlink_to("/etc/hostname")
    with pytest.raises(TagshipError, match="no such file, a link"):
        commit_renewals(shop.root, renewals, folder, "bump", commit)


@pytest.mark.parametrize(
    "content", ["{", "[]x", '[{"model": 1}]', '[{"model": "../x", "state": "s", "why": ""}]']
)
def test_an_answer_that_is_none_or_names_no_model_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "renewals.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TagshipError):
        read_renewals(path)


def test_a_reviewer_reads_which_models_need_a_person_and_no_markup(answer: Path) -> None:
    said = describe_renewals(read_renewals(answer), pushed=True)
    assert "| `churn` | renewed: the same model |" in said
    assert "| `fraud` | **needs a review** |" in said
    assert "tagship run MODEL" in said
    assert "close and reopen" in said
    assert not {"@", "<"} & set(said)
    assert describe_renewals([], pushed=False) == "Every lock is current.\n"
