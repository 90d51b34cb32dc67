"""``tagship ui``: the site on this machine, which follows files and tags."""

from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import LOADING, announce

if TYPE_CHECKING:
    from tagship.site.document import Site


def command(
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8080,
    host: Annotated[
        str, typer.Option(help="The address to listen on; any but loopback shows it to others.")
    ] = "127.0.0.1",
    service: Annotated[
        str, typer.Option(help="The address of a model's service, which the forms ask.")
    ] = "http://127.0.0.1:3000",
    every: Annotated[float, typer.Option(help="Seconds between two looks for changes.")] = 5.0,
) -> None:
    """Serve the site here, with the reports, and a form that asks a running service.

    It is built anew when files of the project, tags or branches change.
    """
    announce(LOADING)
    import signal
    import threading
    from datetime import UTC, datetime

    from tagship.bento.store import check_address
    from tagship.config.root import find_root
    from tagship.gitops.local_snapshot import fetch_or_local_snapshot
    from tagship.site.gather import gather_site
    from tagship.site.live import LiveSite, make_server
    from tagship.site.request_form import check_service

    root = find_root()
    check_service(service)
    check_address(host, port)

    def gather() -> "Site":
        return gather_site(root, fetch_or_local_snapshot(root), datetime.now(UTC), announce)

    live = LiveSite(root, gather, service.rstrip("/"), announce)
    stopped = threading.Event()
    try:
        live.refresh()
        with make_server(live, host, port) as server:
            typer.echo(f"the site is on http://{host}:{server.server_port}/ (Ctrl-C ends it)")
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            threading.Thread(target=live.follow, args=(every, stopped), daemon=True).start()
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                announce("ended")
    finally:
        stopped.set()
        live.close()
