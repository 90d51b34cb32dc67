"""What requests hold together is bounded, and who holds most for longest gives way."""

import asyncio

import pytest

from tagship.errors import TagshipError
from tagship.serving.answering import Refused
from tagship.serving.requests_in_flight import RequestsInFlight
from tagship.serving.settings import Settings

LIMITS = {"max_concurrency": 4, "max_bytes_in_flight": 1000, "max_body_bytes": 500}


class Client:
    """One whose body comes in the parts that it is told to send."""

    def __init__(self, in_flight, address="a", **headers):
        self._parts = asyncio.Queue()
        self._headers = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        self.request, self.task = None, asyncio.ensure_future(self._ask(in_flight, address))

    async def _ask(self, in_flight, address):
        self.request = in_flight.begin(address)
        try:
            return await self.request.read(self._parts.get, self._headers)
        except Refused as refusal:
            return refusal.status
        finally:
            in_flight.end(self.request)

    async def sends(self, size, more=True):
        self._parts.put_nowait({"type": "http.request", "body": b" " * size, "more_body": more})
        await turns()


async def turns():
    for _ in range(5):
        await asyncio.sleep(0)


def in_flight(**limits):
    return RequestsInFlight(Settings(**{**LIMITS, **limits}))


async def clients(held, *addresses):
    found = [Client(held, address) for address in addresses]
    await turns()
    return found


def test_a_place_is_made_by_the_oldest_of_the_address_that_has_most():
    async def run():
        held = in_flight()
        other, first, second, third = await clients(held, "b", "a", "a", "a")
        (newcomer,) = await clients(held, "c")
        assert await first.task == 503
        assert held.count == 4
        await newcomer.sends(7, more=False)
        assert len(await newcomer.task) == 7
        assert not any(waits.task.done() for waits in (other, second, third))

    asyncio.run(run())


def test_bytes_are_made_free_by_the_address_that_holds_most_of_them():
    async def run():
        held = in_flight()
        small, small_too, large = await clients(held, "a", "a", "b")
        for client, size in ((small, 100), (small_too, 100), (large, 500)):
            await client.sends(size)
        assert held.size == 700
        (late,) = await clients(held, "c")
        await late.sends(450)
        assert await large.task == 503
        assert held.size == 650
        assert not small.task.done()

    asyncio.run(run())


def test_one_that_holds_too_much_alone_gives_way_itself_and_is_told():
    async def run():
        held = in_flight(max_bytes_in_flight=500)
        (greedy,) = await clients(held, "a")
        with pytest.raises(Refused, match="too many bytes"):  # an answer: nobody waits
            held.hold(held.begin("b"), 501)
        await greedy.sends(200)
        assert await greedy.task == 503

    asyncio.run(run())


def test_who_holds_nothing_does_not_give_way_for_bytes():
    async def run():
        held = in_flight(max_bytes_in_flight=500)
        held.hold(held.begin("a"), 400)
        (idle,) = await clients(held, "b")
        with pytest.raises(Refused, match="too many bytes"):
            held.hold(held.begin("c"), 200)
        assert not idle.task.done()

    asyncio.run(run())


def test_requests_that_are_being_answered_keep_their_place():
    async def run():
        held = in_flight()
        working = [held.begin("a") for _ in range(4)]
        with pytest.raises(Refused) as refused:
            held.begin("b")
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
        held.end(working[0])
        held.end(working[0])
        assert held.begin("b").held
        with pytest.raises(Refused, match="at once"):  # what queued up in this turn counts too
            in_flight().begin("a", queued=4)

    asyncio.run(run())


def test_everything_is_free_after_the_end_whatever_happened():
    async def run():
        held = in_flight(request_timeout=0.05)
        whole, slow, large, gone, cancelled = (
            Client(held, "a"),
            Client(held, "a"),
            Client(held, "b"),
            Client(held, "c"),
            None,
        )
        await whole.sends(10, more=False)
        await large.sends(501)
        gone._parts.put_nowait({"type": "http.disconnect"})
        cancelled = Client(held, "d")
        await turns()
        cancelled.task.cancel()
        assert await whole.task == b" " * 10
        assert (await large.task, await gone.task, await slow.task) == (413, 400, 408)
        with pytest.raises(asyncio.CancelledError):  # the server's own: it is not taken for ours
            await cancelled.task
        assert (held.count, held.size, held._waiting, held._holders) == (0, 0, {}, {})

    asyncio.run(run())


def test_an_answer_that_nobody_takes_gives_way_too():
    async def run():
        held = in_flight()

        async def answer():
            body = held.begin("a")
            held.hold(body, 800)
            try:
                with body:
                    await asyncio.Event().wait()
            finally:
                held.end(body)

        unread = asyncio.ensure_future(answer())
        await turns()
        (late,) = await clients(held, "b")
        await late.sends(300, more=False)
        assert len(await late.task) == 300
        with pytest.raises(Refused, match="given up for others"):
            await unread

    asyncio.run(run())


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (b"9" * 4301, 400),
        (b"0" * 4301, 400),
        (b"-1", 400),
        (b"five", 400),
        (b"", 400),
        (b"\xb2", 400),
        (b"501", 413),
        (b"9" * 18, 413),
    ],
)
def test_a_length_is_judged_before_anything_is_read(length, status):
    async def run():
        client = Client(in_flight(), content_length=length)
        return await client.task

    assert asyncio.run(run()) == status


def test_a_bound_below_one_body_stops_the_start():
    with pytest.raises(
        TagshipError, match="TAGSHIP_MAX_BYTES_IN_FLIGHT is 5000, less than one body"
    ):
        Settings.from_environment({"TAGSHIP_MAX_BYTES_IN_FLIGHT": "5000"})
