"""The engine in a project: the wheel that is written, the pin, and what is refused."""

import email
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from generating import ROOT, TAG, VERSION, commit, generate, git
from hooks.engine_pin import as_uv_reads, find_pin
from hooks.engine_wheel import build_wheel
from hooks.tag_release import message
from hooks.tracked_files import TemplateError, tracked

import tagship
from tagship.errors import TagshipError
from tagship.gitops.engine_pin import check_wheel, read_pin, replace_engine

Make = Callable[..., Path]


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a wheel but those that name the tool that wrote it."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return {name: body for name, body in files.items() if not name.endswith(("/RECORD", "/WHEEL"))}


def test_the_wheel_holds_what_the_build_backend_packs(template: Path, tmp_path: Path) -> None:
    wheel = build_wheel(template)
    (tmp_path / wheel.name).write_bytes(wheel.content)
    backend = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    built = tmp_path / "built"
    subprocess.run([*backend, str(built)], cwd=template / "src/engine", check=True,
                   capture_output=True)  # fmt: skip
    ours, theirs = contents(tmp_path / wheel.name), contents(built / wheel.name)
    assert ours.keys() == theirs.keys()
    for name in ours:
        if name.endswith("/METADATA"):
            left, right = (email.message_from_bytes(body[name]) for body in (ours, theirs))
            for headers in (left, right):
                del headers["Metadata-Version"]
            assert left.items() == right.items()
            assert left.get_payload() == right.get_payload()
        else:
            assert ours[name] == theirs[name], name


def test_the_wheel_is_the_same_bytes_from_a_checkout_a_zip_and_windows_line_ends(
    template: Path, tmp_path: Path
) -> None:
    unpacked = tmp_path / "unpacked"
    for path in tracked(template):
        body = (template / path).read_bytes()
        (unpacked / path).parent.mkdir(parents=True, exist_ok=True)
        is_code = path.startswith("src/engine/tagship/") and path.endswith(".py")
        (unpacked / path).write_bytes(body.replace(b"\n", b"\r\n") if is_code else body)
    assert build_wheel(unpacked) == build_wheel(template)


def test_the_version_is_one_everywhere() -> None:
    assert tagship.__version__ == VERSION
    settings = tomllib.loads((ROOT / ".cz.toml").read_text(encoding="utf-8"))["tool"]["commitizen"]
    assert settings["version"] == VERSION
    for entry in settings["version_files"]:
        name, _, pattern = entry.partition(":")
        text = (ROOT / name).read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if pattern.lstrip("^") in line]
        assert lines
        assert all(VERSION in line for line in lines), name
    assert f"\n## {VERSION}\n" in (ROOT / "src/engine/CHANGELOG.md").read_text(encoding="utf-8")


def test_both_locks_have_one_version_of_what_both_have() -> None:
    versions = []
    for path in (ROOT / "uv.lock", ROOT / "src/engine/uv.lock"):
        packages = tomllib.loads(path.read_text(encoding="utf-8"))["package"]
        versions.append({package["name"]: package.get("version") for package in packages})
    shared = versions[0].keys() & versions[1].keys()
    assert len(shared) > 100
    assert {n: (versions[0][n], versions[1][n]) for n in shared
            if versions[0][n] != versions[1][n]} == {}  # fmt: skip


def test_the_tag_of_a_version_names_the_wheel_and_what_it_mends(template: Path) -> None:
    said = message(template, ["a hole\nSecurity: none"])
    assert f"Wheel-SHA256: {build_wheel(template).sha256}\n" in said
    assert said.endswith("Security: a hole Security: none\n")


