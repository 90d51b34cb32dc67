"""Running git: arguments as lists, no shell, English messages, and what its errors mean."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tagship.documentation import page
from tagship.errors import TagshipError

_SETTINGS = (
    "core.quotePath=off", "core.fsmonitor=false", "color.ui=never", "log.showSignature=false",
    "i18n.commitEncoding=UTF-8", "i18n.logOutputEncoding=UTF-8", "diff.relative=false",
    "status.showUntrackedFiles=normal", "status.relativePaths=false", "submodule.recurse=false",
    "fetch.pruneTags=false", "fetch.recurseSubmodules=false", "push.followTags=false",
    "push.recurseSubmodules=no", "push.pushOption=", "gc.auto=0", "maintenance.auto=false",
)  # fmt: skip
"""What every call decides itself, whatever the user's configuration says.

Identity, credentials, signing, proxies and hooks stay the user's.
"""
_INHERITED = (
    "GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_", "GIT_SSH", "GIT_ASKPASS", "GIT_SSL_",
    "GIT_HTTP_", "GIT_PROXY_", "GIT_ALLOW_PROTOCOL", "GIT_EXEC_PATH",
)  # fmt: skip
"""Of git's own variables, those that keep their effect; any other could show another repository."""
_NETWORK = {"ls-remote": 60.0, "fetch": 300.0, "clone": 300.0, "push": 300.0}
"""The commands that wait for the remote, and for how many seconds."""
_SILENCE = 10.0
"""Seconds between two messages that the remote is still being waited for."""
_PUSH_SUMMARY = "error: failed to push some refs"


class GitCommand:
    """``git`` in one folder, with the settings that every call decides itself."""

    def __init__(self, root: Path, remote: str) -> None:
        self.root = root
        self.remote = remote
        settings = (*_SETTINGS, f"remote.{remote}.pruneTags=false")
        options = [word for setting in settings for word in ("-c", setting)]
        self.command = ["git", *options, "-C", str(root)]

    def run(self, *arguments: str, stdin: str | None = None, **environment: str) -> str:
        """Run ``git`` and return what it printed.

        Raises:
            TagshipError: with git's own last words.
        """
        result = self.call(*arguments, stdin=stdin, **environment)
        if result.returncode:
            raise TagshipError(f"git {arguments[0]}: {last_words(result.stderr)}")
        return result.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Whether ``git`` exits with 0."""
        return self.call(*arguments).returncode == 0

    def call(
        self, *arguments: str, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """What ``git`` printed and how it ended, whichever way that was.

        Raises:
            TagshipError: git is not installed, or the remote does not answer in time.
        """
        command = [*self.command, *arguments]
        stdin_bytes = (stdin or "").encode(errors="surrogateescape")
        try:
            process = subprocess.Popen(
                command, env=environment_of(environment), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except FileNotFoundError:
            raise TagshipError("git is not installed", "install git 2.39 or later") from None
        output = _await(process, stdin_bytes, f"git {arguments[0]}", _NETWORK.get(arguments[0]))
        text = [part.decode(errors="surrogateescape") for part in output]
        return subprocess.CompletedProcess(command, process.returncode, *text)


def environment_of(more: Mapping[str, str]) -> dict[str, str]:
    """The variables that a call of git gets: of git's own only those that may have an effect."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key.startswith(_INHERITED)
    }
    settings = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1"}
    return {**inherited, **settings, **more}


def _await(
    process: subprocess.Popen[bytes], stdin: bytes, name: str, limit: float | None
) -> tuple[bytes, bytes]:
    """What a process printed; one that waits for the network is given up after ``limit`` seconds.

    Raises:
        TagshipError: it took longer, and was ended.
    """
    unsent: bytes | None = stdin
    begun = time.monotonic()
    while True:
        remaining = None if limit is None else limit - (time.monotonic() - begun)
        try:
            return process.communicate(
                unsent, None if remaining is None else min(remaining, _SILENCE)
            )
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - begun
        except BaseException:
            _end(process)
            raise
        unsent = None  # it is kept by the first call
        if limit is not None and seconds >= limit:
            _end(process)
            raise TagshipError(
                f"{name}: the remote did not answer within {limit:g} seconds",
                "try `git ls-remote origin`; then run this again",
            )
        print(f"{name}: waiting for the remote, {seconds:.0f} s so far", file=sys.stderr)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with suppress(OSError):
                stream.close()


def last_words(stderr: str) -> str:
    """The line of git's error output that says why it failed."""
    lines = _lines(stderr)
    errors = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (errors or lines or ["it did not say why"])[0].removeprefix("fatal: ")


def _lines(stderr: str) -> list[str]:
    return [line.strip() for line in stderr.splitlines() if line.strip()]


def explain_refusal(ref: str, output: str, errors: str) -> TagshipError:
    """The error to raise, from what ``git push --porcelain`` printed of one ref."""
    refusals = [line.split("\t")[-1] for line in output.splitlines() if line.startswith("!")]
    messages = re.findall(r"^remote: (.+?)\s*$", errors, re.MULTILINE)
    if refusals:
        reason = " ".join([refusals[0], *messages[:3]])
    else:
        lines = [line for line in _lines(errors) if not line.startswith(_PUSH_SUMMARY)]
        reason = " ".join(lines[-5:]).removeprefix("fatal: ") or "it did not say why"
    way = "check your permission and the repository's rulesets"
    if "GH013" in reason or "creations being restricted" in reason:
        way = f"a ruleset leaves this to the workflows, such as {_by_workflow(ref)}"
    if "refusing to allow" in reason and "workflow" in reason:
        way = f"run this in a clone, or keep a TAGSHIP_TOKEN: {page('how-to/release')}"
    return TagshipError(f"the remote refused {ref}: {reason}", way)


def _by_workflow(ref: str) -> str:
    """How a workflow does what a ruleset forbids to people."""
    parts = ref.removeprefix("refs/tags/").split("/")
    if not ref.startswith("refs/tags/") or len(parts) != 3:
        return f"those of {page('how-to/release')}"
    model, environment, _ = parts
    return (
        f"gh workflow run rollback.yml -f model={model} -f environment={environment}"
        f' -f reason="…" (or reconcile.yml): {page("how-to/rollback")}'
    )
