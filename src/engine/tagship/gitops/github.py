"""The only file that runs gh: comment per topic, pull request per branch, issue per model."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagship.errors import TagshipError
from tagship.gitops.reconcile import MergedPullRequest

LONGEST = 60_000
"""GitHub refuses texts from 65,536 characters on."""


def comment(number: int, topic: str, body: str) -> str:
    """Post a comment on a pull request or issue, or update the one that this topic has already.

    A hidden marker finds it again; only a bot's comment counts, so that nobody can plant one.
    """
    marker = f"<!-- tagship:{topic} -->"
    content = {"body": f"{marker}\n{_short(body)}"}
    comment_ids = [
        str(comment["id"])
        for comment in _list(f"issues/{number}/comments")
        if comment["user"]["type"] == "Bot" and str(comment["body"]).startswith(marker)
    ]
    if comment_ids:
        _write("PATCH", f"issues/comments/{comment_ids[0]}", content)
        return "updated"
    _write("POST", f"issues/{number}/comments", content)
    return "posted"


def propose(branch: str, title: str, body: str) -> str:
    """Open a pull request for a branch, or bring the text of the open one up to date.

    Gives its address.
    """
    this = ("--repo", repository())
    query = ("--state", "open", "--json", "url,title,body,isCrossRepository")
    pulls = _json("pr", "list", *this, "--head", branch, *query)
    own_pulls = [pull for pull in pulls if not pull["isCrossRepository"]]  # forks match by name
    texts = ("--title", title, "--body-file", "-")
    if not own_pulls:
        return gh("pr", "create", *this, "--head", branch, *texts, stdin=_short(body)).strip()
    url, old_texts = str(own_pulls[0]["url"]), (own_pulls[0]["title"], own_pulls[0]["body"].strip())
    if old_texts != (title, _short(body).strip()):
        gh("pr", "edit", url, *this, *texts, stdin=_short(body))
    return url


def find_issue(topic: str) -> tuple[int, str] | None:
    """The number and body of a topic's open issue; only a bot's counts.

    Two may be open after a race: the oldest is kept, the others are closed.
    """
    marker = f"<!-- tagship:{topic} -->"
    issues = sorted(
        (int(issue["number"]), str(issue["body"]))
        for issue in _list("issues?state=open")
        if "pull_request" not in issue
        and issue["user"]["type"] == "Bot"
        and str(issue["body"] or "").startswith(marker)
    )
    for number, _ in issues[1:]:
        _write("PATCH", f"issues/{number}", {"state": "closed", "state_reason": "not_planned"})
    return issues[0] if issues else None


def keep_issue(topic: str, number: int | None, is_open: bool, title: str, body: str) -> str:
    """Open, update or close the issue whose number ``find_issue`` gave; say what was done."""
    content = {"title": title, "body": _short(f"<!-- tagship:{topic} -->\n{body}")}
    if number is None:
        if not is_open:
            return "none"
        _write("POST", "issues", content)
        return "opened"
    if not is_open:
        content |= {"state": "closed", "state_reason": "completed"}
    _write("PATCH", f"issues/{number}", content)
    return "updated" if is_open else "closed"


def publish_release(tag: str, title: str, body: str, files: Sequence[Path]) -> str:
    """Make the GitHub Release of a tag that exists, or update it; files replace their namesakes.

    Gives its address.

    Raises:
        TagshipError: a file is missing, or somebody wrote that page by hand.
    """
    for path in files:
        if path.is_symlink() or not path.is_file():
            raise TagshipError(f"{path}: no such file, so it cannot be attached to {tag}")
    marker, this, names = "<!-- tagship:release -->", ("--repo", repository()), map(str, files)
    texts = ("--title", title, "--notes-file", "-")
    content = _short(f"{marker}\n{body}")
    releases = [release for release in _list("releases") if release["tag_name"] == tag]
    if not releases:
        form = ("--verify-tag", "--latest=false")
        return gh(
            "release", "create", *this, *form, *texts, "--", tag, *names, stdin=content
        ).strip()
    if not str(releases[0]["body"] or "").startswith(marker):
        raise TagshipError(
            f"{tag} has a page on GitHub that was written by hand", "delete that page, not the tag"
        )
    gh("release", "edit", *this, *texts, "--", tag, stdin=content)
    gh("release", "upload", *this, "--clobber", "--", tag, *names)
    return str(releases[0]["html_url"])


def _short(body: str) -> str:
    if len(body) <= LONGEST:
        return body
    return body[:LONGEST] + "\n\n… cut here; all of it is in the run's summary.\n"


def find_review(commit: str, branch: str) -> MergedPullRequest | None:
    """The pull request that brought a commit to a branch; None where none did."""
    for pull in _json("api", f"repos/{repository()}/commits/{commit}/pulls"):
        base = (pull["base"]["ref"], pull["base"]["repo"]["full_name"])
        if pull.get("merged_at") and base == (branch, repository()):
            head = str(pull["head"]["sha"])
            return MergedPullRequest(f"#{pull['number']}", head, _approvals(pull, head))
    return None


def _approvals(pull: Any, head: str) -> tuple[str, ...]:
    """The people whose last word on a pull request approves its head."""
    last_reviews: dict[str, Any] = {}
    for review in _list(f"pulls/{int(pull['number'])}/reviews"):
        user = review["user"] or {}
        if user.get("type") == "User" and review["state"] != "COMMENTED":
            last_reviews[str(user["login"])] = review
    approving = {
        name
        for name, review in last_reviews.items()
        if (review["state"], review["commit_id"]) == ("APPROVED", head)
    }
    return tuple(sorted(approving - {str(pull["user"]["login"])}))


def outputs(answer: Any) -> dict[str, str]:
    """What later jobs need of what ``reconcile`` or ``rollback`` printed as JSON."""
    if isinstance(answer, list):
        names = [entry["detail"] for entry in answer if entry["state"] == "deployed"]
        pending = [
            {key: entry.get(key, "") for key in ("model", "environment", "version")}
            for entry in answer
            if entry["state"] == "pending"
        ]
        return {"deployed": json.dumps(names), "pending": json.dumps(pending)}
    return {"deployed": json.dumps([answer["tag"]["name"]])}


def write_outputs(values: Mapping[str, str]) -> None:
    """Append to the file that GitHub reads a step's outputs from, if there is one."""
    path = os.environ.get("GITHUB_OUTPUT")
    lines = [f"{key}={value}\n" for key, value in values.items()]
    if any(line.count("\n") > 1 for line in lines):
        raise TagshipError("an output of several lines is not written")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(lines)


