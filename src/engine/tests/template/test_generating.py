"""A new project is the root under another name: all of it, and nothing else."""

import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from generating import LINKS, ROOT, ROOT_ANSWERS, TAG, TOOLS, commit, environment, generate, git
from hooks.answers import KEPT, PYTHONS
from hooks.copying import PAGES, TEMPLATE_ONLY, YOURS
from hooks.engine_wheel import build_wheel
from hooks.tracked_files import tracked
from ruamel.yaml import YAML

from tagship.config.project_files import load_project
from tagship.config.root import check_model_name, model_names
from tagship.errors import TagshipError

pytestmark = pytest.mark.slow

Make = Callable[..., Path]
PINNING = {"pyproject.toml", "uv.lock"}
LONG = (
    ("title", "Größte Modelle"),
    ("project_slug", "a-slug-that-is-as-long-as-a-slug-may-be4"),
    ("owner", "Data-And-More-Data"),
    ("registry", "registry.example:5000/data/more_data"),
)


def tree(root: Path) -> dict[str, tuple[bytes, bool]]:
    """Every file's bytes, and whether it is executable."""
    return {
        path.relative_to(root).as_posix(): (
            path.read_bytes(),
            bool(path.stat().st_mode & stat.S_IXUSR),
        )
        for path in root.rglob("*")
        if path.is_file() and path.name not in LINKS
    }


def test_the_root_s_own_answers_give_the_root_back_byte_for_byte(
    made: Make, template: Path
) -> None:
    new = tree(made("cookiecutter", *asdict(ROOT_ANSWERS).items()))
    only = tuple(place for place in TEMPLATE_ONLY if place not in {"README.md", "LICENSE"})
    root = {path: body for path, body in tree(template).items() if path in set(tracked(template))}
    expected = {path: body for path, body in root.items() if not path.startswith((*only, "docs/"))}
    expected["docs/runbook.md"] = root["docs/runbook.md"]
    added = {"CHANGELOG.md", f"vendor/{build_wheel(template).name}"}
    assert set(new) == set(expected) | added
    differ = {path for path in expected if new[path] != expected[path]}
    assert differ == {"README.md", *PINNING}


def test_the_root_s_answers_are_those_of_its_config() -> None:
    project = load_project(ROOT)
    named = (project.title, project.name, project.owner, project.registry)
    answers = ROOT_ANSWERS
    assert named == (answers.title, answers.project_slug, answers.owner, answers.registry)
    assert set(KEPT["all"]) == set(model_names(ROOT))


def test_nothing_of_the_root_s_identity_is_left_in_a_path_or_a_file(made: Make) -> None:
    new = made("cookiecutter", *LONG)
    words = [ROOT_ANSWERS.project_slug, ROOT_ANSWERS.owner, ROOT_ANSWERS.title]
    spelt = [word.replace("-", "_") for word in words]
    pattern = re.compile("|".join(map(re.escape, {*words, *spelt})), re.IGNORECASE)
    named = [path for path, (body, _) in tree(new).items() if not path.endswith(".whl")
             and pattern.search(path + body.decode("latin-1").replace(PAGES, ""))]  # fmt: skip
    assert named == []


