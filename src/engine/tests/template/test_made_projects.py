"""What was made works by its own words, in environments that it sets up itself."""

import io
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from generating import TAG, call, commit, generate, git
from test_generating import LONG

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="make and .venv/bin"),
]
Begin = Callable[..., Path]


def words(project: Path, *command: str) -> str:
    """Run a program in a project; uv is this environment's."""
    beside = str(Path(sys.executable).parent)
    done = call(project, "env", f"PATH={beside}:{os.environ['PATH']}", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tagship(project: Path, *arguments: str) -> str:
    return words(project, ".venv/bin/tagship", *arguments)


@pytest.fixture
def begin(template: Path, tmp_path: Path) -> Begin:
    """Makes a project and its first commit."""

    def made(*answers: tuple[str, str]) -> Path:
        url = f"git+{(template.parent / 'template.git').as_uri()}"
        out, options = tmp_path / "out", ("--checkout", TAG)
        project = generate("cookiecutter", url, out, dict(answers), *options).project
        git(project, "init", "-q", "-b", "main")
        commit(project, "feat: begin")
        return project

    return made


@pytest.mark.parametrize("engine", ["vendored", "git"])
def test_with_one_model_it_passes_its_own_words_and_stays_clean(begin: Begin, engine: str) -> None:
    project = begin(*LONG, ("models", "churn"), ("engine", engine))
    assert "churn  pass" in words(project, "make", "run")
    assert " passed" in words(project, "make", "test")
    words(project, "make", "check")
    commits_are_held_to_the_hooks(project)
    words(project, ".venv/bin/uv" if (project / ".venv/bin/uv").is_file() else "uv", "lock",
          "--check")  # fmt: skip
    assert git(project, "status", "--porcelain") == ""


def commits_are_held_to_the_hooks(project: Path) -> None:
    """`make hooks`, said twice: Git refuses an untidy file and an odd message, and takes others."""
    words(project, "make", "hooks")
    words(project, "make", "hooks")
    untidy = project / "src/features/untidy.py"
    untidy.write_text("import os\n", encoding="utf-8")
    git(project, "add", "--all")
    refused = call(project, "git", "commit", "-m", "feat: untidy")
    assert refused.returncode == 1
    assert "F401" in refused.stdout + refused.stderr
    untidy.write_text('"""Tidy."""\n', encoding="utf-8")
    git(project, "add", "--all")
    refused = call(project, "git", "commit", "-m", "some change")
    assert refused.returncode == 1
    assert "Conventional Commits" in refused.stdout + refused.stderr
    git(project, "commit", "-qm", "feat: tidy")
    git(project, "switch", "-qc", "aside")
    git(project, "commit", "-qm", "feat: aside", "--allow-empty")
    git(project, "switch", "-q", "main")
    git(project, "merge", "-q", "--no-ff", "--no-edit", "aside")  # Git's own message passes


def test_without_examples_it_begins_with_a_table_of_one_s_own(begin: Begin) -> None:
    from sklearn.datasets import load_wine

    project = begin(("models", "none"))
    words(project, "make", "setup")
    assert tagship(project, "check") == "no models yet: tagship new NAME --data … --target …\n"
    (project / "data").mkdir()
    load_wine(as_frame=True).frame.to_csv(project / "data/wine.csv", index=False)
    tagship(project, "new", "wine", "--data", "data/wine.csv", "--target", "target")
    config = project / "config/wine/model.yaml"
    text = config.read_text(encoding="utf-8")
    slow = text[text.index("  random_forest:") : text.index("card:")]
    config.write_text(text.replace(slow, ""), encoding="utf-8")
    assert "wine   pass" in tagship(project, "run")
    commit(project, "feat: wine")
    words(project, "make", "test")
    tagship(project, "remove", "wine")
    git(project, "checkout", "-q", "HEAD", "--", ".")
    assert git(project, "status", "--porcelain") == ""
    released_and_rolled_back(project)


def released_and_rolled_back(project: Path) -> None:
    """Two releases reach production of a bare remote, and the first comes back: all as `wine`'s."""
    remote = project.parent / "remote.git"
    git(project, "init", "-q", "--bare", "--initial-branch", "main", str(remote))
    git(project, "remote", "add", "origin", str(remote))
    git(project, "push", "-q", "origin", "main")
    for number, version in enumerate(("v1.0.0", "v1.1.0"), 1):
        image = f"ghcr.io/my-organisation/my-models-wine@sha256:{number:064}"
        tagship(project, "release", "wine", version, "--push")
        release = ("--release", f"wine/{version}", "--image", image)
        tagship(project, "reconcile", "--registry", "none", *release)
        tagship(project, "propose", "wine", version)
        git(project, "fetch", "-q")
        git(project, "merge", "-q", "--no-ff", f"origin/promote/wine/{version}")
        git(project, "push", "-q", "origin", "main")
        assert f"wine/production/{number}" in tagship(project, "reconcile", "--registry", "none")
    tagship(project, "rollback", "wine", "--reason", "a test", "--registry", "none")
    assert "wine/v1.0.0 (wine/production/3)" in tagship(project, "status")
    record = git(project, "show", "wine/production/3:deploy/wine/production/release.yaml")
    assert f'digest: "sha256:{1:064}"' in record
    assert "ghcr.io/my-organisation/my-models-wine" in record


def damaged(wheel: bytes) -> bytes:
    """An archive whose bytes no longer agree with its own check sums."""
    return wheel.replace(b"Git tags ship models", b"Git tags ship muddle")


def packed_again(wheel: bytes) -> bytes:
    """A sound archive with another text: only a hash kept elsewhere tells the difference."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel)) as before, zipfile.ZipFile(written, "w") as after:
        for entry in before.infolist():
            after.writestr(entry, damaged(before.read(entry)))
    return written.getvalue()


@pytest.mark.parametrize(
    ("change", "why"), [(damaged, "Failed to read"), (packed_again, "Hash mismatch")]
)
def test_a_wheel_that_was_changed_by_hand_is_not_installed(
    begin: Begin, change: Callable[[bytes], bytes], why: str
) -> None:
    project = begin(("models", "none"))
    (wheel,) = (project / "vendor").glob("*.whl")
    wheel.write_bytes(change(sound := wheel.read_bytes()))
    assert wheel.read_bytes() != sound
    shutil.rmtree(project / ".venv", ignore_errors=True)
    done = call(project, "make", "setup")
    assert done.returncode != 0
    assert why in done.stderr  # uv's own words
    assert "how-to/update.md" in done.stdout + done.stderr
