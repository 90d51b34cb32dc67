"""Which models a change touches, and what is asked of GitHub with gh."""

import json
from pathlib import Path
from typing import Any

import pytest
from edge import Edge
from typer.testing import CliRunner

from projects import MODEL, Project
from tagship.cli import make_app
from tagship.errors import TagshipError
from tagship.gitops import github
from tagship.gitops.changed_models import affected_models
from tagship.gitops.reconcile import MergedPullRequest


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """The recorder of gh on PATH, with a token that may write."""
    made = Edge(tmp_path / "edge")
    monkeypatch.setenv("PATH", str(made.bin), prepend=":")
    monkeypatch.setenv("EDGE", str(made.folder))
    monkeypatch.setenv("GITHUB_REPOSITORY", "shopkeepers/little-shop")
    token = {"pull-requests": "write", "issues": "write", "contents": "write"}
    monkeypatch.setenv("GH_TOKEN", json.dumps(token))
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "touches"),
    [
        ("config/tiny/model.yaml", True),
        ("config/tiny/model.lock.yaml", True),
        ("bentos/tiny/service.py", True),
        ("data/tiny.csv", True),
        ("uv.lock", True),
        ("src/engine/tagship/training/train.py", True),
        ("src/engine/tagship/gitops/tags.py", False),
        ("src/engine/tagship/monitoring/retrain.py", False),
        ("src/features/other.py", True),
        ("src/estimators/own.py", True),
        ("src/shared.py", True),
        ("vendor/tagship-1.0-py3-none-any.whl", True),
        ("src/engine/tests/conftest.py", False),
        ("config/tiny-two/model.yaml", False),
        ("deploy/tiny/production/release.yaml", False),
        ("README.md", False),
    ],
)
def test_a_path_touches_the_models_that_it_could_change(
    project: Project, path: str, touches: bool
) -> None:
    assert affected_models([path], {MODEL: project.files}) == ([MODEL] if touches else [])


@pytest.mark.parametrize(
    ("source", "path", "touches"),
    [
        ("data/events", "data/events/year=2025/part-0.parquet", True),
        ("data/events/*/part-*", "data/events/year=2025/part-0.parquet", True),
        ("data/events/*/part-*", "data/events/year=2025/notes.md", False),
        ("data/events", "data/events.md", False),
    ],
)
def test_a_file_of_a_data_set_touches_its_model(
    project: Project, source: str, path: str, touches: bool
) -> None:
    project.edit("data", "{kind: csv, path: data/tiny.csv}", f"{{kind: parquet, path: {source}}}")
    assert affected_models([path], {MODEL: project.files}) == ([MODEL] if touches else [])


def test_a_model_that_cannot_be_read_is_still_judged_when_its_folder_changes() -> None:
    assert affected_models(["config/broken/data.yaml"], {"broken": None, "other": None}) == [
        "broken"
    ]


def test_a_comment_that_a_person_planted_is_left_alone(edge: Edge) -> None:
    planted = {"id": 1, "user": {"type": "User"}, "body": "<!-- tagship:gate --> mine"}
    edge.save("comments", [planted])
    assert github.comment(5, "gate", "one") == "posted"
    assert github.comment(5, "gate", "two") == "updated"
    kept, ours = edge.load("comments", [])
    assert kept == planted
    assert ours["body"].endswith("two")


def test_a_comment_too_long_for_github_is_cut(edge: Edge) -> None:
    github.comment(5, "gate", "x" * 100_000)
    (ours,) = edge.load("comments", [])
    assert len(ours["body"]) < 65_536
    assert "cut here" in ours["body"]


def test_a_pull_request_is_opened_once(edge: Edge) -> None:
    first = github.propose("promote/tiny/v1.0.0", "a title", "a text")
    assert github.propose("promote/tiny/v1.0.0", "a title", "a text") == first
    (pull,) = edge.load("pulls", [])
    assert pull["body"] == "a text"


def test_an_open_pull_request_gets_the_new_text_and_an_unchanged_one_is_left_alone(
    edge: Edge,
) -> None:
    github.propose("retrain/tiny", "a title", "a text")
    github.propose("retrain/tiny", "a title", "another text\n")
    github.propose("retrain/tiny", "a title", "another text")
    (pull,) = edge.load("pulls", [])
    assert (pull["title"], pull["body"]) == ("a title", "another text\n")
    assert len([call for call in edge.calls("gh") if call[:2] == ["pr", "edit"]]) == 1


