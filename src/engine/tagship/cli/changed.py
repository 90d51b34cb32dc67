"""``tagship ci changed``: which models a branch changes."""

from typing import Annotated

import typer


def command(
    base: Annotated[str, typer.Option(help="The branch or commit to merge into.")],
    json: Annotated[
        bool, typer.Option("--json", help="Print the answer as one line of JSON.")
    ] = False,
) -> None:
    """Name the models whose config, data, features or engine differ from a base branch."""
    import json as text

    from tagship.config.root import find_root
    from tagship.gitops.changed_models import changed

    names = changed(find_root(), base)
    typer.echo(text.dumps(names) if json else "\n".join(names) or "no model changes")
