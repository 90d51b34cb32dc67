"""The ``tagship`` command: one short file per command, nothing heavy imported until it runs."""

import errno
import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from tagship import __version__
from tagship.cli.exit_codes import ExitCode
from tagship.cli.output import tell_error
from tagship.config.root import find_root, offer_own_code
from tagship.errors import TagshipError
from tagship.files import explain_os_error

GROUPS = {
    "Work on a model": (
        "new", "check", "describe", "validate", "run", "train", "tune", "gate", "lock", "record",
        "build", "serve", "predict", "compare", "explain", "remove",
    ),
    "Ship it": (
        "release", "reconcile", "propose", "rollback", "lift", "image", "demo",
    ),
    "Watch what runs": (
        "status", "history", "site", "ui", "card", "verify-deployment", "monitor", "drift",
        "retrain", "mirror",
    ),
    "Set up and keep up": ("doctor", "update", "schema", "ci"),
}  # fmt: skip
"""The groups of the help page and their commands, each a module of that name."""

RENAMED = {
    "deploy": "'reconcile'",
    "promote": "'propose', and before it 'reconcile --release' to deploy to the first environment",
}
"""Commands of older versions, and the commands that do the same today."""

_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
"""Errors of the operating system whose reason a user can mend."""


class _Commands(TyperGroup):
    """The commands in their groups, which say what became of those that had another name.

    Typer draws groups with rich, whose import takes longer than all the rest of the help.
    """

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for group, names in GROUPS.items():
            with formatter.section(group):
                firsts = [(self.commands[name].help or "").partition("\n\n")[0] for name in names]
                formatter.write_dl(list(zip(names, firsts, strict=True)))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        if args and args[0] in RENAMED:
            ctx.fail(f"No such command '{args[0]}'. Use {RENAMED[args[0]]}.")
        return super().resolve_command(ctx, args)


def make_app() -> typer.Typer:
    """The application with all of its commands."""
    app = typer.Typer(
        name="tagship",
        cls=_Commands,
        help="Git tags ship models: train, gate, release, reconcile, propose, roll back.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in (name for names in GROUPS.values() for name in names):
        module = import_module(f"tagship.cli.{name.replace('-', '_')}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.command)
    return app


def main() -> None:
    """Run the command line; a user's mistake is one clear message and exit code 1."""
    # Spinning threads are up to ten times slower on a busy machine; waiting ones cost a little on a
    # quiet one (benchmarks/busy_machine.py).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Libraries make some hundred thousand objects that stay: to search them for garbage again and
    # again takes a seventh of a small model's run.
    gc.set_threshold(50_000)
    for variable in ("MLFLOW_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK", "DO_NOT_TRACK"):
        os.environ.setdefault(variable, "true")
    _offer_own_code()
    sys.exit(guarded(make_app()))


def _offer_own_code() -> None:
    """Let feature functions and estimators under ``src/`` be imported, after all that is installed.

    Outside a project there are none, and the command itself says so. An isolated Python (``-I``),
    as jobs with secrets run it, imports nothing of the project.
    """
    if not sys.flags.isolated:
        with suppress(TagshipError):
            offer_own_code(find_root())


def guarded(app: Callable[[], Any]) -> int:
    """Run ``app`` and turn what a user can cause and mend into a message and an exit code."""
    try:
        app()
    except TagshipError as error:
        tell_error(error)
        return ExitCode.REFUSED
    except KeyboardInterrupt:
        typer.echo("stopped; run the same command again to go on", err=True)
        return ExitCode.STOPPED
    except BrokenPipeError:
        return ExitCode.REFUSED
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        tell_error(explain_os_error(error, Path(error.filename or ".")))
        return ExitCode.REFUSED
    return ExitCode.OK


def _version(requested: bool) -> None:
    if requested:
        typer.echo(__version__)
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_version,
        is_eager=True,
        help="Show the engine's version and exit.",
    ),
) -> None:
    pass
