"""What Argo CD would run: ``tagPrefix`` and ``targetRevision`` over ``git ls-remote``.

Semantic versions order as such, and a tag below the prefix that is a plain number counts as one.
"""

import re
import subprocess
from pathlib import Path

_SEMVER = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")


def ls_remote(remote: Path) -> dict[str, str]:
    """Every ref of a remote; annotated tags are peeled to their commits."""
    done = subprocess.run(
        ["git", "ls-remote", str(remote)], capture_output=True, text=True, check=True
    )
    refs = {ref: value for value, ref in (line.split("\t") for line in done.stdout.splitlines())}
    peeled = {ref.removesuffix("^{}"): value for ref, value in refs.items() if ref.endswith("^{}")}
    return {ref: value for ref, value in refs.items() if not ref.endswith("^{}")} | peeled


def resolve(remote: Path, prefix: str, revision: str = "*") -> tuple[str, str] | None:
    """The tag that is followed, and the commit it is looked up as: a branch may shadow it."""
    refs = ls_remote(remote)
    name = revision
    if revision == "*":
        versions = []
        for ref in refs:
            tag = ref.removeprefix("refs/tags/")
            match = _SEMVER.fullmatch(tag.removeprefix(prefix))
            if ref.startswith(f"refs/tags/{prefix}") and match and not match.group(4):
                versions.append((tuple(int(part or 0) for part in match.groups()[:3]), tag))
        if not versions:
            return None
        name = max(versions)[1]
    for kind in ("heads", "tags"):
        if f"refs/{kind}/{name}" in refs:
            return name, refs[f"refs/{kind}/{name}"]
    return None


def runs(remote: Path, model: str, environment: str) -> tuple[str, str] | None:
    """The deployment that an environment follows, and the release in the record that it renders."""
    followed = resolve(remote, f"{model}/{environment}/")
    if followed is None:
        return None
    path = f"{followed[1]}:deploy/{model}/{environment}/release.yaml"
    done = subprocess.run(
        ["git", "-C", str(remote), "show", path], capture_output=True, text=True, check=True
    )
    match = re.search(r'^release: "?([^"\n]+)', done.stdout, re.MULTILINE)
    return followed[0], match.group(1) if match else ""
