"""Where a project came from, fit to be committed; for plain cookiecutter, in the form of cruft."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path


def write_cruft_link(root: Path, target: Path, given: Mapping[str, object]) -> None:
    """Write ``.cruft.json``, where the template is a commit that its origin holds, unchanged.

    Otherwise nothing is written: a link to what nobody can fetch again would be no use. Nor is it
    under cruft, which gives ``_commit`` and writes the file itself.
    """
    if "_commit" in given:
        return
    url = template_url(root)
    commit = ask_git(root, "rev-parse", "HEAD")
    if not url or not commit or ask_git(root, "status", "--porcelain") != "":
        return
    if not ask_git(root, "for-each-ref", "--contains", commit, "refs/remotes/origin"):
        return
    context = {key: value for key, value in given.items() if not key.startswith("_")}
    link = {
        "template": url,
        "commit": commit,
        "checkout": None,
        "context": {"cookiecutter": {**context, "_template": url, "_commit": commit}},
        "directory": None,
    }
    text = json.dumps(link, ensure_ascii=False, indent=2, separators=(",", ": "))
    (target / ".cruft.json").write_text(f"{text}\n", encoding="utf-8")


def template_url(root: Path) -> str | None:
    """The address that the template was cloned by, without a password; None for a zip."""
    origin = ask_git(root, "config", "--get", "remote.origin.url")
    if not origin:
        return None
    return str(Path(origin).resolve()) if Path(origin).is_dir() else without_secrets(origin)


def without_secrets(url: str) -> str:
    """The URL without a password; over HTTP a user may be a token, so without the user too."""
    url = re.sub(r"^((?:git\+)?https?://)[^/]*@", r"\1", url, flags=re.IGNORECASE)
    return re.sub(r"^([\w+]+://[^/:@]*):[^/]*@", r"\1@", url)


def ask_git(root: Path, *arguments: str) -> str | None:
    """What git says; None where it refuses."""
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    except OSError:  # no git on this machine
        return None
    return done.stdout.strip() if done.returncode == 0 else None
