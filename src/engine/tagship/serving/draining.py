"""Shutting down without losing a request.

uvicorn's own shutdown closes kept connections at once, also one whose next request lies unread in
its socket. So SIGTERM first starts a while in which the service is not ready, takes new connections
still, and every answer closes its connection. Then it takes no more, and ends as it would have.
"""

import asyncio
import contextlib
import ctypes
import signal
import socket
import struct
import time
from collections.abc import Iterable

_ECHO_SECONDS = 1.0
"""Seconds in which a second SIGTERM is the same one: sent to all processes, and also passed on."""
_TAKING_SECONDS = 0.2
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27  # socket(7), Linux
_NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
"""A filter of packets (bpf(4)): those whose TCP flags, byte 13, have SYN are dropped."""
_leaving: list[bool] = []


def leaving() -> bool:
    """Whether answers must close their connection."""
    return bool(_leaving)


def drain_on_sigterm(seconds: float) -> None:
    """Drain before the server's own handler; call it in the worker's running loop."""
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


def take_connections(listener: socket.socket) -> None:
    """Undo what a worker that left did to the socket that it shared."""
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


async def stop_listening(
    servers: Iterable[asyncio.AbstractServer], listeners: Iterable[socket.socket]
) -> None:
    """Take the connections that have begun, then close the socket: new ones are refused.

    Closing resets what has begun and is not taken yet. So the kernel is first told to drop what
    begins a connection, and clients send that again a second later, when nobody listens.
    """
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in _NO_SYN))
    program = struct.pack("HP", len(_NO_SYN), ctypes.addressof(code))
    for listener in listeners:
        with contextlib.suppress(OSError):  # a kernel without it: closed at once
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    await asyncio.sleep(_TAKING_SECONDS)
    for server in servers:
        server.close()
    for listener in listeners:
        listener.close()
