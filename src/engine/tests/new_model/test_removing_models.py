"""`tagship remove` takes a model away whole, and never one that runs."""

import json
from pathlib import Path

import pytest

from projects import MODEL, Project
from tagship.config.model_paths import is_matched, is_under, model_paths
from tagship.config.project_files import load_project
from tagship.files import only_one
from tagship.new_model import remove_model as removal
from tagship.new_model.overlays import overlay_files

OWNERS = """\
*                      @shop/all
/config/tiny/          @shop/tiny
/deploy/tiny/staging/  @shop/tiny
/config/tiny-two/      @shop/two
# /config/tiny/ was theirs
"""
OWN = ["config/tiny/", "bentos/tiny/", "deploy/tiny/", "src/features/tiny.py",
       "tests/features/test_tiny.py", "src/sources/tiny.py",
       "tests/sources/test_tiny_source.py"]  # fmt: skip

CSV_TO_PYTHON = (
    "{kind: csv, path: data/tiny.csv}",
    "{kind: python, function: sources.tiny:table}",
)
MADE = [".tagship/models/tiny/model.onnx", ".tagship/bentoml/bentos/tiny/1/bento.yaml",
        "reports/tiny.html", "reports/tiny-data.html", "reports/tiny-contract.json",
        "reports/tiny.md"]  # fmt: skip
"""What commands made of it here."""


@pytest.fixture
def whole(project: Project) -> Project:
    """The project with all that a model may own, and CODEOWNERS."""
    for path, text in overlay_files(load_project(project.root), MODEL):
        project.write(path, text)
    project.write("src/features/tiny.py", "def derive(columns):\n    return {}\n")
    project.write("src/sources/tiny.py", "def table():\n    raise OSError\n")
    project.write("tests/features/test_tiny.py", "")
    project.write("tests/sources/test_tiny_source.py", "")
    project.write(".github/CODEOWNERS", OWNERS)
    for path in MADE:
        project.write(path, b"\0")
    project.write("reports/tiny-two.html", "of another model")
    project.write(".tagship/predictions/tiny/predictions.jsonl", "{}")
    return project


def everything(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".tagship/locks" not in path.as_posix()
    }


def test_everything_of_a_model_goes_and_nothing_else(whole: Project) -> None:
    before = everything(whole.root)
    ran = whole.tagship("remove", MODEL)
    assert ran.code == 0, ran.err
    assert [line.split()[1] for line in ran.out.splitlines()[: len(OWN)]] == OWN
    after = everything(whole.root)
    own = (*OWN, *MADE)
    assert "kept .tagship/predictions/tiny" in ran.out
    assert set(after) == {path for path in before if not is_under(path, own)}
    owners = after.pop(".github/CODEOWNERS").decode()
    assert owners == "".join(OWNERS.splitlines(keepends=True)[i] for i in (0, 3, 4))
    assert all(before[path] == content for path, content in after.items())
    assert whole.tagship("check").code == 0


def test_a_dry_run_says_the_same_and_does_nothing(whole: Project) -> None:
    before = everything(whole.root)
    ran = whole.tagship("remove", MODEL, "--dry-run", "--json")
    assert everything(whole.root) == before
    said = json.loads(ran.out)
    assert said["paths"] == OWN
    assert [line.split()[0] for line in said["owners"]] == [
        "/config/tiny/",
        "/deploy/tiny/staging/",
    ]
    assert json.loads(whole.tagship("remove", MODEL, "--json").out) == said


def test_it_can_be_run_again_and_ends_what_was_begun(whole: Project) -> None:
    whole.path("config/tiny").rename(whole.path("elsewhere"))
    ran = whole.tagship("remove", MODEL)
    assert (ran.code, "removed bentos/tiny/" in ran.out) == (0, True)
    again = whole.tagship("remove", MODEL)
    assert (again.code, again.out) == (0, "nothing of tiny is here\n")


def test_a_name_that_is_nearly_a_model_s_is_a_typo(whole: Project) -> None:
    whole.refused("remove", "tinny", says=("no model 'tinny'", "did you mean 'tiny'?"))
    whole.refused("remove", "../elsewhere", says="cannot be a model's name")
    whole.refused("remove", "monitoring", says="is reserved")


_VOTE = """\
  vote:
    estimator: sklearn.ensemble.VotingClassifier
    params: {voting: soft, estimators: {own: {estimator: features.tiny.Own}}}
"""


@pytest.mark.parametrize("used", ["features", "sources", "part of a candidate"])
def test_code_that_another_model_uses_stays(whole: Project, used: str) -> None:
    package = "sources" if used == "sources" else "features"
    for part in ("data", "model", "thresholds"):
        text = whole.path(part).read_text(encoding="utf-8")
        if part == "model" and used == "features":
            text += "features: features.tiny:derive\n"
        if part == "model" and used == "part of a candidate":
            text += _VOTE
        if part == "data" and used == "sources":
            text = text.replace(*CSV_TO_PYTHON)
        whole.write(f"config/other/{part}.yaml", text)
    says = (f"src/{package}/tiny.py is used by other too", "move what")
    whole.refused("remove", MODEL, says=says)
    assert whole.path("config/tiny/data.yaml").is_file()


def test_a_failure_halfway_puts_everything_back(
    whole: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(whole.root)

    def full(path: Path, content: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(removal, "write_atomically", full)
    whole.refused("remove", MODEL, says="the disk is full")
    assert everything(whole.root) == before


def test_what_cannot_be_put_back_is_kept_and_named(
    whole: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(whole.root)

    def full(path: Path, content: str) -> None:
        whole.write("bentos/tiny/in-the-way.txt", "")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(removal, "write_atomically", full)
    ran = whole.tagship("remove", MODEL)
    ran.must_refuse(("bentos/tiny: could not be put back", "move ", "removed/tiny-"))
    (aside,) = whole.path(".tagship/removed").glob("tiny-*/1")
    assert (aside / "service.py").is_file()
    whole.path("bentos/tiny/in-the-way.txt").unlink()
    whole.path("bentos/tiny").rmdir()
    aside.rename(whole.path("bentos/tiny"))
    assert everything(whole.root) == before


def test_a_removal_leaves_alone_what_another_has_moved_aside(whole: Project) -> None:
    whole.write(".tagship/removed/other-x/0/model.yaml", "another removal's\n")
    assert whole.tagship("remove", MODEL).code == 0
    assert whole.path(".tagship/removed/other-x/0/model.yaml").is_file()
    assert not list(whole.path(".tagship/removed").glob("tiny-*"))


def test_two_removals_at_once_are_refused(whole: Project) -> None:
    with only_one(whole.root, "CODEOWNERS"):
        whole.refused("remove", MODEL, says="another tagship command is working on 'CODEOWNERS'")


def test_paths_are_matched_whole() -> None:
    assert model_paths("a-b")[3] == "src/features/a_b.py"
    assert is_under("config/churn/data.yaml", ["config/churn/"])
    assert not is_under("config/churn-2/data.yaml", ["config/churn/"])
    assert is_matched("deploy/churn/staging/release.yaml", ["deploy/*/staging"])
    assert not is_matched("other/deploy/churn/staging/x", ["deploy/*/staging"])
    assert not is_matched("config/schemas/data.json", ["config/*/*.yaml"])
    assert not is_matched("src/tagship/LICENSE", ["LICENSE"])
