"""What a release and its deployment leave in Git, without the rest of the loop."""

import os
import subprocess

from projects import Project
from tagship.gitops.tags import compose

_WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


def git(project: Project, *arguments: str, said: str = "") -> None:
    """Run git in a project, as a person that the machine's settings do not know."""
    environment = {**os.environ, **_WHO, "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", *arguments], cwd=project.root, env=environment, input=said, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def deploy(project: Project, release: str, number: int, image: str = "i") -> None:
    """What a release and its merge leave in Git, without the rest of the loop."""
    git(project, "add", "-A")
    git(project, "commit", "-qm", release, "--allow-empty")
    hashes = ("Model-SHA256", "Config-SHA256", "Lock-SHA256", "Verdict-SHA256", "Manifests")
    says = {"Model": "tiny", "Release": release, **dict.fromkeys(hashes, "0"), "Verdict": "pass"}
    told = {
        release: says,
        f"tiny/production/{number}": {
            **says, "Environment": "production", "Action": "deploy",
            "Image": f"{image}@sha256:{'0' * 64}",
        },
    }  # fmt: skip
    for name, trailers in told.items():
        message = compose(name, "", trailers)
        git(project, "tag", "-a", "--cleanup=verbatim", "-F", "-", name, said=message)
