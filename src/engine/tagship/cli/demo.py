"""``tagship demo``: the whole loop on a copy of this project, told step by step."""

from typing import Annotated

import typer

from tagship.cli.models import complete_models


def command(
    model: Annotated[
        str | None,
        typer.Argument(
            help="The model to show it with; by default churn, or the first.",
            autocompletion=complete_models,
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the temporary folder afterwards.")
    ] = False,
) -> None:
    """Play the loop in a temporary folder: release, propose, refuse, roll back and lift."""
    import shutil
    import tempfile
    from pathlib import Path

    from tagship.cli.models import load
    from tagship.config.root import find_root, model_names
    from tagship.demo import Demo, prepare

    name = model or ("churn" if "churn" in model_names(find_root()) else None)
    files = load([name] if name else None)[0]
    folder = Path(tempfile.mkdtemp(prefix="tagship-demo-"))
    try:
        root = prepare(files.root, folder, files.name)
        typer.echo(f"a copy of this project, with a remote of its own: {root}")
        Demo(root, files.name, typer.echo).tell()
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
