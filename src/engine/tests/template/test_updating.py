"""From tag to tag: the template's changes arrive, what is yours stays, no conflict is lost."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from generating import ROOT, TAG, VERSION, call, commit, generate, git, make_version

from tagship.errors import TagshipError
from tagship.gitops.template import read_link

pytestmark = pytest.mark.slow

PROJECT_YAML = "config/project.yaml"
ANSWERS = {"owner": "acme-data", "project_slug": "acme-models"}
NEWER = "9.9.9"
NEWER_TAG = f"template/v{NEWER}"
MERGED, BOTH, RENAMED, NEW_NAME, DELETED, GONE = (
    "deploy/argocd/README.md", "docs/runbook.md", ".github/rulesets/README.md",
    ".github/rulesets/RULES.md", ".editorconfig", ".github/PULL_REQUEST_TEMPLATE.md",
)  # fmt: skip


def edit(path: Path, change: dict[str, str] | None = None, head: str = "", tail: str = "") -> None:
    """Change a file that is there."""
    text = path.read_text(encoding="utf-8")
    for old, new in (change or {}).items():
        assert old in text, f"{path} does not hold {old!r}"
        text = text.replace(old, new, 1)
    path.write_text(head + text + tail, encoding="utf-8")


def first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0]


def set_version(work: Path, version: str) -> None:
    """Give the template another version."""
    engine = work / "src/engine"
    edit(engine / "tagship/__init__.py", {f'"{VERSION}"': f'"{version}"'})
    edit(engine / "pyproject.toml", {f'version = "{VERSION}"': f'version = "{version}"'})
    for lock in (work / "uv.lock", engine / "uv.lock"):
        stanza = f'name = "tagship"\nversion = "{VERSION}"'
        edit(lock, {stanza: stanza.replace(VERSION, version)})


@pytest.fixture(scope="module")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with a second version: changed, renamed, new and deleted files."""
    work = tmp_path_factory.mktemp("history") / "template"
    shutil.copytree(template, work)
    git(work, "remote", "remove", "origin")
    set_version(work, NEWER)
    training = work / "src/engine/tagship/training/__init__.py"
    edit(training, {"TRAINING_NUMBER = 2": "TRAINING_NUMBER = 3"})
    edit(work / ".github/workflows/ci.yml", {"timeout-minutes: 30": "timeout-minutes: 31"})
    edit(work / "deploy/base/service.yaml", head="# A newer service.\n")
    edit(work / MERGED, tail="\nThe template's last words.\n")
    edit(work / BOTH, {first_line(work / BOTH): "# The template's title"})
    (work / RENAMED).rename(work / NEW_NAME)
    edit(work / NEW_NAME, tail="\nThe template's last words.\n")
    (work / DELETED).unlink()
    edit(work / GONE, tail="\nWhat you will not see.\n")
    edit(work / "pyproject.toml", {'"ruff>=0.11",': '"ruff>=0.12",'})
    edit(work / "config/churn/data.yaml", {"min: 1000": "min: 1001"})
    edit(work / "config/iris/model.yaml", tail="# newer\n")
    edit(work / "deploy/churn/production/kustomization.yaml", tail="# newer\n")
    edit(work / "src/features/churn.py", tail="# newer\n")
    edit(work / "tests/features/test_churn.py", tail="# newer\n")
    edit(work / "tests/test_locks.py", tail="# newer\n")
    edit(work / ".github/CODEOWNERS", tail="# newer\n")
    (work / "deploy/brand-new.md").write_text("# About tagship-starter\n", encoding="utf-8")
    commit(work, "feat: newer")
    assert make_version(work) == NEWER_TAG
    git(work, "tag", "template/next")
    return work


def on_the_page(after: str) -> list[str]:
    """The commands that docs/how-to/update.md gives first after some words."""
    page = (ROOT / "docs/how-to/update.md").read_text(encoding="utf-8")
    return page.partition(after)[2].partition("```sh\n")[2].partition("```")[0].splitlines()


def by_git(root: Path, lines: list[str]) -> None:
    """Run those of the lines that are git's."""
    for line in lines:
        if line.startswith("git "):
            git(root, *shlex.split(line)[1:])


def begin(root: Path) -> Path:
    git(root, "init", "-q", "-b", "main")
    commit(root, "feat: begin")
    return root


