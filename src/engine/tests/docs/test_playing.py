"""The outputs that pages show are those of their commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_reference import PAGES, ROOT, fences, name_of

PLAYED = ("docs/tutorial.md", "docs/first-project.md")
PAGE = """\
<!-- play: mkdir project && cd project -->

```console
$ printf 'read\\n  2.5 s  f1 0.9107 of 45 rows\\non 2026-01-02T03:04\\niris on 0123456789ab: ok\\n'
…
  11.0 s  f1 0.9107 of 45 rows
on 2027-02-03T04:05
iris on ba9876543210: ok
$ pwd
…/project
$ echo '{"p":0.97869,"fields":[{"row":0}]}'
{"p":0.978…,"fields":[
  {"row":…}]}
```

<!-- not played: it asks -->

```console
$ false
```
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="bash")


def play(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs/play.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_every_page_that_shows_outputs_is_played() -> None:
    assert {name_of(page) for page in PAGES if fences(page, "console")} == set(PLAYED)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAYED)
def test_what_it_shows_is_what_was_played(name: str) -> None:
    command = [sys.executable, "-m", "tagship", "lock", "verify", "iris"]
    proven = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if "iris: equivalent" in proven.stdout:
        pytest.skip("this processor gives other last bits than those of the committed locks")
    done = play("--check", ROOT / name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_times_commits_the_folder_and_what_is_left_out_may_differ(page: Path) -> None:
    done = play("--check", page)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("figure", "other"), [("0.9107", "0.9187"), ("45", "46"), ("0.978…", "0.976…")]
)
def test_a_changed_figure_is_refused_and_written_anew(page: Path, figure: str, other: str) -> None:
    commands, _, shown = PAGE.partition("…")
    stale = f"{commands}…{shown.replace(figure, other)}"
    page.write_text(stale, encoding="utf-8")
    refused = play("--check", page)
    assert refused.returncode == 1
    assert "what it shows is not what was played" in refused.stdout
    assert "make play" in refused.stderr
    assert page.read_text(encoding="utf-8") == stale
    assert play(page).returncode == 0
    assert page.read_text(encoding="utf-8") == PAGE


def test_other_words_are_replaced_by_the_whole_output(page: Path) -> None:
    page.write_text(PAGE.replace("iris on ba9876543210", "iris"), encoding="utf-8")
    assert play("--check", page).returncode == 1
    assert play(page).returncode == 0
    assert "\nread\n  2.5 s  f1 0.9107" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("step", ["<!-- play: ls nowhere -->", "```console\n$ ls nowhere\n```"])
def test_a_step_that_fails_and_shows_nothing_ends_the_play(page: Path, step: str) -> None:
    page.write_text(f"{step}\n\n{PAGE}", encoding="utf-8")
    done = play(page)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {page}: `ls nowhere` ended with 2")
    assert page.read_text(encoding="utf-8") == f"{step}\n\n{PAGE}"
