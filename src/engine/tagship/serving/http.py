"""The request path: a small ASGI layer in front of BentoML for predictions and feedback.

BentoML's typed route documents the same contract and stays behind it: ``TAGSHIP_FAST_PATH=false``
hands it the predictions, after the same checks of size, keys and load.
"""

import asyncio
import json
import math
import random
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from tagship.serving.answering import Answering, Refused
from tagship.serving.draining import leaving

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_JSON = (b"content-type", b"application/json")
_LINES = (b"content-type", b"application/x-ndjson")
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
_LAST = (b"connection", b"close")
_GUARDED = {"/predict", "/feedback"}


class PredictPath:
    """ASGI middleware; ``holder`` is filled with what answers when the service starts."""

    def __init__(self, app: App, holder: list[Answering]) -> None:
        self._app, self._holder = app, holder
        self._begun = 0
        self._turn = 0
        """Requests begun in this turn of the event loop: what had queued up meanwhile."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``POST /predict``, ``POST /feedback`` and ``GET /info``; pass on the rest."""
        if scope["type"] != "http" or not self._holder:
            await self._app(scope, receive, send)
        elif scope["method"] == "POST" and scope["path"] in _GUARDED:
            await self._guard(self._holder[0], scope, receive, send)
        elif scope["path"] == "/info" and scope["method"] in ("GET", "HEAD"):
            await _reply(send, 200, _encode(self._holder[0].record))
        else:
            await self._app(scope, receive, _with_safe_headers(send))

    async def _guard(
        self, answering: Answering, scope: Scope, receive: Receive, send: Send
    ) -> None:
        request_id = f"{random.getrandbits(128):032x}"
        self._begun += 1
        self._turn += 1
        if self._turn == 1:
            asyncio.get_running_loop().call_soon(self._next_turn)
        try:
            headers = dict(scope["headers"])
            if self._begun + self._turn - 1 > answering.settings.max_concurrency:
                raise Refused(503, "overloaded", "too many requests at once", retry_after=1)
            answering.admit(headers)
            lines = _is_lines(headers.get(b"content-type", b""))
            body = await _read_body(receive, headers, answering)
            if scope["path"] == "/feedback":
                answer = answering.feedback(body)
            elif answering.settings.fast_path:
                answer = await answering.predict(body, request_id, lines)
            else:
                await self._app(scope, _replay(body), _with_safe_headers(send))
                return
            await _reply(send, 200, answer, _LINES if lines else _JSON, request_id)
        except Refused as refusal:
            answering.metrics.rejected(refusal.reason)
            content = refusal.body | {"request_id": request_id}
            extra = [_LAST] if refusal.status in (408, 413) else []
            if refusal.retry_after:
                extra.append((b"retry-after", str(math.ceil(refusal.retry_after)).encode()))
            if refusal.status == 401:
                extra.append((b"www-authenticate", b"Bearer"))
            await _reply(send, refusal.status, _encode(content), _JSON, request_id, extra)
        except Exception:  # a feature function's mistake must not look like the client's
            traceback.print_exc(file=sys.stderr)
            content = {"error": "the service failed on this request", "request_id": request_id}
            await _reply(send, 500, _encode(content), _JSON, request_id)
        finally:
            self._begun -= 1

    def _next_turn(self) -> None:
        self._turn = 0


class KnownPaths:
    """ASGI middleware before BentoML's metrics, which keep 17 series for each path ever asked."""

    def __init__(self, app: App, paths: frozenset[str]) -> None:
        self._app, self._paths = app, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what leads somewhere; 404 for the rest."""
        if scope["type"] != "http" or scope.get("path", "") in self._paths:
            await self._app(scope, receive, send)
        else:
            await _reply(send, 404, _encode({"error": "there is nothing here: see /"}))


def _is_lines(content_type: bytes) -> bool:
    """Whether the body is a record a line; a media type that is not taken is refused."""
    kind = content_type.partition(b";")[0].strip().lower()
    if kind in (b"", b"application/json"):
        return False
    if kind in (b"application/x-ndjson", b"application/jsonl"):
        return True
    shown = kind[:80].decode("ascii", "replace")
    raise Refused(
        415, "content_type", f"{shown} is not taken: send application/json or application/x-ndjson"
    )


async def _read_body(receive: Receive, headers: dict[bytes, bytes], answering: Answering) -> bytes:
    most = answering.settings.max_body_bytes
    too_large = Refused(413, "body_too_large", f"the body is larger than {most} bytes")
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > most:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(answering.settings.request_timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "disconnected", "the client left")
                part: bytes = message.get("body", b"")
                size += len(part)
                if size > most:
                    raise too_large
                if not message.get("more_body"):
                    return b"".join(parts) + part if parts else part
                parts.append(part)
    except TimeoutError:
        raise Refused(408, "timeout", "the body did not arrive in time") from None


def _replay(body: bytes) -> Receive:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    return receive


def _with_safe_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_SAFE]
        await send(message)

    return sending


def _encode(content: Any) -> bytes:
    try:
        return msgspec.json.encode(content)
    except UnicodeError:  # half a surrogate pair, quoted from the request
        return json.dumps(content).encode()


async def _reply(
    send: Send,
    status: int,
    body: bytes,
    kind: tuple[bytes, bytes] = _JSON,
    request_id: str = "",
    extra: list[tuple[bytes, bytes]] | None = None,
) -> None:
    headers = [kind, (b"content-length", b"%d" % len(body)), *_OWN]
    if request_id:
        headers.append((b"x-request-id", request_id.encode()))
    if extra:
        headers += extra
    if leaving():
        headers.append(_LAST)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
