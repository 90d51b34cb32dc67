"""Programs in a work tree of another commit: without this process's secrets, with a time limit."""

import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tagship.errors import TagshipError

_SECRETS = ("GH_TOKEN", "GITHUB_TOKEN", "TAGSHIP_REGISTRY_TOKEN")
"""What a project's own functions, which training and scoring run, need not see."""
_GRACE = 10
"""Seconds that such a program may take."""


def run_engine(tree: Path, *arguments: str, seconds: float | None = None, **variables: str) -> None:
    """Run this very engine's command line in a work tree, with the own code of that tree.

    Raises:
        TagshipError: what it refused, or the last line of what went wrong.
    """
    command = (sys.executable, "-P", "-m", "tagship", *arguments)
    try:
        run_program(tree, command, ("PYTHONPATH",), seconds, **variables)
    except TagshipError as error:
        raise TagshipError(f"tagship {arguments[0]}: {error}") from None


def run_program(
    tree: Path,
    command: Iterable[str],
    unset: Iterable[str] = (),
    seconds: float | None = None,
    **variables: str,
) -> None:
    """Run a program in a work tree, and end all that it started when it takes too long.

    Raises:
        TagshipError: what it said last, or that it took too long.
    """
    hidden = {*_SECRETS, *unset}
    inherited = {key: value for key, value in os.environ.items() if key not in hidden}
    with subprocess.Popen(
        list(command),
        cwd=tree,
        env={**inherited, **variables},
        stdin=subprocess.DEVNULL,  # a question would not be seen, and be waited for
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise TagshipError(f"it took longer than {seconds:g} seconds") from None
        finally:
            _end(process)
    if process.returncode:
        words = errors.strip() or out.strip()
        if "Traceback" in words:
            words = words.splitlines()[-1]
        words = words.removeprefix("error: ")
        raise TagshipError(words or f"it ended with {process.returncode}")


def _end(process: subprocess.Popen[str]) -> None:
    """End a program that still runs: first in a way that it can pass on to what it started."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        process.kill()
