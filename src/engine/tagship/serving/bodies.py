"""What all requests of a worker hold at once, and who gives way when that is too much.

A request counts from its head to the end of its answer. While it waits for its client (its body
comes, its answer goes) it can be given up, and what it held is free. So where room is needed, the
address that holds most loses a request: the one that has waited longest where places are short, the
largest where bytes are. Nobody is kept out by bodies that never end, nor by answers that nobody
reads.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tagship.serving.answering import Refused
from tagship.serving.settings import Settings

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_LENGTH_DIGITS = 18
"""More are no honest length, and Python reads no number of more than 4,300."""


@dataclass(eq=False, slots=True)
class Holder:
    """One address: its requests, their bytes, and how many of them wait for it."""

    count: int = 0
    size: int = 0
    waiting: int = 0


class Bodies:
    """The requests of one worker."""

    def __init__(self, settings: Settings) -> None:
        """``max_concurrency`` and ``max_bytes_in_flight`` are the bounds."""
        self.settings = settings
        self._most_places, self._most_bytes = settings.max_concurrency, settings.max_bytes_in_flight
        self._holders: dict[str, Holder] = {}
        self._waiting: dict[Body, float] = {}
        """Since when each waits for its client, the longest first."""
        self._sweeps = False
        self.count = self.size = 0

    def begin(self, address: str, queued: int = 0) -> "Body":
        """A place for one more request; ``queued`` others came in the same turn of the loop.

        Raises:
            Refused: 503, too many are being answered.
        """
        busy = self.count - len(self._waiting) + queued >= self._most_places
        if busy or (self.count >= self._most_places and not self._free_a_place()):
            raise Refused(503, "overloaded", "too many requests at once", retry_after=1)
        holder = self._holders.setdefault(address, Holder())
        holder.count += 1
        self.count += 1
        return Body(self, holder, address)

    def hold(self, body: "Body", size: int) -> None:
        """Count so many more bytes for a request.

        Raises:
            Refused: 503, there is no room for them, or this request itself has to give way.
        """
        if body.held:
            body.size += size
            body.holder.size += size
            self.size += size
        while self.size > self._most_bytes and body.held:
            if not self._free_bytes():
                raise Refused(503, "overloaded", "too many bytes at once", retry_after=1)
        if body.refusal is not None:
            raise body.refusal

    def end(self, body: "Body") -> None:
        """Free what a request holds; once is enough."""
        if not body.held:
            return
        body.held = False
        body.holder.count -= 1
        body.holder.size -= body.size
        self.count -= 1
        self.size -= body.size
        if not body.holder.count:
            del self._holders[body.address]

    def wait(self, body: "Body") -> None:
        """A request waits for its client from now on, for as long as is allowed."""
        loop = asyncio.get_running_loop()
        self._waiting[body] = loop.time()
        body.holder.waiting += 1
        if not self._sweeps:
            self._sweeps = True
            loop.call_later(self._pause, self._sweep, loop)

    def wait_no_longer(self, body: "Body") -> None:
        """What it waited for has come, or it was given up."""
        if self._waiting.pop(body, None) is not None:
            body.holder.waiting -= 1

    @property
    def _pause(self) -> float:
        return min(1.0, self.settings.request_timeout / 4)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up who has waited too long; one timer for all, since each request would need two."""
        since = loop.time() - self.settings.request_timeout
        for body in [body for body, began in self._waiting.items() if began <= since]:
            what = "the answer was not taken" if body.whole else "the body did not arrive"
            body.give_up(Refused(408, "timeout", f"{what} in time"))
        self._sweeps = bool(self._waiting)
        if self._sweeps:
            loop.call_later(self._pause, self._sweep, loop)

    def _free_a_place(self) -> bool:
        """Give up who has waited longest; False when no request waits for its client."""
        if not self._waiting:
            return False
        most = max((h for h in self._holders.values() if h.waiting), key=lambda h: h.count)
        next(body for body in self._waiting if body.holder is most).give_up(_given_up())
        return True

    def _free_bytes(self) -> bool:
        """Give up who holds most; False when none that waits for its client holds any."""
        found = [body for body in self._waiting if body.size]
        if found:
            max(found, key=lambda body: (body.holder.size, body.size)).give_up(_given_up())
        return bool(found)


def _given_up() -> Refused:
    error = "given up for others: too much is held by requests that wait for their client"
    return Refused(503, "overloaded", error, retry_after=1)


class Body:
    """One request; as a context, the time in which it waits for its client."""

    __slots__ = (
        "_bodies",
        "_task",
        "address",
        "held",
        "holder",
        "refusal",
        "size",
        "whole",
    )

    def __init__(self, bodies: Bodies, holder: Holder, address: str) -> None:
        self._bodies, self.holder, self.address = bodies, holder, address
        self._task = asyncio.current_task()
        self.size, self.held, self.whole = 0, True, False
        self.refusal: Refused | None = None
        """What a request that was given up is told."""

    def __enter__(self) -> None:
        """Wait for the client, for as long as is allowed."""
        self._bodies.wait(self)

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        """Wait no longer; raises the refusal of a request that was given up meanwhile."""
        self._bodies.wait_no_longer(self)
        if kind is asyncio.CancelledError and self.refusal is not None and self._task is not None:
            self._task.uncancel()
            raise self.refusal from None

    async def read(self, receive: Receive, headers: dict[bytes, bytes]) -> bytes:
        """The whole body.

        Raises:
            Refused: its length is none, it is too large, it comes too slowly, or must give way.
        """
        most = self._bodies.settings.max_body_bytes
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > _LENGTH_DIGITS:
            raise Refused(400, "headers", "content-length: not a length in bytes")
        too_large = f"the body is larger than {most} bytes"
        if int(length) > most:
            raise Refused(413, "body_too_large", too_large)
        parts: list[bytes] = []
        with self:
            while not self.whole:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "disconnected", "the client left")
                part: bytes = message.get("body", b"")
                if self.size + len(part) > most:
                    raise Refused(413, "body_too_large", too_large)
                self._bodies.hold(self, len(part))
                parts.append(part)
                self.whole = not message.get("more_body")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def give_up(self, refusal: Refused) -> None:
        """Free what it holds, and wake it."""
        self.refusal = refusal
        self._bodies.wait_no_longer(self)
        self._bodies.end(self)
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
