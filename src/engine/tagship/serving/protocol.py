"""uvicorn's HTTP/1.1 connection, with bounds on a request's head and without protocol upgrades.

llhttp, the parser beneath, takes everything after a head with ``Upgrade`` for another protocol, so
the body of a client that offers h2c is lost. RFC 9110 (7.8) lets a server ignore the offer: the
head is read again without it.
"""

import asyncio
import contextlib
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tagship.serving.http import CUT_OFF

_HEAD_BYTES = 64 * 1024
_OFFERS = {b"upgrade", b"connection", b"http2-settings"}


class _Parser(httptools.HttpRequestParser):
    """A parser that reads on after an offer to change the protocol."""

    def __init__(self, connection: "Connection") -> None:
        super().__init__(connection)
        self._connection = connection
        with contextlib.suppress(AttributeError):  # httptools < 0.6.3; as uvicorn sets it
            self.set_dangerous_leniencies(lenient_data_after_close=True)

    def feed_data(self, data: Any) -> None:
        """Parse; what comes after an offer is given back to the connection."""
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._connection.read_again(bytes(data[offer.args[0] :]))


class Connection(HttpToolsProtocol):
    """One connection."""

    head_seconds: float = 30
    """How long the head of a request may take to arrive."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what uvicorn gives to each connection."""
        super().__init__(*arguments, **options)
        self.parser = _Parser(self)
        self._offered = False
        self._extensions: dict[str, dict[object, object]] = {CUT_OFF: {"now": self._cut_off}}
        self._in_head = True
        self._idle_bytes = 0
        """Bytes that came since anything of a request was done: of a head, of trailers."""
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what grows and comes to nothing is refused."""
        self._idle_bytes += len(data)
        super().data_received(data)
        if self._idle_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"Head or trailers are larger than {_HEAD_BYTES} bytes.")
        if self._in_head and self._head_timer is None:
            self._await_head()
        elif self._head_timer is not None and not self._in_head:
            self._head_came()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """A head has come; one with an offer is put off."""
        self._idle_bytes = 0
        self._in_head = False
        self._offered = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if not self._offered:
            self.scope["extensions"] = self._extensions
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a body has come."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has come; with an offer, only its head."""
        self._idle_bytes = 0
        if not self._offered:
            super().on_message_complete()

    def read_again(self, rest: bytes) -> None:
        """Read the head that has just come as if it offered nothing, and what follows it."""
        kept = [(name, value) for name, value in self.headers if name not in _OFFERS]
        if not self.parser.should_keep_alive():
            kept.append((b"connection", b"close"))
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in kept]
        self.parser = _Parser(self)
        self.parser.feed_data(b"\r\n".join([*lines, b"", rest]))

    async def _cut_off(self) -> None:
        self.transport.abort()
        await asyncio.sleep(0)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
