"""``tagship schema``: the JSON Schemas that editors use."""

import typer


def command() -> None:
    """Write config/schemas/*.json from the engine's config models."""
    from tagship.config.root import find_root
    from tagship.config.schemas import write_schemas

    root = find_root()
    written = write_schemas(root)
    for path in written:
        typer.echo(f"{path.relative_to(root)}: written")
    if not written:
        typer.echo("config/schemas: current")
