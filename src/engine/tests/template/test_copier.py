"""Copier in a folder that holds something: nothing is overwritten, and a refusal writes nothing."""

import sys
from pathlib import Path

import pytest
from generating import TAG, call, generate
from test_generating import tree
from test_updating import begin

pytestmark = pytest.mark.slow

TITLES = ("Models (v2)", "Größte Modelle", "Čapek, Łódź & Søn+")


def copier(folder: Path, *arguments: str) -> tuple[int, str]:
    options = ("--trust", "--defaults", "--quiet", "--vcs-ref", TAG)
    done = call(folder, sys.executable, "-m", "copier", arguments[0], *options, *arguments[1:])
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path, template: Path) -> Path:
    """A project that Copier made, committed."""
    return begin(generate("copier", str(template), tmp_path / "out", {"models": "churn"}).project)


def test_making_it_again_leaves_what_is_yours_and_brings_back_what_is_gone(project: Path) -> None:
    ours = ("README.md", "LICENSE", ".github/CODEOWNERS", "config/project.yaml",
            "config/churn/data.yaml", "bentos/churn/service.py", "src/features/churn.py",
            "deploy/churn/production/kustomization.yaml")  # fmt: skip
    for path in ours:
        with (project / path).open("a", encoding="utf-8") as file:
            file.write("# ours\n")
    (project / "own.txt").write_text("ours\n", encoding="utf-8")
    before = tree(project)
    (project / "Makefile").unlink()
    code, said = copier(project, "recopy", ".")
    assert code == 0, said
    assert tree(project) == before


def test_a_file_of_yours_that_would_be_lost_is_named_and_nothing_is_written(
    project: Path,
) -> None:
    (project / "Makefile").write_text("ours:\n", encoding="utf-8")
    (project / "uv.lock").unlink()
    (project / "docs/runbook.md").unlink()
    (project / "docs/runbook.md").mkdir()
    before = tree(project)
    code, said = copier(project, "recopy", ".")
    assert code != 0
    assert "holds other files by these names: Makefile, docs/runbook.md\n" in said
    assert tree(project) == before


@pytest.mark.parametrize(
    ("files", "answer", "says"),
    [
        ({"notes.txt": "ours"}, "project_slug=numpy", "library"),
        ({"notes.txt": "ours"}, "title=Shop #1", "title"),
        ({"tests": "a file"}, "owner=acme", "holds other files by these names: tests/"),
    ],
)
def test_in_a_folder_of_yours_a_refusal_leaves_all_as_it_was(
    template: Path, tmp_path: Path, files: dict[str, str], answer: str, says: str
) -> None:
    out = tmp_path / "somewhere"
    out.mkdir()
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
    code, said = copier(tmp_path, "copy", "--data", answer, str(template), str(out))
    assert code != 0
    assert says in said
    assert {path.name: path.read_text(encoding="utf-8") for path in out.iterdir()} == files


def test_the_folder_that_was_taken_is_the_one_that_is_said(template: Path, tmp_path: Path) -> None:
    code, said = copier(tmp_path, "copy", str(template), "somewhere")
    assert code == 0, said
    assert "My Models is in somewhere/. Next:" in said
    assert "  cd somewhere\n" in said


@pytest.mark.parametrize("title", TITLES)
def test_the_slug_that_is_offered_is_cookiecutter_s(template: Path, title: str) -> None:
    from copier._main import Worker
    from slugify import slugify

    worker = Worker(src_path=str(template), dst_path=Path("nowhere"), data={"title": title})
    text = worker.template.questions_data["project_slug"]["default"]
    assert worker.jinja_env.from_string(text).render(title=title) == slugify(title)


def test_what_would_be_committed_holds_no_token(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://me:token@git.example.org/acme/template.git"
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    remote = (template.parent / "template.git").as_uri()
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{remote}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", url)
    code, said = copier(tmp_path, "copy", url, "out")
    assert code == 0, said
    link = (tmp_path / "out/.copier-answers.yml").read_text(encoding="utf-8")
    assert '_src_path: "https://git.example.org/acme/template.git"' in link
    assert "token" not in link
