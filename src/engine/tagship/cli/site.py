"""``tagship site``: pages for everyone who never opens a terminal."""

from pathlib import Path
from typing import Annotated

import typer

from tagship.cli.models import LOADING, announce
from tagship.cli.options import Json


def command(
    output: Annotated[
        Path | None,
        typer.Option(
            help="The folder to write, by default site/; a site that is there is replaced."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write a site of all models from Git, locks, monitoring and MLflow: plain files, no server.

    No rows of a table and no reports are in it. Without a remote it shows this clone.
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
    folder = output or root / "site"
    written = replace_site(site, folder)
    if json:
        typer.echo(site.model_dump_json(indent=2))
    else:
        for model in site.models:
            runs = [f"{place.environment} {place.release or '-'}" for place in model.places]
            typer.echo(f"{model.name}: {', '.join(runs)}")
        for line in site.not_recorded:
            typer.echo(f"! not recorded: {line}")
        typer.echo(f"wrote {len(written)} files to {folder}")
    if snapshot.not_asked and snapshot.git.has_remote():
        raise typer.Exit(1)
