"""``tagship schema``: the JSON Schemas that editors use."""

import typer

from tagship.cli.options import Json


def command(json: Json = False) -> None:
    """Write the JSON Schemas of the config files, by which editors check, and of what is written.

    The latter are reports/comparison.json and site/site.json.
    """
    from tagship.cli.output import as_json
    from tagship.comparison.document import Comparison
    from tagship.config.root import find_root
    from tagship.config.schemas import KINDS, write_schemas
    from tagship.site.document import Site

    root = find_root()
    written = write_schemas(root, KINDS | {"comparison": Comparison, "site": Site})
    if json:
        return as_json({"written": [str(path.relative_to(root)) for path in written]})
    for path in written:
        typer.echo(f"{path.relative_to(root)}: written")
    if not written:
        typer.echo("config/schemas: current")
