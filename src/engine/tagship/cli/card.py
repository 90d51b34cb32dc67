"""``tagship card``: what a release is, on one page."""

from pathlib import Path
from typing import Annotated

import typer

from tagship.cli.models import Model, announce


def command(
    model: Model,
    version: Annotated[
        str | None, typer.Argument(help="The version; the latest release when none is named.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write it to this file instead of printing it.")
    ] = None,
) -> None:
    """Make a release's model card, in Hugging Face's layout.

    It is read from the release's tag and commit: purpose, data, training, metrics, verdict, how to
    call it, provenance. Nothing is trained again; a release that is not what its tag claims is
    refused.
    """
    from tagship.config.root import find_root
    from tagship.errors import TagshipError
    from tagship.files import write_atomically
    from tagship.gitops.model_card import make_card
    from tagship.gitops.snapshot import fetch_snapshot
    from tagship.gitops.tags import release_tag

    announce("reading the tags")
    snapshot = fetch_snapshot(find_root())
    snapshot.check_model(model)
    if version is not None:
        release = snapshot.history.release(str(release_tag(model, version)))
    elif latest := snapshot.history.latest(model):
        release = latest
    else:
        raise TagshipError(f"{model}: no release yet", f"tagship release {model} v1.0.0 --push")
    card = make_card(snapshot, release)
    if output is None:
        return typer.echo(card.text, nl=False)
    write_atomically(output, card.text)
    typer.echo(f"{card.release}: {output}")
