"""Leaving without losing a request.

uvicorn's own shutdown closes kept connections at once, also one whose next request lies unread in
its socket. So SIGTERM first starts a while in which every answer closes its connection; then the
server ends as it would have.
"""

import asyncio
import signal
import time

_ECHO_SECONDS = 1.0
"""So soon after the first, a SIGTERM is the same one: sent to all processes, and passed on too."""
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
