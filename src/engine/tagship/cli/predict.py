"""``tagship predict``: score a file with a model's bento."""

import time
from pathlib import Path
from typing import Annotated

import typer

from tagship.cli.models import LOADING, Model, announce, load, progress
from tagship.cli.options import Json

_EVERY = 2.0
"""Seconds between two lines of progress."""


def command(
    model: Model,
    source: Annotated[
        str,
        typer.Option(
            "--input",
            help="A file of rows (csv, Excel, Parquet, JSON and so on), a folder or glob of"
            " Parquet, or its URL.",
        ),
    ],
    output: Annotated[Path, typer.Option(help="The file to write: .csv or .parquet.")],
    json: Json = False,
) -> None:
    """Score a file of rows with the bento of the lock.

    Writes the id, the row's number, prediction, probability and release of each row that keeps the
    contract. Other rows are left out, and NAME.rejected.csv beside the output says why. The output
    appears when it is whole; there is none when no row could be scored.
    """
    announce(LOADING)
    from tagship.batch.scoring import score_file
    from tagship.bento.store import latest_bento
    from tagship.cli.output import as_json
    from tagship.compute.tasks import open_compute

    files = load([model])[0]
    bento = latest_bento(files.root, files.name)
    say = progress(model, err=json)
    say(f"scoring with {bento.tag}")
    last = time.monotonic()

    def tell(rows: int) -> None:
        nonlocal last
        if time.monotonic() - last > _EVERY:
            last = time.monotonic()
            say(f"{rows:,} rows")

    artifact = bento.path / "src" / "artifact"
    with open_compute(files.root, progress("compute", err=json)) as compute:
        scores = score_file(files.root, files.data, artifact, source, output, tell, compute)
    scored = scores.rows - scores.rejected
    say(f"{scored:,} rows of {scores.rows:,} scored by {scores.release}: {output}")
    for column, count in scores.unusual.items():
        typer.echo(
            f"{column}: {count:,} unusual or unknown values, answered all the same", err=True
        )
    if json:
        as_json(scores)
    if scores.reasons:
        typer.echo(f"{scores.rejected:,} rows rejected: {scores.reasons}", err=True)
