"""``tagship serve``: run a model's bento here."""

from typing import Annotated

import typer

from tagship.cli.models import Model


def command(
    model: Model,
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 3000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(help="How many worker processes serve.")] = 1,
) -> None:
    """Serve the bento of the lock, with its checks of health, its metrics and API page."""
    from tagship.bento.store import check_address, latest_bento, serve
    from tagship.config.root import find_root, model_names, unknown_model

    root = find_root()
    if model not in model_names(root):
        raise unknown_model(model, model_names(root))
    bento = latest_bento(root, model)
    check_address(host, port)
    typer.echo(f"{bento.tag} on http://{host}:{port}  (Swagger UI at /, metrics at /metrics)")
    serve(root, model, bento, host, port, workers)
