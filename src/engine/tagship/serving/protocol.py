"""uvicorn's HTTP/1.1 connection, with bounds on a request's head and without protocol upgrades.

llhttp, the parser beneath, treats everything after a head with ``Upgrade`` as another protocol, so
the body of a client that offers h2c is lost. RFC 9110 (7.8) lets a server ignore the offer: the
head is read again without it.
"""

import asyncio
import contextlib
from typing import Any, ClassVar

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
        """Parse; after an offer, another parser reads the head without it, and goes on."""
        parser, remainder = self, memoryview(data)
        while remainder:
            try:
                httptools.HttpRequestParser.feed_data(parser, remainder)
                return
            except httptools.HttpParserUpgrade as offer:
                remainder = remainder[offer.args[0] :]
                parser = self._connection.read_again()


class Connection(HttpToolsProtocol):
    """One connection."""

    head_seconds: float = 30
    """How long the head of a request may take to arrive."""
    most: int = 4096
    """Connections at once; for one more, the address that has most of them loses one."""
    _open: ClassVar[dict[str, dict["Connection", None]]] = {}
    """The connections of each address, the oldest first."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what uvicorn gives to each connection."""
        super().__init__(*arguments, **options)
        self.parser = _Parser(self)
        self._offered = False
        self._extensions: dict[str, dict[object, object]] = {CUT_OFF: {"now": self._cut_off}}
        self._address = ""
        self._in_head = True
        self._idle_bytes = 0
        """Bytes that came since a part of a request was complete: of a head, of trailers."""
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first head."""
        super().connection_made(transport)
        if self.client:
            self._address = self.client[0]
        self._open.setdefault(self._address, {})[self] = None
        if len(self.connections) > self.most:
            self._make_room()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head_came()
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; refuse a head or trailers that only grow."""
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
        """A head has come; one that offers another protocol is read again, a tunnel is refused."""
        self._idle_bytes = 0
        self._in_head = False
        self._offered = self.parser.should_upgrade()
        if self._offered and self.parser.get_method() == b"CONNECT":
            raise httptools.HttpParserError("a tunnel leads nowhere")
        if not self._offered:
            self.scope["extensions"] = self._extensions
            super().on_headers_complete()
            self.headers = []  # trailers after a body are no headers

    def on_body(self, body: bytes) -> None:
        """A part of a body has come."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has come; with an offer, only its head."""
        self._idle_bytes = 0
        if not self._offered:
            super().on_message_complete()

    def read_again(self) -> _Parser:
        """Read the latest head again without its offer; gives the parser for what follows."""
        headers = [(name, value) for name, value in self.headers if name not in _OFFERS]
        if not self.parser.should_keep_alive():
            headers.append((b"connection", b"close"))
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in headers]
        self.parser = parser = _Parser(self)
        httptools.HttpRequestParser.feed_data(parser, b"\r\n".join([*lines, b"", b""]))
        return parser

    def _make_room(self) -> None:
        """Cut off the connection that has waited longest without a request, or else with one."""
        connections = max(self._open.values(), key=len)
        idle = (
            connection
            for connection in connections
            if connection.cycle is None or connection.cycle.response_complete
        )
        victim = next(idle, self)
        if victim is self:
            victim = next(iter(connections))
        victim._forget()  # ``connection_lost`` comes only later
        victim.connections.discard(victim)
        victim.transport.abort()

    def _forget(self) -> None:
        of_address = self._open.get(self._address, {})
        of_address.pop(self, None)
        if not of_address:
            self._open.pop(self._address, None)

    async def _cut_off(self) -> None:
        self.transport.abort()
        await asyncio.sleep(0)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
