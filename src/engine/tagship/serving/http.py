"""The request path: a small ASGI layer in front of BentoML for predictions and feedback.

It answers every method of those paths, so that BentoML's typed route behind it, whose types are the
OpenAPI document, never sees a body.
"""

import asyncio
import contextlib
import math
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from tagship.serving.answering import Answering, Refused
from tagship.serving.draining import leaving
from tagship.serving.request_reader import encode_json
from tagship.serving.requests_in_flight import RequestInFlight, RequestsInFlight

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_JSON = (b"content-type", b"application/json")
_SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_OWN = [
    *_SAFE,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
_PAGE = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'"
    b" data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
"""A page's scripts and requests stay with the service."""
_LAST = (b"connection", b"close")
OWN_PATHS = frozenset({"/", "/docs.js", "/docs.json", "/info", "/feedback", "/predict"})
"""What is answered here, before BentoML's routes."""
_GUARDED = {"/predict", "/feedback"}
_ONCE = {b"authorization", b"content-encoding", b"content-length", b"content-type", b"host"}
"""Headers that may have one value only: two copies that differ are refused."""
CUT_OFF = "tagship.cut_off"
"""The ASGI extension that closes a connection without waiting for its client."""
_AT_ONCE = 64 * 1024
"""Bytes of an answer that are handed over before more wait for the client."""
_SMALL_DIGITS = 6  # of a length below 100 kB
_LINGER_SECONDS, _LINGER_BYTES = 5, 64 * 1024 * 1024
"""Bytes that are still read, and dropped, after a refusal: it is lost if the connection is closed
while the body still comes."""


class PredictPath:
    """ASGI middleware; ``holder`` is filled with what answers when the service starts."""

    def __init__(
        self, app: App, holder: list[Answering], pages: Mapping[str, tuple[bytes, bytes]]
    ) -> None:
        """``pages`` are what a browser is shown: path → media type and content."""
        self._app, self._holder, self._pages = app, holder, pages
        self._held: list[RequestsInFlight] = []
        self._turn = 0
        """Requests begun in this turn of the event loop: what had queued up meanwhile."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for predictions, feedback, ``/info`` and the pages; pass on the rest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        if path in _GUARDED and method == "POST" and self._holder:
            await self._guard(self._holder[0], scope, receive, send)
        elif path in _GUARDED:
            error = "send a POST" if method != "POST" else "the service has not started"
            status = 405 if method != "POST" else 503
            await _reply(send, status, encode_json({"error": error}), extra=[(b"allow", b"POST")])
        elif path in (*self._pages, "/info") and method not in ("GET", "HEAD"):
            body = encode_json({"error": "send a GET"})
            await _reply(send, 405, body, extra=[(b"allow", b"GET, HEAD")])
        elif path in self._pages:
            kind, content = self._pages[path]
            await _reply(send, 200, content, (b"content-type", kind), safe=(*_SAFE, _PAGE))
        elif path == "/info" and self._holder:
            await _reply(send, 200, encode_json(self._holder[0].record))
        elif path == "/readyz" and leaving():
            await _reply(send, 503, encode_json({"error": "the service is about to end"}))
        else:
            await self._app(scope, receive, _with_safe_headers(send))

    async def _guard(
        self, answering: Answering, scope: Scope, receive: Receive, send: Send
    ) -> None:
        request: RequestInFlight | None = None
        try:
            request = self._begin(answering, scope)
            headers = _headers(scope["headers"])
            answering.admit(headers)
            _check_media_type(headers)
            content = await request.read(receive, headers)
            if scope["path"] == "/feedback":
                request_id, answer = await answering.feedback(content)
            else:
                request_id, answer = await answering.predict(content)
            self._held[0].hold(request, len(answer))
        except Refused as refusal:
            refusal.__traceback__ = refusal.__context__ = None  # their frames hold the body's parts
            answering.metrics.rejected(refusal.reason)
            remainder = receive if _comes_still(request, refusal, scope["headers"]) else None
            await _refuse(send, refusal, answering.ids.refused(), remainder)
        except Exception:  # a feature function's mistake must not look like the client's
            traceback.print_exc(file=sys.stderr)
            request_id = answering.ids.refused()
            body = {"error": "the service failed on this request", "request_id": request_id}
            await _reply(send, 500, encode_json(body), _JSON, request_id)
        else:
            try:
                with request:
                    await _reply(send, 200, answer, _JSON, request_id)
            except Refused:  # it takes no answer, so not this one either
                extension = scope.get("extensions", {}).get(CUT_OFF)
                if extension:  # else it is left to the kernel
                    await extension["now"]()
        finally:
            if request is not None:
                self._held[0].end(request)

    def _begin(self, answering: Answering, scope: Scope) -> RequestInFlight:
        if not self._held:
            self._held.append(RequestsInFlight(answering.settings))
        self._turn += 1
        if self._turn == 1:
            asyncio.get_running_loop().call_soon(self._next_turn)
        client = scope.get("client")
        return self._held[0].begin(client[0] if client else "", self._turn - 1)

    def _next_turn(self) -> None:
        self._turn = 0


class KnownPaths:
    """ASGI middleware before BentoML's metrics, which keep 17 series for each path ever asked."""

    def __init__(self, app: App, paths: frozenset[str]) -> None:
        self._app, self._paths = app, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on known paths; answer 404 for the rest."""
        if scope["type"] != "http" or scope.get("path", "") in self._paths:
            await self._app(scope, receive, send)
        else:
            await _reply(send, 404, encode_json({"error": "there is nothing here: see /"}))


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name, after checking every copy."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        if headers.setdefault(name, value) != value and name in _ONCE:
            raise Refused(400, "headers", f"{name.decode()}: stands twice, with different values")
    return headers


def _check_media_type(headers: dict[bytes, bytes]) -> None:
    """Refuse what does not say that it is plain JSON."""
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"", b"identity"):
        excerpt = encoding[:80].decode("ascii", "replace")
        raise Refused(
            415, "content_type", f"content-encoding {excerpt} is not taken: send it plain"
        )
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind not in (b"", b"application/json"):
        excerpt = kind[:80].decode("ascii", "replace")
        raise Refused(415, "content_type", f"{excerpt} is not taken: send application/json")


def _comes_still(
    request: RequestInFlight | None, refusal: Refused, headers: Iterable[tuple[bytes, bytes]]
) -> bool:
    """Whether a refused request's body may be on its way, and be too much to be left to the server.

    The server reads the rest by itself where the connection stays; a small one does no harm.
    """
    if request is not None and request.body_complete:
        return False
    if refusal.status in (408, 413) or (request is not None and request.refusal is not None):
        return True
    lengths = [value for name, value in headers if name == b"content-length"]
    return not all(length.isdigit() and len(length) < _SMALL_DIGITS for length in lengths or [b""])


async def _refuse(send: Send, refusal: Refused, request_id: str, remainder: Receive | None) -> None:
    """Send a refusal; ``rest`` receives the part of the body that still comes."""
    extra = []
    if refusal.retry_after:
        extra.append((b"retry-after", str(math.ceil(refusal.retry_after)).encode()))
    if refusal.status == 401:
        extra.append((b"www-authenticate", b"Bearer"))
    content = encode_json(refusal.body | {"request_id": request_id})
    await _reply(send, refusal.status, content, _JSON, request_id, extra, remainder)


async def _linger(receive: Receive) -> None:
    """Read and drop the rest of a body, within a limit of bytes and of time."""
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while size < _LINGER_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    break


def _with_safe_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_SAFE]
        await send(message)

    return sending


async def _reply(
    send: Send,
    status: int,
    body: bytes,
    kind: tuple[bytes, bytes] = _JSON,
    request_id: str = "",
    extra: Iterable[tuple[bytes, bytes]] = (),
    remainder: Receive | None = None,
    safe: Iterable[tuple[bytes, bytes]] = _OWN,
) -> None:
    """Send an answer, in parts that wait for a slow client; with ``rest`` of the body, the last."""
    headers = [kind, (b"content-length", b"%d" % len(body)), *safe, *extra]
    if request_id:
        headers.append((b"x-request-id", request_id.encode()))
    if leaving() or remainder is not None:
        headers.append(_LAST)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for at in range(_AT_ONCE, len(body), _AT_ONCE):
        part = body[at - _AT_ONCE : at]
        await send({"type": "http.response.body", "body": part, "more_body": True})
    part = body[(len(body) - 1) // _AT_ONCE * _AT_ONCE :]
    if remainder is not None:
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await _linger(remainder)
        part = b""
    await send({"type": "http.response.body", "body": part})
