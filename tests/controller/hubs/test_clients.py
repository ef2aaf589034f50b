"""Clients of hubs: shared, bounded, and spared while a hub is down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import pytest
from builders.recorded_hub import KEY, MODEL_ID, MODEL_PATH, RecordedHub, a_model, ok, refused

from hubtraining.controller.hubs.access import Access
from hubtraining.controller.hubs.clients import CALLS, MOST_BYTES, HubClients
from hubtraining.domain.identifiers import parse
from hubtraining.hub.connection import Exchange
from hubtraining.hub.credentials import fixed
from hubtraining.hub.errors import HubNotFound, HubProtocolError, HubUnavailable

pytestmark = pytest.mark.looptime


def a_way(url: str = "https://hub.example", *, own: bool = False, ca_bundle: str = "") -> Access:
    return Access(url, url, own, parse(MODEL_ID), fixed(KEY), "somebody's key", ca_bundle)


@dataclass
class Scene:
    """Hubs that answer after so many seconds; ``answer`` is what they say."""

    seconds: float = 0.0
    answer: httpx.Response = field(default_factory=lambda: ok(a_model()))
    made: list[Access] = field(default_factory=list)
    seen: list[Exchange] = field(default_factory=list)
    busy: int = 0
    most: int = 0
    asked: int = 0

    async def _hub(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.busy -= 1
        return httpx.Response(self.answer.status_code, content=self.answer.content)

    def _connect(self, way: Access) -> httpx.AsyncClient:
        self.made.append(way)
        return httpx.AsyncClient(transport=httpx.MockTransport(self._hub))

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[HubClients]:
        async with HubClients(self.seen.append, self._connect) as made:
            yield made


async def ask(clients: HubClients, way: Access) -> float:
    """Read a model; returns when the answer came."""
    async with clients.client(way) as client:
        await client.read(MODEL_ID)
    return asyncio.get_running_loop().time()


async def outcome(clients: HubClients, way: Access) -> str:
    try:
        await ask(clients, way)
    except HubUnavailable as error:
        return str(error)
    return "answered"


async def test_sessions_of_one_hub_share_its_connections() -> None:
    scene = Scene()
    async with scene.clients() as clients:
        for _ in range(3):
            await ask(clients, a_way())
        await ask(clients, a_way("https://hub.example/prefix"))
        assert len(scene.made) == 1
    assert [exchange.op for exchange in scene.seen] == ["read"] * 4


@pytest.mark.parametrize(
    "other",
    [
        a_way("https://hub.example:8443"),
        a_way("http://hub.example"),
        a_way(own=True),
        a_way(ca_bundle="-----BEGIN CERTIFICATE-----"),
    ],
)
async def test_what_is_trusted_or_guarded_otherwise_is_not_shared(other: Access) -> None:
    scene = Scene()
    async with scene.clients() as clients:
        await ask(clients, a_way())
        await ask(clients, other)
    assert [way.url for way in scene.made] == ["https://hub.example", other.url]


async def test_a_hub_is_asked_so_many_things_at_once_and_others_do_not_wait_for_it() -> None:
    scene = Scene(seconds=5)
    async with scene.clients() as clients, asyncio.TaskGroup() as tasks:
        for _ in range(2 * CALLS):
            tasks.create_task(ask(clients, a_way()))
        other = tasks.create_task(ask(clients, a_way("https://other.example")))
    assert scene.most == CALLS + 1
    assert other.result() == 5


async def test_a_hub_that_does_not_answer_is_left_alone() -> None:
    scene = Scene(answer=refused(503))
    async with scene.clients() as clients:
        told = [await outcome(clients, a_way()) for _ in range(7)]
    assert scene.asked == 5
    assert told[5] == "the hub did not answer several times and is left alone for a while"


async def test_one_who_is_sent_away_is_told_for_how_long() -> None:
    scene = Scene(answer=refused(503))
    async with scene.clients() as clients:
        for _ in range(5):
            await outcome(clients, a_way())
        await asyncio.sleep(10)
        with pytest.raises(HubUnavailable) as sent_away:
            await ask(clients, a_way())
        assert sent_away.value.retry_after == 20
        await asyncio.sleep(20)
        scene.answer = ok(a_model())
        assert await outcome(clients, a_way()) == "answered"
        assert await outcome(clients, a_way()) == "answered"


async def test_an_answer_that_refuses_is_an_answer() -> None:
    scene = Scene(answer=refused(404))
    async with scene.clients() as clients:
        for _ in range(10):
            with pytest.raises(HubNotFound):
                await ask(clients, a_way())
    assert scene.asked == 10


async def test_a_hub_that_asks_one_caller_to_wait_is_not_down() -> None:
    scene = Scene(answer=refused(429))
    async with scene.clients() as clients:
        told = {await outcome(clients, a_way()) for _ in range(10)}
    assert scene.asked == 10
    assert not any("left alone" in words for words in told)


async def test_an_answer_that_is_too_long_for_all_of_us_together_is_not_kept() -> None:
    scene = Scene(answer=ok(a_model(meta={"name": "x" * MOST_BYTES})))
    async with scene.clients() as clients:
        with pytest.raises(HubProtocolError, match="longer than"):
            await ask(clients, a_way())


async def test_those_who_wait_for_a_hub_that_hangs_are_spared_too() -> None:
    """A call takes ten seconds to fail: a hundred sessions must not each find that out for themselves."""
    scene = Scene(seconds=3600)
    async with scene.clients() as clients, asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(outcome(clients, a_way())) for _ in range(100)]
    assert asyncio.get_running_loop().time() < 15
    assert scene.asked <= 2 * CALLS
    assert sum("left alone" in task.result() for task in asked) >= 100 - 2 * CALLS


async def test_after_its_rest_a_hub_is_tried_by_one_and_not_by_all() -> None:
    scene = Scene(seconds=3600)
    async with scene.clients() as clients:
        for _ in range(5):
            await outcome(clients, a_way())
        await asyncio.sleep(31)
        before = scene.asked
        async with asyncio.TaskGroup() as tasks:
            for _ in range(100):
                tasks.create_task(outcome(clients, a_way()))
    assert scene.asked == before + 1


@pytest.mark.parametrize("answer", [ok(a_model()), refused(404)], ids=["an answer", "a refusal"])
async def test_an_answer_after_a_rest_sends_all_who_wait_and_each_once(answer: httpx.Response) -> None:
    scene = Scene(answer=refused(503))
    async with scene.clients() as clients:
        heard = await spared(clients, "first", "second", "third", "first")
        clients.wait(a_way("https://other.example"), "other", lambda: heard.append("other"))
        await asyncio.sleep(31)
        assert heard == ["second"]
        scene.answer = answer
        for _ in range(2):
            with suppress(HubNotFound):
                await ask(clients, a_way())
        await asyncio.sleep(300)
    assert heard == ["second", "third", "first"]


async def test_after_each_rest_one_of_those_who_wait_is_sent_whether_it_asks_or_not() -> None:
    scene = Scene(answer=refused(503))
    async with scene.clients() as clients:
        heard = await spared(clients, "first", "second", "third")
        sent = []
        for _ in range(4):
            await asyncio.sleep(31)
            sent.append(list(heard))
        assert sent == [["first"], ["first", "second"], ["first", "second", "third"], ["first", "second", "third"]]
        clients.wait(a_way(), "fourth", lambda: heard.append("fourth"))
        await outcome(clients, a_way())
        await asyncio.sleep(31)
        assert heard[3:] == ["fourth"]


async def test_whoever_was_sent_in_vain_waits_behind_the_others() -> None:
    scene = Scene(seconds=3600)
    heard: list[str] = []
    async with scene.clients() as clients, asyncio.TaskGroup() as tasks:

        def go(who: str) -> None:
            heard.append(who)
            tasks.create_task(try_again(who))

        async def try_again(who: str) -> None:
            if await outcome(clients, a_way()) != "answered" and len(heard) < 9:
                clients.wait(a_way(), who, lambda: go(who))

        for who in ("first", "second", "third"):
            clients.wait(a_way(), who, lambda who=who: go(who))  # type: ignore[misc]
        for _ in range(5):
            await outcome(clients, a_way())
        await asyncio.sleep(1000)
    assert heard[:9] == ["first", "second", "third"] * 3


async def spared(clients: HubClients, *waiting: str) -> list[str]:
    """Let the hub's rest begin, with these waiting for its end; those who were sent."""
    heard: list[str] = []
    for who in waiting:
        clients.wait(a_way(), who, lambda who=who: heard.append(who))  # type: ignore[misc]
    for _ in range(5):
        await outcome(clients, a_way())
    return heard


