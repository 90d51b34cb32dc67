"""The help: groups, whole sentences, one style; JSON, completion and colours of the commands."""

import ast
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import tagship.cli
from projects import Project
from tagship.cli import GROUPS, RENAMED, make_app
from tagship.config.root import find_root

ROOT = find_root(Path(__file__))
TAGSHIP = Path(sys.executable).with_name("tagship")
NO_REPORT = {"serve", "demo", "card", "ui"}
"""What serves, tells a story or prints a file, and so answers nothing a program would read."""


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for key, command in group.commands.items():
        full = f"{name} {key}".strip()
        if hasattr(command, "commands"):
            yield from commands(command, full)
        else:
            yield full, command


EVERY = dict(commands(get_command(make_app())))


def words(text: str) -> str:
    return " ".join(re.sub("[│╭╮╰╯─]", " ", text).split())


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "80", **variables}
    return subprocess.run(
        [str(TAGSHIP), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_each_command_is_in_one_group_and_its_sentence_is_shown_whole() -> None:
    named = [name for names in GROUPS.values() for name in names]
    modules = Path(tagship.cli.__file__).parent.glob("*.py")
    entries = {
        path.stem.replace("_", "-")
        for path in modules
        if re.search(r"^(def command|app = )", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert sorted(named) == sorted(entries - {"changed", "difference"})  # which are under ci
    shown = run("-h")
    assert shown.stdout == run("--help").stdout
    page = words(shown.stdout)
    for group in GROUPS:
        assert group in page
    for name in named:
        command = EVERY.get(name)
        if command is not None:
            assert words(command.help.split("\n\n")[0]) in page, name


@pytest.mark.parametrize("name", EVERY)
def test_help_is_whole_sentences_in_one_style(name: str) -> None:
    command = EVERY[name]
    options = [p for p in command.params if p.name != "help"]
    for text in (command.help.split("\n\n")[0], *(option.help for option in options)):
        assert re.match(r"[A-Z`]", text), text
        assert text.rstrip().endswith("."), text
        assert "[" not in text, f"rich takes it for a style: {text}"
    assert [p.name for p in options if p.metavar] == []
    assert "-h" in command.context_settings.get("help_option_names", ["-h"])


@pytest.mark.parametrize("name", EVERY)
def test_what_reports_answers_as_json(name: str) -> None:
    """What most of `ci` does stands in GitHub."""
    flags = {flag for param in EVERY[name].params for flag in param.opts}
    silent = name in NO_REPORT or (
        name.startswith("ci ") and name not in ("ci changed", "ci difference")
    )
    assert ("--json" in flags) is not silent


def test_only_workflows_call_what_is_under_ci_and_people_the_rest() -> None:
    workflows = "".join(
        path.read_text(encoding="utf-8") for path in ROOT.glob(".github/workflows/*.yml")
    )
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/how-to/*.md")]
    told = "".join(page.read_text(encoding="utf-8") for page in pages)
    for name in EVERY:
        if name.startswith("ci "):
            assert re.search(rf"tagship {name}\b", workflows), name
        elif re.search(rf"tagship {name}\b", workflows):
            assert re.search(rf"(tagship |`){name}\b", told), f"{name}: only workflows call it"


def test_no_exit_code_is_a_number_of_its_own() -> None:
    for path in Path(tagship.cli.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Exit":
                for given in node.args:
                    number = isinstance(given, ast.Constant) and given.value not in (0, 1)
                    assert not number, f"{path.name}:{node.lineno}: name it in exit_codes.py"


def test_a_mistyped_command_is_wrong_usage_and_gets_a_suggestion() -> None:
    ran = run("relese", "churn")
    assert ran.returncode == 2
    assert "Did you mean 'release'" in words(ran.stderr)


def test_a_command_of_an_older_version_is_refused_and_named_anew() -> None:
    for old, new in RENAMED.items():
        ran = run(old, "churn")
        assert ran.returncode == 2
        assert f"No such command '{old}'. Use {new}." in words(ran.stderr)


@pytest.mark.parametrize(
    ("line", "completed"),
    [("tagship rele", "release"), ("tagship run chu", "churn"), ("tagship drift fr", "fraud"),
     ("tagship history --en", "--env")],
)  # fmt: skip
def test_the_shell_completes_commands_options_and_models(line: str, completed: str) -> None:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    ran = run(_TAGSHIP_COMPLETE="complete_bash", **words)
    assert completed in ran.stdout.split()


@pytest.mark.parametrize(("variables", "colours"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colours_unless_they_are_not_wanted(
    variables: dict[str, str], colours: bool, project: Project
) -> None:
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    subprocess.run(
        [str(TAGSHIP), "check", "tyni"],
        cwd=project.root,
        env={**environment, **variables},
        stdout=theirs,
        stderr=theirs,
        check=False,
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "error:" in shown
    assert ("\x1b[31merror:" in shown) is colours
    assert "\x1b" not in project.spawn("check", "tyni").err
