"""The only file that runs gh: one comment a topic, one pull request a branch, who reviewed what."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagship.errors import TagshipError

LONGEST = 60_000
"""GitHub refuses comments from 65,536 characters on."""


def comment(number: int, topic: str, body: str) -> str:
    """Post a comment on a pull request, or update the one that this topic has already.

    A hidden marker finds it again; only a bot's comment counts, so that nobody can plant one.
    """
    marker = f"<!-- tagship:{topic} -->"
    if len(body) > LONGEST:
        body = body[:LONGEST] + "\n\n… cut here; all of it is in the run's summary.\n"
    content = json.dumps({"body": f"{marker}\n{body}"})
    where = f"repos/{repository()}/issues"
    pages = _json("api", "--paginate", "--slurp", f"{where}/{number}/comments?per_page=100")
    mine = [
        str(found["id"])
        for page in pages
        for found in page
        if found["user"]["type"] == "Bot" and str(found["body"]).startswith(marker)
    ]
    if mine:
        gh("api", "--method", "PATCH", f"{where}/comments/{mine[0]}", "--input", "-", stdin=content)
        return "updated"
    gh("api", "--method", "POST", f"{where}/{number}/comments", "--input", "-", stdin=content)
    return "posted"


def propose(branch: str, title: str, body: str) -> str:
    """Open a pull request for a branch, unless one is open; give its address."""
    there = ("--repo", repository())
    opened = _json("pr", "list", *there, "--head", branch, "--state", "open", "--json", "url")
    if opened:
        return str(opened[0]["url"])
    texts = ("--title", title, "--body-file", "-")
    return gh("pr", "create", *there, "--head", branch, *texts, stdin=body).strip()


def reviewed(commit: str) -> str:
    """The head of the pull request that was merged as ``commit``; else the commit before it.

    What no pull request brought is so compared with what was there already: nothing of it is
    deployed beyond the first environment.
    """
    for found in _json("api", f"repos/{repository()}/commits/{commit}/pulls"):
        if found.get("merged_at") and found.get("merge_commit_sha") == commit:
            return str(found["head"]["sha"])
    return f"{commit}^"


def outputs(answer: Any) -> dict[str, str]:
    """What later jobs need of what ``deploy``, ``promote`` or ``rollback`` printed as JSON."""
    if isinstance(answer, list):
        deployed = [one["detail"] for one in answer if one["state"] == "deployed"]
        pending = [
            {"model": one["model"], "environment": one["environment"]}
            for one in answer
            if one["state"] == "pending"
        ]
        return {"deployed": json.dumps(deployed), "pending": json.dumps(pending)}
    name = answer["tag"]["name"] if "tag" in answer else answer["deployed"]
    return {"deployed": json.dumps([name] if name else [])}


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
        done = subprocess.run(
            ["gh", *arguments], input=stdin, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise TagshipError("gh is not installed", "https://cli.github.com") from None
    if done.returncode:
        raise TagshipError(f"gh {arguments[0]}: {done.stderr.strip() or 'failed without a word'}")
    return done.stdout


def _json(*arguments: str) -> Any:
    answer = gh(*arguments)
    try:
        return json.loads(answer)
    except ValueError:
        raise TagshipError(f"gh {arguments[0]}: no JSON: {answer[:200]}") from None
