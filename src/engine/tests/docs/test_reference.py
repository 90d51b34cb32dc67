"""The documentation says what is so: links, commands, YAML and generated pages."""

import importlib.util
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from tagship.cli import make_app
from tagship.config.root import find_root
from tagship.config.schemas import KINDS
from tagship.config.thresholds import WATCHING, ThresholdsConfig
from tagship.config.yaml_file import parse, read_yaml

ROOT = find_root(Path(__file__))
PAGES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "deploy/**/*.md",
        "benchmarks/*.md",
        "hooks/*.md",
        "src/engine/*.md",
    )
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
REPOSITORY = "https://github.com/tagship-labs/tagship-starter/blob/main/"
"""How a page under docs/ links to a file elsewhere, so that the link works in the site, too."""
INLINE = re.compile(r"`(tagship [^`]+)`")


def name_of(path):
    return str(path.relative_to(ROOT))


def text_of(path):
    return path.read_text(encoding="utf-8")


def fences(path, *languages):
    return [body for language, body in FENCE.findall(text_of(path)) if language in languages]


def prose(path):
    return FENCE.sub("", text_of(path))


@cache
def anchors(path):
    headings = re.findall(r"^#+ +(.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_engine_generates():
    for path, text in generator().pages().items():
        assert text_of(path) == text, f"{name_of(path)} is stale: run `make docs`"


def test_the_readme_stays_short():
    assert len(text_of(ROOT / "README.md").splitlines()) < 200


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_internal_link_resolves(page):
    for target in LINK.findall(prose(page)):
        here = target.startswith(REPOSITORY)
        if not here and ("://" in target or target.startswith("mailto:")):
            continue
        path, _, anchor = target.removeprefix(REPOSITORY).partition("#")
        linked = ((ROOT if here else page.parent) / path).resolve() if path else page
        assert linked.exists(), f"{name_of(page)} links to {target}, which does not exist"
        if anchor:
            assert anchor in anchors(linked), f"{name_of(page)}: no heading for {target}"


@cache
def app():
    return get_command(make_app())


def find_command(words):
    """The command that the words name, its full name, and the words that are left."""
    command, name = app(), "tagship"
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no `{name} {words[0]}`"
        command, name, words = command.commands[words[0]], f"{name} {words[0]}", words[1:]
    return command, name, words


def shell_lines(page):
    """Every line of a shell block, as a person would type it."""
    for block in fences(page, "sh", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"\s(?:&&|\|)\s", line.removeprefix("$ ")):
                yield re.split(r"\s>+\s", part)[0]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_line_in_a_shell_block_parses(page):
    for line in shell_lines(page):
        words = shlex.split(line, comments=True) if line.startswith("tagship ") else []
        if not words or "--help" in words or "--version" in words:
            continue
        command, name, rest = find_command(words[1:])
        assert not hasattr(command, "commands"), f"`{line}` names no command"
        command.make_context(name, rest)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_in_the_text_exists_with_its_options(page):
    for line in INLINE.findall(prose(page)):
        words = line.replace("\n", " ").split()[1:]
        if words[0].isupper() or words[0] == "…":
            continue
        command, name, rest = find_command(words)
        known = {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)} | {"--help"}
        for word in rest:
            flag = word.split("=")[0]
            if flag.startswith("--"):
                assert flag in known, f"{name_of(page)}: `{name}` has no {flag}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_word_of_make_exists(page):
    rules = "".join(map(text_of, (ROOT / "Makefile", *ROOT.glob("*.mk"))))
    words = set(re.findall(r"^([a-z-]+):", rules, re.MULTILINE))
    said = re.findall(r"`make ([a-z-]+)", prose(page))
    said += [line.split()[1] for line in shell_lines(page) if line.startswith("make ")]
    assert set(said) <= words


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_config_example_is_valid(page, project, tmp_path):
    """`# config/<model>/<kind>.yaml` heads a whole file; `# in <kind>.yaml` replaces some keys."""
    for block in fences(page, "yaml"):
        head = re.match(r"# (in )?(?:config/)?(?:[\w-]+/)?(\w+)\.yaml\b", block)
        if not head or head[2] not in KINDS:
            continue
        path = tmp_path / f"{head[2]}.yaml"
        path.write_text(block, encoding="utf-8")
        file = read_yaml(path)
        if head[1]:
            place = "config/project.yaml" if head[2] == "project" else head[2]
            whole = read_yaml(project.path(place))
            file.root.update({k: v for k, v in whole.root.items() if k not in file.root})
        parse(file, KINDS[head[2]])


def test_every_gate_is_in_the_table():
    page = text_of(ROOT / "docs/explanation/verdict.md")
    for gate in ThresholdsConfig.model_fields.keys() - WATCHING:
        assert re.search(rf"^\| `{gate}` \|", page, re.MULTILINE), gate
