"""What an untrusted job hands over is looked at before it is committed or published."""

import json
from pathlib import Path
from typing import Any

import pytest

from shop import Shop
from tagship.errors import TagshipError
from tagship.monitoring.history import path_of, publish
from tagship.monitoring.model_proposal import push_proposal, read_proposal

MADE = {
    "model": "churn", "state": "proposed", "why": "more rows", "branch": "retrain/churn",
    "title": "feat(churn): retrain", "body": "words",
    "files": {"config/churn/model.lock.yaml": "artifact: {sha256: x}\n"},
}  # fmt: skip
SEEN = {"model": "churn", "environment": "production", "time": "2026-11-21T10:00:00Z",
        "status": "ok"}  # fmt: skip


def answer(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "retrain.json"
    path.write_text(json.dumps(content))
    return path


def test_a_proposal_becomes_one_commit_on_main_s_head(shop: Shop, tmp_path: Path) -> None:
    made = read_proposal(answer(tmp_path, MADE), "retrain")
    commit = push_proposal(shop.root, made)
    assert shop.git("rev-parse", f"{commit}^") == shop.snapshot().head
    assert shop.snapshot().remote.heads["retrain/churn"] == commit
    assert shop.git("show", f"{commit}:config/churn/model.lock.yaml") == "artifact: {sha256: x}"
    assert push_proposal(shop.root, made) == commit


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"files": {".github/workflows/ci.yml": "x"}}, "is no file of config/churn"),
        ({"files": {"config/fraud/model.lock.yaml": "x"}}, "is no file of config/churn"),
        ({"files": {"config/churn/../../Makefile": "x"}}, "is no file of config/churn"),
        ({"files": {"config/churn/.gitattributes": "x"}}, "is no file of config/churn"),
        ({"branch": "main"}, "'main' is not retrain/churn"),
        ({"branch": "retrain/fraud"}, "is not retrain/churn"),
        ({"model": "../x"}, "cannot be a model's name"),
        ({"state": "deployed"}, "no answer of `tagship retrain --json`"),
        ({"files": {"config/churn/x.yaml": "x" * 10_000_001}}, "more than 10,000,000 characters"),
    ],
)
def test_a_proposal_that_reaches_further_is_refused(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(TagshipError, match=problem):
        read_proposal(answer(tmp_path, MADE | change), "retrain")


def test_no_proposal_at_all_is_refused(tmp_path: Path) -> None:
    for content in ([], "x", {"model": "churn"}):
        with pytest.raises(TagshipError, match="no answer of `tagship retrain"):
            read_proposal(answer(tmp_path, content), "retrain")


@pytest.mark.parametrize(
    "change",
    [{"model": "../x"}, {"environment": "../../main"}, {"time": "../x"}, {"time": None},
     {"environment": ""}],
)  # fmt: skip
def test_what_no_look_says_is_not_published(shop: Shop, change: dict[str, Any]) -> None:
    assert path_of(SEEN) == "history/churn/production/20261121T100000Z.json"
    with pytest.raises(TagshipError):
        publish(shop.root, [SEEN | change])
    assert "monitor" not in shop.snapshot().remote.heads
