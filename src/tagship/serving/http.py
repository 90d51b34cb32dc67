"""The request path: a small ASGI layer in front of BentoML for ``/predict`` and ``/info``.

BentoML's typed route documents the same contract and stays behind it as the fallback.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict
from typing import Any

from tagship.serving.decoding import InvalidRecords
from tagship.serving.predictor import Predictor

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_ROWS = 10_000


class Refused(Exception):
    """A request that gets a 4xx."""

    def __init__(self, status: int, error: str, fields: list[dict[str, Any]] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body: dict[str, Any] = {"error": error} | ({"fields": fields} if fields else {})


class PredictPath:
    """ASGI middleware; ``holder`` is filled with the predictor when the service starts."""

    def __init__(self, app: App, holder: list[Predictor]) -> None:
        self._app, self._holder = app, holder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``POST /predict`` and ``GET /info``; pass everything else on."""
        route = (scope.get("method"), scope.get("path"))
        if scope["type"] == "http" and self._holder and route == ("POST", "/predict"):
            await self._predict(receive, send)
        elif scope["type"] == "http" and self._holder and route == ("GET", "/info"):
            await _reply(send, 200, self._holder[0].record)
        else:
            await self._app(scope, receive, send)

    async def _predict(self, receive: Receive, send: Send) -> None:
        request_id = uuid.uuid4().hex
        try:
            body = await _read_body(receive)
            answer = answer_request(self._holder[0], body)
        except Refused as refusal:
            await _reply(send, refusal.status, refusal.body | {"request_id": request_id})
            return
        await _reply(send, 200, answer | {"request_id": request_id})


def answer_request(predictor: Predictor, body: bytes) -> dict[str, Any]:
    """The answer to one request body: a record, or an array of records.

    Raises:
        Refused: not JSON (400), too many rows (413), or against the contract (422).
    """
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    return answer_content(predictor, content)


def answer_content(predictor: Predictor, content: Any) -> dict[str, Any]:
    """The answer to decoded JSON; see ``answer_request``."""
    many = isinstance(content, list)
    records = content if isinstance(content, list) else [content]
    if not records:
        raise Refused(422, "the array of records is empty")
    if len(records) > MAX_ROWS:
        raise Refused(413, f"{len(records)} records; at most {MAX_ROWS} a request")
    try:
        answers = predictor.predict(records)
    except InvalidRecords as error:
        fields = [asdict(problem) for problem in error.problems]
        raise Refused(422, "the request breaks the contract", fields) from None
    release = {"release": predictor.release}
    return {"predictions": answers} | release if many else answers[0] | release


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


async def _read_body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the client left")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            raise Refused(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
        if not message.get("more_body"):
            return b"".join(parts)


async def _reply(send: Send, status: int, content: dict[str, Any]) -> None:
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