@pytest.mark.parametrize("engine", ["vendored", "git"])
def test_uv_takes_the_lock_of_a_project_as_it_is(
    template: Path, tmp_path: Path, engine: str
) -> None:
    url = f"git+{(template.parent / 'template.git').as_uri()}"
    answers = {"engine": engine, "project_slug": "zz-models"}
    project = generate("cookiecutter", url, tmp_path / "out", answers, "--checkout", TAG).project
    uv = [str(Path(sys.executable).with_name("uv")), "lock", "--check"]
    done = subprocess.run(uv, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert read_pin(project).kind == engine
    assert read_pin(project).version == VERSION
    assert [p.suffix for p in (project / "vendor").iterdir()].count(".whl") == (engine != "git")


def test_a_pin_by_git_is_refused_where_no_project_could_fetch_it(
    template: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(template.parent / "template.git"), "clone")
    assert find_pin(clone, "git").vendored is None

    def refused(says: str) -> None:
        with pytest.raises(TemplateError, match=says):
            find_pin(clone, "git")

    engine = clone / "src/engine/tagship/formatting.py"
    engine.write_text(engine.read_text() + "\nNEWER = 2\n")
    refused("is not that of template/v")
    commit(clone, "feat: not tagged")
    refused("is not that of template/v")
    git(clone, "reset", "-q", "--hard", TAG)
    git(clone, "tag", "-d", TAG)
    refused("has no tag template/v")
    git(clone, "remote", "remove", "origin")
    refused("no Git checkout with an origin")


def test_a_pin_by_a_tag_is_not_taken_to_where_no_tag_is(tmp_path: Path) -> None:
    text = 'tool.uv.sources.tagship = {{ git = "https://host.example/t", tag = "{}" }}\n'
    (tmp_path / "pyproject.toml").write_text(text.format(TAG), encoding="utf-8")
    with pytest.raises(TagshipError, match=r"pinned by the tag template/v.* has no versions"):
        replace_engine(tmp_path, tmp_path, "")
    assert (tmp_path / "pyproject.toml").read_text(encoding="utf-8") == text.format(TAG)


@pytest.mark.slow
def test_an_answer_that_cannot_be_kept_leaves_no_project(template: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--no-tags", str(template.parent / "template.git"), "clone")
    for tool in ("cookiecutter", "copier"):
        out = tmp_path / tool
        done = generate(tool, str(clone), out, {"engine": "git"})
        assert done.code != 0
        assert "has no tag template/v" in done.said
        assert [path for path in out.rglob("*") if path.is_file()] == []


def test_a_checkout_without_git_says_what_is_missing(
    template: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TemplateError, match="install git, or generate from a zip"):
        list(tracked(template))


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("git@host.example:acme/t.git", "ssh://git@host.example/acme/t.git"),
        ("https://host.example/acme/t.git", "https://host.example/acme/t.git"),
        ("git+https://host.example/t", "https://host.example/t"),
        ("/srv/t", "file:///srv/t"),
    ],
)
def test_an_address_becomes_one_that_uv_reads(address: str, read: str) -> None:
    assert as_uv_reads(address) == read


@pytest.fixture
def project(made: Make, tmp_path: Path) -> Path:
    """A small copy: what the engine's pin is about."""
    new = made("cookiecutter", ("models", "churn"))
    for name in ("pyproject.toml", "uv.lock", *(p.name for p in (new / "vendor").glob("*.whl"))):
        source = new / name if (new / name).is_file() else new / "vendor" / name
        target = tmp_path / source.relative_to(new)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    return tmp_path


def test_a_wheel_that_is_changed_or_gone_is_told_with_the_way_out(project: Path) -> None:
    pin = read_pin(project)
    assert check_wheel(project, pin) == build_wheel(ROOT).sha256
    wheel = project / pin.path
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(TagshipError, match=r"uv\.lock names .*changed by hand"):
        check_wheel(project, pin)
    wheel.unlink()
    with pytest.raises(TagshipError, match="no such file"):
        check_wheel(project, pin)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tagship = { path = ", "tagshop = { path = "),
        ('"vendor/tagship-', '"vendor/engine-'),
        ("[tool.uv.sources]", "[tool.uv.sources"),
    ],
)
def test_a_pin_that_cannot_be_read_is_told(project: Path, old: str, new: str) -> None:
    path = project / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(TagshipError, match=r"pyproject\.toml"):
        read_pin(project)


def test_an_engine_that_cannot_be_locked_leaves_all_as_it_was(
    project: Path, template: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    git(tmp_path, "clone", "-q", str(template), "newer")
    for path in ("src/engine/pyproject.toml", "src/engine/tagship/__init__.py"):
        text = (newer / path).read_text(encoding="utf-8")
        (newer / path).write_text(text.replace(VERSION, "9.9.9"), encoding="utf-8")

    def state() -> dict[str, bytes]:
        places = [project / "pyproject.toml", project / "uv.lock", *project.glob("vendor/*")]
        return {path.name: path.read_bytes() for path in places}

    before = state()
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    with pytest.raises(TagshipError, match="not taken over"):
        replace_engine(project, newer, "template/v9.9.9")
    assert state() == before
    (newer / "hooks/engine_wheel.py").write_text("raise SystemExit('no wheel today')\n")
    with pytest.raises(TagshipError, match="no wheel today"):
        replace_engine(project, newer, "template/v9.9.9")
    assert state() == before
