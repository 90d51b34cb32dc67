"""``tagship ci difference``: what a merge would change in the cluster."""

from pathlib import Path
from typing import Annotated

import typer

from tagship.cli.options import Json


def command(
    base: Annotated[str, typer.Option(help="The branch or commit to merge into.")],
    markdown: Annotated[
        Path | None, typer.Option(help="Append the difference as Markdown to this file.")
    ] = None,
    json: Json = False,
) -> None:
    """Show how the rendered manifests would change if a branch were merged."""
    from tagship.cli.output import as_json
    from tagship.config.root import find_root
    from tagship.gitops.manifest_difference import as_markdown, compare_overlays

    differences = compare_overlays(find_root(), base)
    text = as_markdown(differences)
    if markdown is not None and text:
        with markdown.open("a", encoding="utf-8") as file:
            file.write(text)
    if json:
        as_json(differences)
    else:
        typer.echo(text or "nothing that runs would change")
