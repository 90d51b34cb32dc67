"""``tagship doctor``: is this repository set up?"""

import typer

from tagship.cli.models import announce
from tagship.cli.options import Json

SYMBOLS = {"ok": "✓", "warn": "!", "fail": "✗"}


def command(
    json: Json = False,
) -> None:
    """Check how the repository is set up: workflows, rulesets, owners, locks, tags and tools."""
    from tagship.cli.output import as_json, coloured
    from tagship.cli.verifier import lock_current
    from tagship.config.root import find_root
    from tagship.gitops.doctor import doctor

    announce("reading the tags, GitHub and each tool")
    answers = doctor(find_root(), lock_current)
    if json:
        as_json(answers)
    else:
        for answer in answers:
            tail = f": {answer.problem}" if answer.problem else ""
            typer.echo(f"{coloured(SYMBOLS[answer.level])} {answer.what}{tail}")
    if any(answer.level == "fail" for answer in answers):
        raise typer.Exit(1)
