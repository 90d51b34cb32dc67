"""``tagship describe``: explore a model's table as it is."""

from typing import Annotated

import typer

from tagship.cli.models import LOADING, Model, announce
from tagship.cli.options import Json


def command(
    model: Model,
    html: Annotated[
        bool, typer.Option("--html", help="Write reports/<model>-data.html, with plots, instead.")
    ] = False,
    json: Json = False,
) -> None:
    """Explore a model's data: types, missing values, distributions, correlations and outliers.

    Works on a table that breaks its contract too, and says where. Personal data is left out.
    """
    announce(LOADING)
    from tagship.cli.output import as_json
    from tagship.config.project_files import load_model
    from tagship.config.root import find_root
    from tagship.reports.describe_model import describe_model

    files = load_model(find_root(), model)
    description = describe_model(files)
    if html:
        from tagship.reports.describe_html import description_html
        from tagship.reports.html import write_html

        path = write_html(files.root, f"{files.name}-data", description_html(description))
        if not json:
            typer.echo(f"wrote {path.relative_to(files.root)}")
    if json:
        as_json(description)
    elif not html:
        from tagship.reports.describe_text import description_text

        typer.echo(description_text(description), nl=False)
