"""Leaving without losing a request.

uvicorn's own shutdown closes kept connections at once, also one whose next request lies unread in
its socket. So SIGTERM first starts a while in which the service is not ready, takes new connections
still, and every answer closes its connection. Then it takes no more, and ends as it would have.
"""

import asyncio
import signal
import socket
import time
from collections.abc import Iterable

_ECHO_SECONDS = 1.0
"""So soon after the first, a SIGTERM is the same one: sent to all processes, and passed on too."""
_EMPTYING_SECONDS = 0.05
_leaving: list[bool] = []


def leaving() -> bool:
    """Whether answers must close their connection."""
    return bool(_leaving)


def drain_on_sigterm(seconds: float) -> None:
    """Put the while before the server's own handler; call it in the worker's running loop."""
    loop, ending = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    if not callable(ending):
        return

    def leave(number: int, _: object) -> None:
        began = time.monotonic()

        def again(number: int, _: object) -> None:
            if time.monotonic() - began >= _ECHO_SECONDS:
                ending(number, None)

        signal.signal(signal.SIGTERM, again)  # a second SIGTERM ends at once
        _leaving.append(True)
        loop.call_soon_threadsafe(lambda: loop.call_later(seconds, ending, number, None))

    signal.signal(signal.SIGTERM, leave)


async def stop_listening(
    servers: Iterable[asyncio.AbstractServer], sockets: Iterable[socket.socket]
) -> None:
    """Take the connections that queue up, then be no more there: new ones are refused.

    A queue that is closed with connections in it resets them: it is made short and emptied first.
    """
    for listener in sockets:
        listener.listen(0)
    await asyncio.sleep(_EMPTYING_SECONDS)
    for server in servers:
        server.close()
    for listener in sockets:
        listener.close()
