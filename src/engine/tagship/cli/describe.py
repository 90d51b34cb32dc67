"""``tagship describe``: explore a model's table as it is."""

from typing import Annotated

import typer


def command(
    model: Annotated[str, typer.Argument(help="The model whose data to explore.")],
    html: Annotated[
        bool, typer.Option("--html", help="Write reports/<model>-data.html, with plots, instead.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Explore a model's data: types, missing values, distributions, correlations, outliers.

    Works on a table that breaks its contract too, and says where. Personal data is left out.
    """
    import json
    from dataclasses import asdict

    from tagship.config.project_files import load_model
    from tagship.config.root import find_root
    from tagship.reports.describe import describe_model

    files = load_model(find_root(), model)
    found = describe_model(files)
    if html:
        from tagship.reports.describe_html import write_description

        path = write_description(files, found)
        if not as_json:
            typer.echo(f"wrote {path.relative_to(files.root)}")
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False, allow_nan=False))
    elif not html:
        from tagship.reports.describe_text import description_text

        typer.echo(description_text(found), nl=False)
