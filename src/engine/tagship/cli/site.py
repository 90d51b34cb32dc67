"""``tagship site``: pages for everyone who never opens a terminal."""

from pathlib import Path
from typing import Annotated

import typer

from tagship.cli.models import LOADING, announce
from tagship.cli.options import Json


def command(
    output: Annotated[
        Path, typer.Option(help="The folder to write; one that holds a site is replaced.")
    ] = Path("site"),
    json: Json = False,
) -> None:
    """Write a site of all models from Git, locks, monitoring and MLflow: plain files, no server.

    Nothing of a table's rows and no report is in it. Without a remote it shows this clone.
    """
    announce(LOADING)
    from datetime import UTC, datetime

    from tagship.config.root import find_root
    from tagship.gitops.local_snapshot import fetch_or_local_snapshot
    from tagship.site.folder import replace_site
    from tagship.site.gather import gather_site

    root = find_root()
    announce("reading the tags")
    snapshot = fetch_or_local_snapshot(root)
    site = gather_site(root, snapshot, datetime.now(UTC), announce)
    written = replace_site(site, output)
    if json:
        return typer.echo(site.model_dump_json(indent=2))
    for line in site.not_recorded:
        typer.echo(f"! not recorded: {line}")
    for model in site.models:
        runs = [f"{place.environment} {place.release or '-'}" for place in model.places]
        typer.echo(f"{model.name}: {', '.join(runs)}")
    typer.echo(f"wrote {len(written)} files to {output}")