def test_an_issue_that_a_person_planted_is_left_alone_and_a_second_one_is_closed(
    edge: Edge,
) -> None:
    marked = "<!-- tagship:monitor:tiny -->\nours"
    issue = {"state": "open", "body": marked, "user": {"type": "Bot"}}
    given = [
        {**issue, "number": 3, "user": {"type": "User"}},
        {**issue, "number": 4, "pull_request": {}},
        {**issue, "number": 5, "body": None},
        {**issue, "number": 6, "body": marked.replace("tiny", "tiny-two")},
        {**issue, "number": 8},
        {**issue, "number": 7},
    ]
    edge.save("issues", given)
    assert github.find_issue("monitor:tiny") == (7, marked)
    states = {issue["number"]: issue["state"] for issue in edge.load("issues", [])}
    assert states == {3: "open", 4: "open", 5: "open", 6: "open", 7: "open", 8: "closed"}


def test_an_issue_is_opened_updated_and_closed(edge: Edge) -> None:
    assert github.keep_issue("monitor:tiny", None, False, "t", "well") == "none"
    assert edge.load("issues", []) == []
    assert github.keep_issue("monitor:tiny", None, True, "t", "x" * 100_000) == "opened"
    answer = github.find_issue("monitor:tiny")
    assert answer is not None
    assert len(answer[1]) < 65_536
    assert github.keep_issue("monitor:tiny", answer[0], True, "t", "worse") == "updated"
    assert github.keep_issue("monitor:tiny", answer[0], False, "t", "well") == "closed"
    (issue,) = edge.load("issues", [])
    assert (issue["state"], issue["body"]) == ("closed", "<!-- tagship:monitor:tiny -->\nwell")
    assert github.find_issue("monitor:tiny") is None


def test_what_was_reviewed_is_the_pull_request_that_was_merged_into_the_branch(edge: Edge) -> None:
    def brought(head: str, ref: str = "main", at: str | None = "now", where: str = "") -> Any:
        base = {"ref": ref, "repo": {"full_name": where or "shopkeepers/little-shop"}}
        return {
            "merged_at": at, "base": base, "head": {"sha": head},
            "number": 12, "user": {"login": "ada"},
        }  # fmt: skip

    merged, closed, aside = brought("h1"), brought("h2", at=None), brought("h3", "side")
    fork = brought("h4", where="somebody/little-shop")
    edge.save(
        "merged",
        {"c1": [closed, aside, fork, merged], "c2": [closed], "c3": [aside], "c5": [fork]},
    )
    answer = [github.find_review(commit, "main") for commit in ("c1", "c2", "c3", "c4", "c5")]
    assert answer == [MergedPullRequest("#12", "h1"), None, None, None, None]


def test_an_approval_is_a_person_s_last_word_on_the_very_head(edge: Edge) -> None:
    def said(who: str, state: str, head: str = "h1", kind: str = "User") -> dict[str, Any]:
        return {"user": {"login": who, "type": kind}, "state": state, "commit_id": head}

    base = {"ref": "main", "repo": {"full_name": "shopkeepers/little-shop"}}
    brought = {"merged_at": "now", "base": base, "head": {"sha": "h1"}, "number": 12,
               "user": {"login": "ada"}}  # fmt: skip
    edge.save("merged", {"c1": [brought]})
    edge.save(
        "reviews",
        {"12": [
            said("ada", "APPROVED"), said("bot", "APPROVED", kind="Bot"),
            said("old", "APPROVED", "h0"), said("back", "APPROVED"),
            said("back", "CHANGES_REQUESTED"), said("gone", "APPROVED"), said("gone", "DISMISSED"),
            said("eve", "COMMENTED"), said("bob", "APPROVED"), said("bob", "COMMENTED"),
            {**said("", "APPROVED"), "user": None},
        ]},
    )  # fmt: skip
    assert github.find_review("c1", "main") == MergedPullRequest("#12", "h1", ("bob",))


def test_a_fork_s_pull_request_of_the_same_branch_name_is_not_ours(edge: Edge) -> None:
    theirs = {"url": "https://github.example/pull/1", "head": "promote/tiny/v1.0.0", "open": True,
              "title": "a title", "body": "theirs", "isCrossRepository": True}  # fmt: skip
    edge.save("pulls", [theirs])
    assert github.propose("promote/tiny/v1.0.0", "a title", "ours").endswith("/pull/2")
    assert [pull["body"] for pull in edge.load("pulls", [])] == ["theirs", "ours"]
    assert github.propose("promote/tiny/v1.0.0", "a title", "ours again").endswith("/pull/2")
    assert edge.load("pulls", [])[0] == theirs


