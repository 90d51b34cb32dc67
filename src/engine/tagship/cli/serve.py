"""``tagship serve``: run a model's bento here."""

from typing import Annotated

import typer

from tagship.cli.models import Model


def command(
    model: Model,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(help="Worker processes.")] = 1,
) -> None:
    """Serve the bento that was built last: /predict, /info, /readyz, /metrics, Swagger at /."""
    from tagship.built import latest_bento, serve
    from tagship.config.root import check_model_name, find_root

    root = find_root()
    check_model_name(model)
    bento = latest_bento(root, model)
    typer.echo(f"{bento.tag} on http://{host}:{port}  (Swagger UI at /, metrics at /metrics)")
    serve(root, model, bento, host, port, workers)