async def test_a_hub_that_failed_a_few_times_has_not_recovered_from_anything() -> None:
    scene = Scene(answer=refused(503))
    heard: list[str] = []
    async with scene.clients() as clients:
        clients.wait(a_way(), "first", lambda: heard.append("first"))
        for _ in range(4):
            await outcome(clients, a_way())
        scene.answer = ok(a_model())
        await ask(clients, a_way())
    assert heard == []


async def test_hubs_that_nobody_asks_any_more_are_forgotten() -> None:
    """Users name hubs: what they name must not add up for ever."""
    scene = Scene()
    async with scene.clients() as clients:
        for number in range(1000):
            await ask(clients, a_way(f"https://hub-{number}.example"))
        assert len(clients) <= 100
        await ask(clients, a_way("https://hub-999.example"))
    assert len(scene.made) == 1000


async def test_a_hub_that_is_being_asked_is_not_forgotten() -> None:
    scene = Scene(seconds=5)
    async with scene.clients() as clients, asyncio.TaskGroup() as tasks:
        for number in range(300):
            tasks.create_task(ask(clients, a_way(f"https://hub-{number}.example")))
    assert len(scene.seen) == 300
    assert {exchange.status for exchange in scene.seen} == {200}


async def test_leaving_closes_every_connection() -> None:
    made: list[httpx.AsyncClient] = []

    def connect(_: Access) -> httpx.AsyncClient:
        made.append(
            httpx.AsyncClient(transport=httpx.MockTransport(RecordedHub().on("GET", MODEL_PATH, ok(a_model()))))
        )
        return made[-1]

    async with HubClients(lambda _: None, connect) as clients:
        await ask(clients, a_way())
    assert [client.is_closed for client in made] == [True]