def test_a_release_s_page_is_made_once_and_then_updated_with_its_files(
    edge: Edge, tmp_path: Path
) -> None:
    first, lock = tmp_path / "card.md", tmp_path / "model.lock.yaml"
    first.write_text("one")
    lock.write_text("lock")
    url = github.publish_release("tiny/v1.0.0", "tiny v1.0.0", "a card", [first])
    first.write_text("two")
    github.publish_release("tiny/v1.1.0", "tiny v1.1.0", "another", [lock])
    again = github.publish_release("tiny/v1.0.0", "tiny v1.0.0", "x" * 100_000, [first, lock])
    assert again == url
    newer, older = edge.load("releases", [])
    assert older["files"] == {"card.md": "two", "model.lock.yaml": "lock"}
    assert len(older["body"]) < 65_536
    assert newer["body"].endswith("another")


def test_a_release_s_page_that_a_person_wrote_is_left_alone(edge: Edge) -> None:
    written = {"tag_name": "tiny/v1.0.0", "body": None, "files": {}, "html_url": "theirs"}
    edge.save("releases", [written])
    with pytest.raises(TagshipError, match="written by hand"):
        github.publish_release("tiny/v1.0.0", "tiny v1.0.0", "a card", [])
    assert edge.load("releases", []) == [written]


def test_nothing_is_published_while_a_file_is_missing(edge: Edge, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(Path(__file__))
    for path in (tmp_path / "none.html", link, tmp_path):
        with pytest.raises(TagshipError, match=r"cannot be attached to tiny/v1\.0\.0"):
            github.publish_release("tiny/v1.0.0", "tiny v1.0.0", "a card", [path])
    assert edge.calls("gh") == []


def test_a_refusal_of_github_is_passed_on(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", json.dumps({"pull-requests": "read"}))
    with pytest.raises(TagshipError, match="HTTP 403"):
        github.comment(5, "gate", "one")


def test_outside_of_github_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    with pytest.raises(TagshipError, match="GITHUB_REPOSITORY"):
        github.repository()


def test_outputs_are_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    with pytest.raises(TagshipError, match="several lines"):
        github.write_outputs({"reviewed": "a\nother=b"})
    answer = tmp_path / "outcomes.json"
    outcomes = [
        {"model": "a", "environment": "staging", "state": "deployed", "detail": "a/staging/2"},
        {"model": "a", "environment": "production", "state": "pending", "detail": "…"},
    ]
    answer.write_text(json.dumps(outcomes), encoding="utf-8")
    assert CliRunner().invoke(make_app(), ["ci", "outputs", str(answer)]).exit_code == 0
    assert file.read_text(encoding="utf-8").splitlines() == [
        'deployed=["a/staging/2"]',
        'pending=[{"model": "a", "environment": "production", "version": ""}]',
    ]


def test_a_security_fix_of_the_template_is_one_issue_until_it_is_taken_over(
    edge: Edge, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from tagship.cli.ci import app

    answer = tmp_path / "newer.json"
    for fixes, state in ((["template/v9.9.9: a hole"], "open"), ([], "closed")):
        content = {"tag": "template/v9.9.9" if fixes else "", "security": fixes}
        answer.write_text(json.dumps(content), encoding="utf-8")
        assert CliRunner().invoke(app, ["engine", str(answer)]).exit_code == 0
        (issue,) = edge.load("issues", [])
        assert issue["state"] == state
        assert fixes == [] or "- template/v9.9.9: a hole" in issue["body"]


def test_tags_that_are_not_true_are_one_issue_until_they_are(edge: Edge, tmp_path: Path) -> None:
    answer = tmp_path / "tags.json"

    def said(problem: str) -> str:
        checks = [{"what": "its commit was reviewed", "problem": problem}]
        answer.write_text(json.dumps([{"name": "churn/production/7", "checks": checks}]))
        ran = CliRunner().invoke(make_app(), ["ci", "tags", str(answer)])
        assert ran.exit_code == 0, ran.output
        return ran.output.strip()

    assert said("") == "none"
    assert said("nobody reviewed it ``` @everyone") == "opened"
    (issue,) = edge.load("issues", [])
    assert "`churn/production/7`" in issue["body"]
    assert "nobody reviewed it ''' @everyone" in issue["body"]
    assert said("nobody reviewed it") == "updated"
    assert said("") == "closed"