def use(root: Path, clashing: bool) -> None:
    """What a team does to its project in between."""
    edit(root / "README.md", head="# Ours\n\n")
    edit(root / PROJECT_YAML, tail="# ours\n")
    edit(root / "config/churn/data.yaml", {"min: 1000": "min: 2000"})
    edit(root / "src/features/churn.py", tail="# ours\n")
    edit(root / "deploy/churn/production/kustomization.yaml", tail="# ours\n")
    edit(root / ".github/CODEOWNERS", tail="# ours\n")
    edit(
        root / "pyproject.toml", {'  "yamllint>=1.37",\n': '  "pluggy>=1",\n  "yamllint>=1.37",\n'}
    )
    uv(root, "lock", "--quiet")
    edit(root / "tests/test_own.py", tail="# ours\n")
    edit(root / MERGED, head="Our first words.\n\n")
    edit(root / RENAMED, head="Our first words.\n\n")
    for path in ("config/iris", "bentos/iris", "deploy/iris"):
        git(root, "rm", "-rq", path)
    (root / "config/own").mkdir()
    (root / "config/own/notes.md").write_text("ours\n", encoding="utf-8")
    if clashing:
        edit(root / BOTH, {first_line(root / BOTH): "# Our title"})
        (root / GONE).rename(root / "docs/our-words.md")
    commit(root, "feat: ours")


def check_updated(root: Path, follows_renames: bool = True) -> None:
    """What both tools must have done; Copier takes an edited file away with its old name."""

    def text(path: str) -> str:
        return (root / path).read_text(encoding="utf-8")

    (wheel,) = (root / "vendor").glob("*.whl")
    assert wheel.name == f"tagship-{NEWER}-py3-none-any.whl"
    uv(root, "lock", "--check")
    assert "timeout-minutes: 31" in text(".github/workflows/ci.yml")
    assert text("deploy/base/service.yaml").startswith("# A newer service.\n")
    assert text("deploy/brand-new.md") == "# About acme-models\n"
    assert not (root / DELETED).exists()
    assert '"ruff>=0.12"' in text("pyproject.toml")
    assert '"pluggy>=1"' in text("pyproject.toml")
    assert f"vendor/{wheel.name}" in text("pyproject.toml")
    for path in (MERGED, NEW_NAME) if follows_renames else (MERGED,):
        assert text(path).startswith("Our first words.\n"), path
        assert text(path).endswith("The template's last words.\n"), path
    assert not (root / RENAMED).exists()
    assert text("README.md").startswith("# Ours\n")
    assert text(PROJECT_YAML).endswith("# ours\n")
    assert "min: 2000" in text("config/churn/data.yaml")
    for path in ("src/features/churn.py", "deploy/churn/production/kustomization.yaml",
                 ".github/CODEOWNERS", "tests/test_own.py"):  # fmt: skip
        assert text(path).endswith("# ours\n"), path
        assert "# newer" not in text(path), path
    assert text("tests/test_locks.py").endswith("# newer\n")
    assert "# newer" not in text("tests/features/test_churn.py")
    assert not (root / "config/iris").exists()
    assert text("config/own/notes.md") == "ours\n"


def uv(root: Path, *arguments: str) -> None:
    done = call(root, str(Path(sys.executable).with_name("uv")), *arguments)
    assert done.returncode == 0, done.stderr


