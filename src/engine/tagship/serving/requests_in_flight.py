"""What all requests of a worker hold at once, and who gives way when that is too much.

A request counts from its head to the end of its answer. While it waits for its client (its body
comes, its answer goes) it can be given up, and what it held becomes free. So where room is needed,
the address that holds most loses a request: the one that has waited longest where places are short,
the largest where bytes are. Nobody is kept out by bodies that never end, nor by answers that nobody
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
"""A length with more digits is never honest, and Python reads at most 4,300."""


@dataclass(eq=False, slots=True)
class Holder:
    """One address: its requests, their bytes, and how many of them wait for it."""

    count: int = 0
    size: int = 0
    waiting: int = 0


class RequestsInFlight:
    """The requests of one worker."""

    def __init__(self, settings: Settings) -> None:
        """``max_concurrency`` and ``max_bytes_in_flight`` are the bounds."""
        self.settings = settings
        self._most_places, self._most_bytes = settings.max_concurrency, settings.max_bytes_in_flight
        self._holders: dict[str, Holder] = {}
        self._waiting: dict[RequestInFlight, float] = {}
        """Since when each waits for its client, the longest first."""
        self._sweeps = False
        self.count = self.size = 0

    def begin(self, address: str, queued: int = 0) -> "RequestInFlight":
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
        return RequestInFlight(self, holder, address)

    def hold(self, request: "RequestInFlight", size: int) -> None:
        """Count this many more bytes for a request.

        Raises:
            Refused: 503, there is no room for them, or this request itself has to give way.
        """
        if request.held:
            request.size += size
            request.holder.size += size
            self.size += size
        while self.size > self._most_bytes and request.held:
            if not self._free_bytes():
                raise Refused(503, "overloaded", "too many bytes at once", retry_after=1)
        if request.refusal is not None:
            raise request.refusal

    def end(self, request: "RequestInFlight") -> None:
        """Free what a request holds; a second call does nothing."""
        if not request.held:
            return
        request.held = False
        request.holder.count -= 1
        request.holder.size -= request.size
        self.count -= 1
        self.size -= request.size
        if not request.holder.count:
            del self._holders[request.address]

    def wait(self, request: "RequestInFlight") -> None:
        """A request waits for its client from now on, for as long as is allowed."""
        loop = asyncio.get_running_loop()
        self._waiting[request] = loop.time()
        request.holder.waiting += 1
        if not self._sweeps:
            self._sweeps = True
            loop.call_later(self._pause, self._sweep, loop)

    def wait_no_longer(self, request: "RequestInFlight") -> None:
        """What it waited for has come, or it was given up."""
        if self._waiting.pop(request, None) is not None:
            request.holder.waiting -= 1

    @property
    def _pause(self) -> float:
        return min(1.0, self.settings.request_timeout / 4)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up who has waited too long; one timer for all, since each request would need two."""
        since = loop.time() - self.settings.request_timeout
        for request in [request for request, began in self._waiting.items() if began <= since]:
            reason = (
                "the answer was not taken" if request.body_complete else "the body did not arrive"
            )
            request.give_up(Refused(408, "timeout", f"{reason} in time"))
        self._sweeps = bool(self._waiting)
        if self._sweeps:
            loop.call_later(self._pause, self._sweep, loop)

    def _free_a_place(self) -> bool:
        """Give up who has waited longest; False when no request waits for its client."""
        if not self._waiting:
            return False
        most = max((h for h in self._holders.values() if h.waiting), key=lambda h: h.count)
        next(request for request in self._waiting if request.holder is most).give_up(_given_up())
        return True

    def _free_bytes(self) -> bool:
        """Give up who holds most; False when none that waits for its client holds any."""
        with_bytes = [request for request in self._waiting if request.size]
        if with_bytes:
            max(with_bytes, key=lambda request: (request.holder.size, request.size)).give_up(
                _given_up()
            )
        return bool(with_bytes)


def _given_up() -> Refused:
    error = "given up for others: too much is held by requests that wait for their client"
    return Refused(503, "overloaded", error, retry_after=1)


class RequestInFlight:
    """One request; as a context, the time in which it waits for its client."""

    __slots__ = (
        "_all",
        "_task",
        "address",
        "body_complete",
        "held",
        "holder",
        "refusal",
        "size",
    )

    def __init__(self, all_requests: RequestsInFlight, holder: Holder, address: str) -> None:
        self._all, self.holder, self.address = all_requests, holder, address
        self._task = asyncio.current_task()
        self.size, self.held, self.body_complete = 0, True, False
        self.refusal: Refused | None = None
        """What a request that was given up is told."""

    def __enter__(self) -> None:
        """Wait for the client, for as long as is allowed."""
        self._all.wait(self)

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        """Wait no longer; raises the refusal of a request that was given up meanwhile."""
        self._all.wait_no_longer(self)
        if kind is asyncio.CancelledError and self.refusal is not None and self._task is not None:
            self._task.uncancel()
            raise self.refusal from None

    async def read(self, receive: Receive, headers: dict[bytes, bytes]) -> bytes:
        """The whole body.

        Raises:
            Refused: its length is no number, it is too large or too slow, or it must give way.
        """
        most = self._all.settings.max_body_bytes
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > _LENGTH_DIGITS:
            raise Refused(400, "headers", "content-length: not a length in bytes")
        too_large = f"the body is larger than {most} bytes"
        if int(length) > most:
            raise Refused(413, "body_too_large", too_large)
        parts: list[bytes] = []
        with self:
            while not self.body_complete:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "disconnected", "the client left")
                part: bytes = message.get("body", b"")
                if self.size + len(part) > most:
                    raise Refused(413, "body_too_large", too_large)
                self._all.hold(self, len(part))
                parts.append(part)
                self.body_complete = not message.get("more_body")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def give_up(self, refusal: Refused) -> None:
        """Free what it holds, and wake it."""
        self.refusal = refusal
        self._all.wait_no_longer(self)
        self._all.end(self)
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