def test_the_project_is_known_by_its_own_names_wherever_it_is_named(made: Make) -> None:
    answers = dict(LONG)
    new = made("cookiecutter", *LONG)
    project = load_project(new)
    named = (project.title, project.name, project.owner, project.registry)
    assert named == tuple(answers.values())
    repository = f"https://github.com/{project.owner}/{project.name}"
    argocd = (new / "deploy/argocd/applications.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"repoURL: (\S+)", argocd)) == {f"{repository}.git"}
    owners = (new / ".github/CODEOWNERS").read_text(encoding="utf-8")
    assert set(re.findall(r"@([\w-]+)/", owners)) == {project.owner}
    readme = (new / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {project.title}\n")
    assert f"{repository}/actions/workflows/ci.yml/badge.svg" in readme
    pyproject = (new / "pyproject.toml").read_text(encoding="utf-8")
    assert f'description = "{project.title}: ' in pyproject
    assert "benchmarks" not in re.sub("#.*", "", pyproject)
    pin = YAML(typ="safe").load(new / "deploy/churn/production/kustomization.yaml")
    assert pin["images"][0]["newName"] == f"{project.registry}/{project.name}-churn"


@pytest.mark.parametrize("owner", ["1234", "null", "1e5", "0x1f"])
def test_an_owner_that_yaml_would_read_as_something_else_stays_a_text(
    made: Make, owner: str
) -> None:
    answers = {"title": "Inf", "owner": owner, "registry": owner, "models": "churn"}
    new = made("cookiecutter", *answers.items())
    project = load_project(new)
    assert (project.title, project.owner, project.registry) == ("Inf", owner, owner)
    pin = YAML(typ="safe").load(new / "deploy/churn/production/kustomization.yaml")
    assert pin["images"][0]["newName"] == f"{owner}/inf-churn"


@pytest.mark.parametrize("slug", ["aa-models", "zz-models"])
def test_uv_lock_is_in_uv_s_order_whatever_the_slug(
    template: Path, tmp_path: Path, slug: str
) -> None:
    new = generate("cookiecutter", str(template), tmp_path, {"project_slug": slug}).project
    packages = (new / "uv.lock").read_text(encoding="utf-8").split("\n[[package]]\n")[1:]
    names = [package.split('"', 2)[1] for package in packages]
    assert slug in names
    assert names == sorted(names)
    done = subprocess.run(
        [str(Path(sys.executable).with_name("uv")), "lock", "--check"],
        cwd=new, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_rename_changes_no_lock(made: Make) -> None:
    for lock in ROOT.glob("config/*/model.lock.yaml"):
        new = made("cookiecutter", *LONG) / lock.relative_to(ROOT)
        assert new.read_bytes() == lock.read_bytes()


@pytest.mark.parametrize("choice", ["all", "none"])
def test_the_three_tools_give_equal_trees(made: Make, choice: str) -> None:
    trees = [tree(made(tool, ("models", choice))) for tool in TOOLS]
    assert trees[0] == trees[1] == trees[2]


def test_a_url_a_tag_and_a_zip_give_the_same_tree(
    template: Path, made: Make, tmp_path: Path
) -> None:
    url = (template.parent / "template.git").as_uri()
    archive = tmp_path / "template.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("template-main/", "")
        for path in tracked(template):
            zipped.write(template / path, f"template-main/{path}")
    tagged = ("--checkout", TAG)
    from_url = generate("cookiecutter", url, tmp_path / "tag", {}, *tagged).project
    from_zip = generate("cookiecutter", str(archive), tmp_path / "zip", {}).project
    expected = tree(made())
    assert tree(from_url) == expected
    without_modes = {path: body for path, (body, _) in expected.items()}
    assert {path: body for path, (body, _) in tree(from_zip).items()} == without_modes
    assert not (from_zip / ".cruft.json").exists()
    assert json.loads((from_url / ".cruft.json").read_text())["template"] == url


def test_a_project_is_linked_only_to_what_others_can_fetch(template: Path, tmp_path: Path) -> None:
    url = (template.parent / "template.git").as_uri()
    git(tmp_path, "clone", "-q", url, "clone")
    clone = tmp_path / "clone"

    def linked(name: str) -> bool:
        new = generate("cookiecutter", str(clone), tmp_path / name, {}).project
        return (new / ".cruft.json").is_file()

    assert linked("as-cloned")
    (clone / "Makefile").write_text("changed:\n", encoding="utf-8")
    assert not linked("changed")
    commit(clone, "feat: not pushed")
    git(clone, "tag", "-m", "nor is this", "template/v9.9.9")
    assert not linked("not-pushed")
    git(clone, "remote", "remove", "origin")
    assert not linked("no-origin")


@pytest.mark.parametrize(
    ("origin", "kept"),
    [
        ("https://me:token@host.example/acme/t.git", "https://host.example/acme/t.git"),
        ("https://token@host.example:8443/acme/t.git", "https://host.example:8443/acme/t.git"),
        ("ssh://git:word@host.example/acme/t.git", "ssh://git@host.example/acme/t.git"),
        ("ssh://git@host.example:22/acme/t.git", "ssh://git@host.example:22/acme/t.git"),
        ("git@host.example:acme/t.git", "git@host.example:acme/t.git"),
    ],
)
def test_a_link_holds_no_password_and_no_token(
    template: Path, tmp_path: Path, origin: str, kept: str
) -> None:
    git(tmp_path, "clone", "-q", (template.parent / "template.git").as_uri(), "clone")
    git(tmp_path / "clone", "remote", "set-url", "origin", origin)
    new = generate("cookiecutter", str(tmp_path / "clone"), tmp_path / "out", {}).project
    link = json.loads((new / ".cruft.json").read_text(encoding="utf-8"))
    assert link["template"] == link["context"]["cookiecutter"]["_template"] == kept


@pytest.mark.parametrize("tool", TOOLS)
def test_a_last_word_that_cannot_be_printed_costs_no_project(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    answers = {"title": "Čapek Models", "project_slug": "capek"}
    done = generate(tool, str(template), tmp_path / "out", answers)
    assert (done.project / "Makefile").is_file()
    assert "?apek Models is in capek/. Next:" in done.said


@pytest.mark.skipif(os.name == "nt", reason="a pipe that nobody reads")
def test_nor_does_one_that_nobody_reads(template: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "cookiecutter", str(template), "--no-input"]
    env = environment(tmp_path / "home")
    done = subprocess.run(
        command, cwd=tmp_path, env=env, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "my-models/Makefile").is_file()


@pytest.mark.parametrize("choice", ["churn", "none"])
def test_a_model_that_is_not_kept_leaves_no_file_behind(made: Make, choice: str) -> None:
    new = made("cookiecutter", ("models", choice))
    assert model_names(new) == sorted(KEPT[choice])
    gone = set(KEPT["all"]) - set(KEPT[choice])
    named = {p for p in tree(new) for part in Path(p).parts if gone & set(re.split(r"\W|_", part))}
    assert named == set()


def test_compose_has_a_default_only_where_the_project_has_the_model(made: Make) -> None:
    def named(choice: str) -> set[str]:
        compose = (made("cookiecutter", ("models", choice)) / "docker-compose.yml").read_text()
        return set(re.findall(r"\$\{MODEL(.*?)\}", compose))

    assert named("churn") == {":-churn"}
    assert named("none") == {":?say which, such as MODEL=NAME"}


def test_a_project_without_models_says_how_to_make_one(template: Path, tmp_path: Path) -> None:
    found = generate("cookiecutter", str(template), tmp_path, {"models": "none"})
    assert "tagship new NAME" in found.said
    assert "tagship new NAME" in (found.project / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("version", [PYTHONS[0], PYTHONS[-1]])
def test_workflows_and_make_take_the_python_that_was_chosen(made: Make, version: str) -> None:
    new = made("cookiecutter", ("python", version))
    workflows = sorted((new / ".github/workflows").glob("*.yml"))
    text = "".join(path.read_text(encoding="utf-8") for path in workflows)
    said = re.findall(r"""python-version: "([0-9.]+)""", text)
    assert len(said) > 8
    assert set(said) == {version}
    makefile = (new / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"for p in (\S+)", makefile) == [f"python{version}"]


@pytest.mark.parametrize("version", PYTHONS)
def test_images_keep_the_python_whose_digest_is_known(made: Make, version: str) -> None:
    new = made("cookiecutter", ("python", version))
    for place in ("deploy/image/*ockerfile", "bentos/*/bentofile.yaml"):
        paths = sorted(new.glob(place))
        assert paths
        for path in paths:
            assert path.read_bytes() == (ROOT / path.relative_to(new)).read_bytes()


@pytest.mark.parametrize(
    ("licence", "spdx", "says"),
    [
        ("Apache-2.0", "Apache-2.0", "Apache License"),
        ("MIT", "MIT", "Copyright (c) my-organisation\n\nPermission is hereby granted"),
        ("proprietary", "LicenseRef-Proprietary", "All rights reserved"),
    ],
)
def test_the_licence_is_the_project_s(made: Make, licence: str, spdx: str, says: str) -> None:
    new = made("cookiecutter", ("licence", licence))
    assert says in (new / "LICENSE").read_text(encoding="utf-8")
    assert f'license = "{spdx}"\n' in (new / "pyproject.toml").read_text(encoding="utf-8")


def test_the_three_next_commands_are_said(template: Path, tmp_path: Path) -> None:
    said = generate("cookiecutter", str(template), tmp_path, {"models": "churn"}).said
    lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    assert lines[0] == "cd my-models"
    assert lines[1].startswith("git init -b main && git add -A && git commit")
    assert lines[2:] == ["make run"]


def test_what_is_said_to_be_the_template_s_alone_exists() -> None:
    assert [place for place in TEMPLATE_ONLY if not (ROOT / place).exists()] == []


def test_whose_is_what_is_the_same_for_cruft_copier_and_the_reader() -> None:
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert tuple(settings["tool"]["cruft"]["skip"]) == YOURS
    copier = YAML(typ="safe").load(ROOT / "copier.yml")
    assert tuple(copier["_skip_if_exists"]) == tuple(f"/{pattern}" for pattern in YOURS)
    page = (ROOT / "docs/how-to/update.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if "| yours |" in line]
    assert set(re.findall(r"`([^`]+)`", "".join(rows))) == set(YOURS)


def test_no_model_can_take_the_name_of_a_folder_that_is_none() -> None:
    names = set(model_names(ROOT))
    for folder in [*(ROOT / "deploy").iterdir(), *(ROOT / "config").iterdir()]:
        if folder.is_dir() and folder.name not in names:
            with pytest.raises(TagshipError, match="reserved"):
                check_model_name(folder.name)


def test_no_page_that_is_copied_links_to_what_is_not(made: Make) -> None:
    new = made()
    for page in sorted(new.rglob("*.md")):
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in target and "…" not in target:
                assert (page.parent / target).exists(), (page.relative_to(new), target)