def repository() -> str:
    """``owner/name``, as GitHub Actions says it."""
    name = os.environ.get("GITHUB_REPOSITORY", "")
    if not name:
        raise TagshipError("GITHUB_REPOSITORY is not set", "export GITHUB_REPOSITORY=owner/name")
    return name


def gh(*arguments: str, stdin: str = "") -> str:
    """Run ``gh`` and return what it printed.

    Raises:
        TagshipError: it is not installed, or it refuses; its words are passed on.
    """
    try:
        result = subprocess.run(
            ["gh", *arguments], input=stdin, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise TagshipError("gh is not installed", "https://cli.github.com") from None
    if result.returncode:
        raise TagshipError(
            f"gh {arguments[0]}: {result.stderr.strip() or 'it failed and printed no reason'}"
        )
    return result.stdout


def _list(path: str) -> list[Any]:
    """All that GitHub lists below this repository, page by page."""
    query = "&" if "?" in path else "?"
    where = f"repos/{repository()}/{path}{query}per_page=100"
    return [entry for page in _json("api", "--paginate", "--slurp", where) for entry in page]


def _write(method: str, path: str, content: Mapping[str, str]) -> None:
    where = f"repos/{repository()}/{path}"
    gh("api", "--method", method, where, "--input", "-", stdin=json.dumps(content))


def _json(*arguments: str) -> Any:
    answer = gh(*arguments)
    try:
        return json.loads(answer)
    except ValueError:
        raise TagshipError(f"gh {arguments[0]}: no JSON: {answer[:200]}") from None