def tagship(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of this engine in a project."""
    return call(root, sys.executable, "-m", "tagship", *arguments)


@pytest.fixture
def project(history: Path, tmp_path: Path) -> Path:
    """A project that cruft made from the first version."""
    old = ("--checkout", TAG)
    return begin(generate("cruft", str(history), tmp_path / "out", ANSWERS, *old).project)


def test_cruft_takes_over_what_is_the_template_s_and_leaves_what_is_yours(project: Path) -> None:
    use(project, clashing=False)
    done = tagship(project, "update")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"updated to {NEWER_TAG}" in done.stdout
    assert f"engine: {VERSION} → {NEWER}" in done.stdout
    assert "must be trained again: churn (training number 2 → 3)" in done.stdout
    check_updated(project)
    assert git(project, "diff", "--name-only", "--diff-filter=U") == ""
    link = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))
    assert link["checkout"] == NEWER_TAG
    edit(project / "config/churn/model.lock.yaml", tail="# renewed by make run\n")
    by_git(project, on_the_page("# Update from the template"))
    assert git(project, "status", "--porcelain") == ""
    again = tagship(project, "update")
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True), again.stderr


def test_cruft_leaves_conflicts_as_git_does_and_names_what_found_no_place(project: Path) -> None:
    use(project, clashing=True)
    done = tagship(project, "update", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["conflicts"] == [BOTH]
    assert said["missing"] == [GONE]
    assert re.search(
        r"<<<<<<< .*\n# Our title\n(?:.*\n)?=======\n# The template's title\n>>>>>>> ",
        (project / BOTH).read_text(encoding="utf-8"),
    )
    assert "how-to/update.md" in done.stderr
    check_updated(project)
    (project / "Makefile.rej").write_text("not applied\n", encoding="utf-8")
    by_git(project, on_the_page("To give up an update"))
    assert git(project, "status", "--porcelain") == ""
    assert (project / BOTH).read_text(encoding="utf-8").startswith("# Our title\n")
    assert not (project / "deploy/brand-new.md").exists()


def test_the_doctor_says_that_the_template_is_newer_until_it_is_updated(project: Path) -> None:
    def template() -> dict[str, str]:
        answers = json.loads(tagship(project, "doctor", "--json").stdout)
        return next(answer for answer in answers if answer["what"] == "template")

    assert template()["level"] == "warn"
    assert f"{NEWER_TAG} is out, this is v{VERSION}: make update" in template()["problem"]
    assert tagship(project, "update").returncode == 0
    assert template()["level"] == "ok"
    link = project / ".cruft.json"
    link.write_text(link.read_text().replace("/template", "/nowhere"), encoding="utf-8")
    assert "nowhere" in template()["problem"]
    link.unlink()
    assert "how-to/update.md" in template()["problem"]


def test_the_branch_way_merges_what_is_yours_too_and_follows_what_you_renamed(
    project: Path, history: Path
) -> None:
    words = {
        "URL": str(history),
        "--no-input": f"--no-input --extra-context '{json.dumps(ANSWERS)}'",
        "cruft ": f"{shlex.quote(sys.executable)} -m cruft ",
        "template/vOLD": TAG,
        "template/vNEW": NEWER_TAG,
    }

    def follow(after: str) -> None:
        for line in on_the_page(after):
            for word, meant in words.items():
                line = line.replace(word, meant)
            done = call(project, "bash", "-c", line)
            assert done.returncode == 0, (line, done.stdout, done.stderr)

    follow("## The branch way")
    ours = "docs/our-rollback.md"
    git(project, "mv", MERGED, ours)
    edit(project / ours, head="Our first words.\n\n")
    edit(project / "config/iris/model.yaml", head="# ours\n")
    commit(project, "feat: ours")
    follow("Then, for each new")
    assert git(project, "status", "--porcelain") == ""
    for path, first, last in (
        (ours, "Our first words.", "The template's last words."),
        ("config/iris/model.yaml", "# ours", "# newer"),
    ):
        lines = (project / path).read_text(encoding="utf-8").splitlines()
        assert (lines[0], lines[-1]) == (first, last), path
    assert not (project / DELETED).exists()
    assert (project / "deploy/brand-new.md").is_file()
    link = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))
    assert link["checkout"] == NEWER_TAG


def test_an_update_is_refused_over_changes_without_a_link_and_from_a_lost_commit(
    project: Path,
) -> None:
    def refused(says: str) -> None:
        done = tagship(project, "update")
        assert done.returncode == 1
        assert says in done.stderr
        assert "Traceback" not in done.stderr

    edit(project / "Makefile", tail="\n")
    refused("Makefile is changed or untracked")
    git(project, "checkout", "Makefile")
    link = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))
    for change, says in (
        ({"commit": "0" * 40}, "holds no commit 000000000000"),
        ({"template": str(project / "nowhere")}, "nowhere"),
    ):
        (project / ".cruft.json").write_text(json.dumps({**link, **change}), encoding="utf-8")
        commit(project, "test: another link")
        refused(says)
    git(project, "rm", "-q", ".cruft.json")
    commit(project, "test: no link")
    refused("no link to the template")


def test_a_project_ahead_of_the_newest_tag_is_not_taken_back(history: Path, tmp_path: Path) -> None:
    ahead = tmp_path / "ahead"
    git(tmp_path, "clone", "-q", str(history), str(ahead))
    edit(ahead / "Makefile", head="# Not tagged yet.\n")
    edit(ahead / "src/engine/tagship/__init__.py", {NEWER: "9.9.10"})
    edit(ahead / "src/engine/pyproject.toml", {f'version = "{NEWER}"': 'version = "9.9.10"'})
    commit(ahead, "feat: not tagged yet")
    root = begin(generate("cruft", str(ahead), tmp_path / "out", ANSWERS).project)
    done = tagship(root, "update")
    assert (done.returncode, "nothing to do" in done.stdout) == (0, True), done.stderr
    assert git(root, "status", "--porcelain") == ""


@pytest.fixture
def copied(history: Path, tmp_path: Path) -> Path:
    """A project that Copier made from the first version."""
    old = ("--vcs-ref", TAG)
    return begin(generate("copier", str(history), tmp_path / "out", ANSWERS, *old).project)


def test_copier_takes_over_what_is_the_template_s_and_leaves_what_is_yours(copied: Path) -> None:
    use(copied, clashing=True)
    done = tagship(copied, "update")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"both changed: {BOTH}" in done.stdout
    text = (copied / BOTH).read_text(encoding="utf-8")
    assert "# Our title" in text
    assert "# The template's title" in text
    assert "<<<<<<<" in text
    assert NEWER_TAG in (copied / ".copier-answers.yml").read_text(encoding="utf-8")
    check_updated(copied, follows_renames=False)
    assert f" D {RENAMED}" in git(copied, "status", "--short").splitlines()


def test_copier_follows_the_branch_of_a_template_without_versions(
    history: Path, tmp_path: Path
) -> None:
    remote = tmp_path / "remote.git"
    git(tmp_path, "clone", "-q", "--bare", str(history), str(remote))
    git(remote, "tag", "--delete", TAG, NEWER_TAG, "template/next")
    head = git(remote, "rev-parse", "main")
    git(remote, "update-ref", "refs/heads/main", "main~1")
    root = begin(generate("copier", remote.as_uri(), tmp_path / "out", ANSWERS).project)

    def template() -> str:
        answers = json.loads(tagship(root, "doctor", "--json").stdout)
        assert {a["level"] for a in answers if a["what"] == "origin of the engine"} == {"warn"}
        return str(next(answer["problem"] for answer in answers if answer["what"] == "template"))

    assert template() == ""
    git(remote, "update-ref", "refs/heads/main", head)
    assert f"its branch main moved on to {head[:12]}" in template()
    done = tagship(root, "update")
    assert done.returncode == 0, done.stdout + done.stderr
    followed = f"the template has no versions; followed its branch main at {head[:12]}\n"
    assert done.stdout.startswith(f"{followed}updated to main at {head[:12]}: ")
    assert f"engine: {VERSION} → {NEWER}" in done.stdout
    commit(root, "build: update the template")
    again = tagship(root, "update")
    assert again.stdout.startswith(followed)
    assert "nothing to do" in again.stdout
    assert git(root, "status", "--porcelain") == ""
    assert template() == ""
    git(remote, "symbolic-ref", "HEAD", "refs/heads/none")
    assert "no tag template/v… and no default branch" in tagship(root, "update").stderr


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("gh:acme/t", "https://github.com/acme/t.git"),
        ("gl:/acme/t.git", "https://gitlab.com/acme/t.git"),
        ("git+https://host.example/t", "https://host.example/t"),
        ("git@host.example:acme/t.git", "git@host.example:acme/t.git"),
    ],
)
def test_a_link_of_copier_is_read_as_git_takes_it(tmp_path: Path, written: str, url: str) -> None:
    answers = tmp_path / ".copier-answers.yml"
    answers.write_text(f'_commit: "1"\n_src_path: "{written}"\n', encoding="utf-8")
    assert read_link(tmp_path).url == url
    answers.write_text("title: Shop\n", encoding="utf-8")
    with pytest.raises(TagshipError, match="not a link to a template"):
        read_link(tmp_path)
