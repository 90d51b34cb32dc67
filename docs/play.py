"""Play pages as a reader would, and write into them what was printed.

One shell, in a scratch folder, runs the commands of a page's ``console`` blocks in order, and those
of ``<!-- play: COMMAND -->``, which stand for what the text asks its reader to do; ``^C`` there
stops what serves. A block after ``<!-- not played: WHY -->`` is left alone.

What stands under a command is held to its output. ``…`` stands for what is left out: lines where it
is alone on one, else characters, or the last digits of a figure. Lines may be broken anywhere.
Figures, hashes and the width of columns are written anew; seconds, dates and commits differ each
time, so those of the page stay. Where words differ the whole output is written, to be shortened by
hand. The scratch folder is ``…``; the line that says that libraries are loaded is left out.
"""

import argparse
import difflib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("docs/tutorial.md", "docs/first-project.md")
PORT = 3000
"""The port in the pages; a free one is played."""
_STEP = re.compile(
    r"^<!-- not played: [^>]*-->\n+```console\n.*?^```$"
    r"|^<!-- play: (?P<hidden>.*?) -->$"
    r"|^```console\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LOADING = re.compile(r" *\d+\.\d s  loading the libraries")
_END = "end of the command:"
_SETTINGS = ("MAKE", "ARGS", "GIT_", "TAGSHIP_", "MLFLOW_", "BENTOML_", "UV_PROJECT", "VIRTUAL_ENV")
_READY_WITHIN = 300
"""Seconds until a service must answer."""
_COMMIT = "[0-9a-f]{12}"
_DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d"
_TOKENS = re.compile(
    r"(?P<skip>(?:\A|\n)[ ]*…(?:\n\s*|\Z))"
    r"|(?P<seconds>\n?[ ]*\b\d+\.\d s\b)"
    rf"|(?P<commit>(?<=commit ){_COMMIT}|(?<= on ){_COMMIT}(?=:)|(?<=\(){_COMMIT}(?=\)))"
    rf"|(?P<date>{_DATE})"
    r"|(?P<hash>\b[0-9a-f]{12}\b)"
    r"|\d+\.(?P<cut>\d+)…"
    r"|(?P<figure>\d+(?:\.\d+)?)"
    r"|(?P<part>…)"
    r"|(?P<line>\n\s*)"
    r"|(?P<gap>[ ]{2,})"
    r"|(?P<text>.)"
)
_PATTERNS: dict[str, Callable[[str], str]] = {
    "skip": lambda _: r"(?:^|$)[\s\S]*?(?:^|\n|\Z)\s*",
    "seconds": lambda _: r"\s*\d+\.\d s",
    "commit": lambda _: _COMMIT,
    "date": lambda _: _DATE,
    "hash": lambda _: _COMMIT,
    "cut": lambda digits: rf"\d+\.\d{{{len(digits)},}}",
    "figure": lambda _: r"\d+(?:\.\d+)?",
    "part": lambda _: r".*?",
    "line": lambda _: r"\s*",
    "gap": lambda _: r"[ ]+",
    "text": re.escape,
}
_ANEW = ("hash", "cut", "figure", "gap")


class PlayError(Exception):
    """A page that cannot be played; the message says where and why."""


def fill(shown: str, output: str) -> str | None:
    """What a page shows of an output, with the figures of this output; None where words differ."""
    tokens = [(str(token.lastgroup), token) for token in _TOKENS.finditer(shown)]
    exact = "".join(
        re.escape(token[0]).replace("…", r"\d*") if kind in _ANEW else _PATTERNS[kind](token[kind])
        for kind, token in tokens
    )
    if re.fullmatch(exact, output, re.MULTILINE):
        return shown
    pattern = "".join(f"({_PATTERNS[kind](token[kind])})" for kind, token in tokens)
    match = re.fullmatch(pattern, output, re.MULTILINE)
    return match and "".join(
        _refilled(kind, token[0], played)
        for (kind, token), played in zip(tokens, match.groups(), strict=True)
    )


def _refilled(kind: str, shown: str, played: str) -> str:
    if kind == "cut":
        return f"{played[: played.index('.') - shown.index('.') + len(shown) - 1]}…"
    anew = kind in _ANEW or (kind == "line" and "\n" in played)
    return played if anew else shown


class Shell:
    """A shell in a scratch folder, which nothing of this machine's settings follows."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "served.log"
        self._port = _free_port()
        self._work = folder / "work"
        self._work.mkdir()
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=self._work, env=_environment(folder), text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, command: str) -> tuple[str, int]:
        """What a command prints, as a page shows it, and its exit code."""
        if command.startswith("tagship serve "):
            output, code = self._serve(command)
        else:
            typed = "kill $!; wait $! || true" if command == "^C" else command
            output, code = self._type(typed.replace(f":{PORT}", f":{self._port}"))
        output = output.replace(f":{self._port}", f":{PORT}").replace(str(self._work), "…")
        lines = [line.rstrip() for line in output.splitlines() if not _LOADING.fullmatch(line)]
        return "\n".join(lines).rstrip(), code

    def end(self) -> None:
        """End the shell, and what it started."""
        os.killpg(self._bash.pid, signal.SIGTERM)
        self._bash.wait()

    def _type(self, command: str) -> tuple[str, int]:
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s %s\\n' '{_END}' $?\n")
        self._bash.stdin.flush()
        output = ""
        for line in self._bash.stdout:
            if line.startswith(_END):
                return output, int(line.removeprefix(_END))
            output += line
        raise PlayError(f"`{command}` ended the shell:\n{output}")

    def _serve(self, command: str) -> tuple[str, int]:
        self._type(f"{command} --port {self._port} >{self._log} 2>&1 &")
        ready, until = f"http://127.0.0.1:{self._port}/readyz", time.monotonic() + _READY_WITHIN
        while time.monotonic() < until and self._type("kill -0 $!")[1] == 0:
            try:
                urllib.request.urlopen(ready).close()
            except OSError:
                time.sleep(0.2)
            else:
                return self._log.read_text(encoding="utf-8"), 0
        raise PlayError(f"`{command}` did not get ready:\n{self._log.read_text(encoding='utf-8')}")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _environment(folder: Path) -> dict[str, str]:
    beside = Path(sys.executable).parent
    uv = shutil.which("uv") or str(beside / "uv")
    cache = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True).stdout
    person = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
              for key, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))}  # fmt: skip
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_SETTINGS)}
    return {**kept, **person, "HOME": str(folder), "PATH": f"{os.environ['PATH']}:{beside}",
            "UV_CACHE_DIR": cache.strip(), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_EDITOR": "true",
            "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1", "TEMPLATE": str(ROOT)}  # fmt: skip


def play(page: Path) -> str:
    """The page as it is when all of it is played anew.

    Raises:
        PlayError: a command whose output is not shown failed, or a service did not start.
    """
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        shell = Shell(Path(folder))
        try:
            return _STEP.sub(lambda step: _played(step, shell), text)
        except PlayError as error:
            raise PlayError(f"{page}: {error}") from None
        finally:
            shell.end()


def _played(step: re.Match[str], shell: Shell) -> str:
    if step["hidden"]:
        _succeed(step["hidden"], shell)
    if not step["block"]:
        return step[0]
    parts = [_shown(command, shown, shell) for command, shown in _commands(step["block"])]
    return "```console\n" + "".join(parts) + "```"


def _commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a block, and what is shown under it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown.rstrip()


def _shown(command: str, shown: str, shell: Shell) -> str:
    if not shown:
        _succeed(command, shell)
        return f"$ {command}\n"
    output = shell.run(command)[0]
    filled = fill(shown, output)
    return f"$ {command}\n{output if filled is None else filled}\n"


def _succeed(command: str, shell: Shell) -> None:
    output, code = shell.run(command)
    if code:
        raise PlayError(f"`{command}` ended with {code}:\n{output}")


def main() -> None:
    """Play the pages; with ``--check`` refuse those that would change, and leave them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; refuse a stale page")
    parser.add_argument("pages", nargs="*", type=Path, default=[ROOT / page for page in PAGES])
    given = parser.parse_args()
    stale = False
    for page in given.pages:
        before = page.read_text(encoding="utf-8")
        try:
            after = play(page)
        except PlayError as error:
            sys.exit(f"error: {error}")
        lines = (before.splitlines(), after.splitlines())
        changes = list(difflib.unified_diff(*lines, "shown", "played", lineterm="", n=1))
        state = "what it shows is not what was played" if changes else "current"
        print("\n".join([f"{page}: {state}", *changes]))
        stale |= bool(changes)
        if changes and not given.check:
            page.write_text(after, encoding="utf-8")
    if stale and given.check:
        sys.exit("error: run `make play`, and read what it changes")


if __name__ == "__main__":
    main()
