"""``tagship demo``: the whole loop on a copy of this project, told step by step."""

from typing import Annotated

import typer


def command(
    model: Annotated[
        str | None, typer.Argument(help="The model to tell it with: churn, or the first.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary folder.")] = False,
) -> None:
    """Release, promote, refuse, roll back and lift, in a temporary folder with its own remote."""
    import shutil
    import tempfile
    from pathlib import Path

    from tagship.cli.models import load
    from tagship.config.project_files import model_names
    from tagship.config.root import find_root
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
