"""What a training leaves is believed only where it was left, never from a commit."""

import subprocess

import pytest

from projects import Project


@pytest.mark.parametrize(
    "path",
    [".tagship/champions/tiny/scores-1.npz", ".tagship/models/tiny/lock.yaml", ".tagship/x"],
)
@pytest.mark.parametrize("words", [("gate", "tiny"), ("build", "tiny"), ("lock", "verify", "tiny")])
def test_what_was_committed_is_not_believed(
    project: Project, path: str, words: tuple[str, ...]
) -> None:
    place = project.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"planted")
    git = ["git", "-c", "user.name=Eve", "-c", "user.email=eve@example.org"]
    for arguments in (["init", "-q"], ["add", "-f", path], ["commit", "-qm", "harmless"]):
        subprocess.run([*git, *arguments], cwd=project.root, check=True)
    project.refused(*words, says=("files of it are committed", "git rm -r --cached .tagship"))
