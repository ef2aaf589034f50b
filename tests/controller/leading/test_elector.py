"""Electors in virtual time: killed, frozen, cut off, with clocks that drift. There is never a second leader."""

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NoReturn

import looptime
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lease_server import LeaseServer, Link
from support.machines import Machine

from hubtraining.controller.cluster.errors import KubeRefused
from hubtraining.controller.leading.elector import Elector
from hubtraining.controller.leading.lease import Lease, Terms

pytestmark = pytest.mark.looptime

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = 3600.0
SOON = 1.0
"""Seconds for what needs a few requests."""


class Ended(Exception):
    """What ``lost`` raises here, where a program would end."""


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Candidate:
    """One controller: an elector on a machine of its own, whose work is to write all the time."""

    name: str
    link: Link
    machine: Machine
    wall_offset: float = 0.0
    terms: Terms = field(default_factory=Terms)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    writes: list[float] = field(default_factory=list)
    lost: str = ""
    work: Callable[[], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self.elector = Elector(self.link, self.name, self.terms, self.machine.clock, self._wall, self._end)
        self.task = self.machine.start(self.elector.lead(self.work or self._write, self.stop))

    def _wall(self) -> datetime:
        return NOON + timedelta(seconds=now() + self.wall_offset)

    def _end(self, reason: str) -> NoReturn:
        self.lost = self.lost or reason
        raise Ended(reason)

    async def _write(self) -> None:
        while not self.stop.is_set():
            if self.elector.valid():
                self.writes.append(now())
            await asyncio.sleep(0.2)

    def leads(self) -> bool:
        return self.elector.valid()


class Scene:
    """A server and the candidates of one installation."""

    def __init__(self) -> None:
        self.server = LeaseServer()
        self.candidates: list[Candidate] = []
        self.most_leaders = 0

    def candidate(self, *, rate: float = 1.0, offset: float = 0.0, **more: object) -> Candidate:
        name = f"candidate-{len(self.candidates)}"
        made = Candidate(name, Link(self.server), Machine(rate, offset), **more)  # type: ignore[arg-type]
        self.candidates.append(made)
        return made

    def leaders(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates if candidate.leads()]

    async def watch(self) -> None:
        """Look at every moment, on each machine's own clock, whether it would write."""
        while True:
            self.most_leaders = max(self.most_leaders, len(self.leaders()))
            await asyncio.sleep(0.2)

    async def until(self, what: Callable[[], object], seconds: float = 60.0) -> float:
        """How long it took."""
        began = now()
        while not what():
            assert now() < began + seconds, "it never came"
            await asyncio.sleep(0.02)
        return now() - began


@asynccontextmanager
async def a_scene() -> AsyncIterator[Scene]:
    """Watched for a second leader until its end."""
    scene = Scene()
    watching = asyncio.create_task(scene.watch())
    try:
        yield scene
        await asyncio.sleep(0)
        assert scene.most_leaders <= 1
    finally:
        watching.cancel()
        for candidate in scene.candidates:
            candidate.machine.go_on()
            candidate.task.cancel()
        await asyncio.gather(watching, *(c.task for c in scene.candidates), return_exceptions=True)


async def test_one_alone_leads_at_once_and_renews_in_time_and_not_more_often() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        assert await scene.until(one.leads) < SOON
        await asyncio.sleep(60)
        assert one.leads()
        assert 28 <= len(scene.server.writes) <= 31
        assert scene.server.lease is not None
        assert (scene.server.lease.holder, scene.server.lease.transitions) == ("candidate-0", 0)


async def test_work_that_ends_before_the_first_renewal_leaves_nothing_behind() -> None:
    async def nothing() -> None:
        """The renewal beside it is given up before its first step."""

    async with a_scene() as scene:
        one = scene.candidate(work=nothing)
        await one.task
        assert scene.server.lease is not None
        assert scene.server.lease.holder == ""
    gc.collect()


async def test_one_that_stands_by_only_looks() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(60)
        assert not two.leads()
        assert two.elector.heard
        assert 28 <= two.link.requests <= 32
        assert {lease.holder for lease in scene.server.writes} == {"candidate-0"}


async def test_many_begin_at_the_same_moment_and_one_leads() -> None:
    async with a_scene() as scene:
        for _ in range(5):
            scene.candidate()
        await asyncio.sleep(10)
        assert len(scene.leaders()) == 1


@pytest.mark.parametrize("moment", [20 + tenth / 10 for tenth in range(0, 20, 3)])
async def test_the_next_leads_within_18_seconds_whenever_the_leader_is_killed(moment: float) -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(moment)
        one.machine.stop()
        assert 10 < await scene.until(two.leads) < 18


async def test_a_leader_that_leaves_is_followed_at_once() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(20)
        one.stop.set()
        assert await scene.until(two.leads) < 2.5
        await asyncio.sleep(60)
        assert two.leads()
        assert not one.lost
        assert max(one.writes) < min(two.writes)


async def test_a_leader_whose_work_fails_gives_the_lease_back() -> None:
    async def fail() -> None:
        await asyncio.sleep(5)
        raise RuntimeError("kopf cannot go on")

    async with a_scene() as scene:
        one = scene.candidate(work=fail)
        await scene.until(one.leads)
        two = scene.candidate()
        assert await scene.until(two.leads) < 8
        assert isinstance(one.task.exception(), ExceptionGroup)


@pytest.mark.parametrize("seconds", [10.5, 14, 30, 300])
async def test_a_leader_that_slept_through_its_lease_ends_and_writes_nothing(seconds: float) -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(20)
        written = len(one.writes)
        one.machine.stop()
        await asyncio.sleep(seconds)
        one.machine.go_on()
        await scene.until(lambda: one.lost)
        assert len(one.writes) == written
        await scene.until(two.leads)


async def test_a_leader_that_slept_a_little_goes_on() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        scene.candidate()
        for _ in range(20):
            one.machine.stop()
            await asyncio.sleep(6)
            one.machine.go_on()
            await asyncio.sleep(3)
        assert one.leads()


async def test_one_that_fell_asleep_while_it_took_the_lease_does_not_lead_when_it_wakes() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(lambda: one.link.requests == 2)  # the lease is being created
        one.machine.stop()
        await asyncio.sleep(1)
        two = scene.candidate()
        await scene.until(two.leads)
        one.machine.go_on()
        await asyncio.sleep(60)
        assert one.writes == []
        assert two.leads()


async def test_a_leader_that_is_cut_off_ends_before_another_leads() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(20)
        one.link.down = True
        began = now()
        await scene.until(lambda: one.lost)
        assert now() - began <= 10
        assert not two.leads()
        await scene.until(two.leads)


async def test_a_leader_outlasts_an_api_server_that_is_away_for_a_moment() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        for _ in range(10):
            one.link.down = two.link.down = True
            await asyncio.sleep(5)
            one.link.down = two.link.down = False
            await asyncio.sleep(5)
        assert one.leads()


async def test_when_the_api_server_is_away_for_long_nobody_leads_and_then_somebody_does() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(20)
        one.link.down = two.link.down = True
        await scene.until(lambda: one.lost)
        await asyncio.sleep(60)
        assert scene.leaders() == []
        two.link.down = False
        await scene.until(two.leads)


async def test_a_renewal_that_was_made_but_not_answered_costs_nothing() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        scene.candidate()
        for _ in range(10):
            one.link.deaf = True
            await asyncio.sleep(3)
            one.link.deaf = False
            await asyncio.sleep(7)
        assert one.leads()


async def test_somebody_who_edits_the_lease_disturbs_nobody() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        scene.candidate()
        for _ in range(30):
            scene.server.annotate()
            await asyncio.sleep(1.7)
        assert one.leads()


async def test_a_deleted_lease_makes_no_second_leader_of_those_who_knew_it() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        scene.candidate()
        await asyncio.sleep(SOON)
        for _ in range(30):
            scene.server.delete()
            await asyncio.sleep(2.3)
        assert one.leads()


async def test_a_deleted_lease_of_a_leader_that_is_cut_off_is_waited_for() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(SOON)
        one.link.down = True
        scene.server.delete()
        await scene.until(two.leads)
        assert one.lost


async def test_a_leader_ends_when_somebody_gives_its_lease_to_another() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        scene.server.change(msgspec.structs.replace(scene.server.lease or Lease(), holder="a person"))
        await scene.until(lambda: one.lost)
        assert one.lost == "the lease was taken by a person"


@pytest.mark.parametrize("wall_offset", [-HOUR, HOUR])
async def test_clocks_that_are_an_hour_apart_change_nothing(wall_offset: float) -> None:
    async with a_scene() as scene:
        one = scene.candidate(wall_offset=wall_offset, offset=abs(wall_offset) * 2)
        await scene.until(one.leads)
        two = scene.candidate(wall_offset=-wall_offset)
        await asyncio.sleep(600)
        assert one.leads()
        one.machine.stop()
        assert 10 < await scene.until(two.leads) < 18


@pytest.mark.parametrize(("slow", "fast"), [(0.9, 1.1), (1.0, 1.1), (0.9, 1.0)])
async def test_clocks_that_drift_by_a_tenth_make_no_second_leader(slow: float, fast: float) -> None:
    async with a_scene() as scene:
        one = scene.candidate(rate=slow)
        await scene.until(one.leads)
        two = scene.candidate(rate=fast)
        await asyncio.sleep(600)
        assert one.leads()
        one.link.down = True
        await scene.until(two.leads)
        assert one.lost


async def test_one_that_is_told_to_stop_while_it_stands_by_leaves_at_once() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(20)
        two.stop.set()
        assert await scene.until(two.task.done) < SOON
        assert two.task.exception() is None
        assert two.writes == []


async def test_without_the_right_to_the_lease_nobody_leads_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        one.link.refuses = KubeRefused("leases is forbidden", status=403)
        await asyncio.sleep(60)
        assert not one.leads()
        assert not one.elector.heard
        assert [record.getMessage() for record in caplog.records] == ["the lease cannot be had: leases is forbidden"]
        one.link.refuses = None
        await scene.until(one.leads)


async def test_a_lease_that_cannot_be_given_back_runs_out() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(20)
        one.link.down = True
        one.stop.set()
        await scene.until(one.task.done)
        assert one.task.exception() is None
        await scene.until(two.leads)


async def test_a_lease_is_given_back_though_the_last_renewal_was_not_answered() -> None:
    async with a_scene() as scene:
        one = scene.candidate()
        await scene.until(one.leads)
        two = scene.candidate()
        await asyncio.sleep(20)
        one.link.deaf = True
        await asyncio.sleep(2.5)
        one.link.deaf = False
        one.stop.set()
        assert await scene.until(two.leads) < 3


async def test_on_a_clock_that_is_hardly_slower_than_the_loops_the_lease_is_given_up_too() -> None:
    async with a_scene() as scene:
        one = scene.candidate(rate=0.99999, offset=1000.0)
        await scene.until(one.leads)
        await asyncio.sleep(20)
        one.link.down = True
        await asyncio.sleep(12)
        assert not one.leads()


FAULTS = ("kill", "freeze", "thaw", "cut", "join", "deafen", "hear", "leave", "edit")
steps = st.lists(
    st.tuples(st.sampled_from(FAULTS), st.integers(0, 2), st.floats(0.01, 9.0, allow_nan=False)), max_size=40
)
rates = st.lists(st.floats(0.92, 1.08), min_size=3, max_size=3)


def disturb(scene: Scene, seats: list[Candidate], what: str, who: int) -> None:
    """One fault. Who is killed is followed on its seat by a new process."""
    one = seats[who]
    if what == "kill":
        one.machine.stop()
        seats[who] = scene.candidate(rate=one.machine.rate, offset=who * 1000.0)
    else:
        faults: dict[str, Callable[[], None]] = {
            "freeze": one.machine.stop,
            "thaw": one.machine.go_on,
            "cut": partial(setattr, one.link, "down", True),
            "join": partial(setattr, one.link, "down", False),
            "deafen": partial(setattr, one.link, "deaf", True),
            "hear": partial(setattr, one.link, "deaf", False),
            "leave": one.stop.set,
            "edit": scene.server.annotate,
        }
        faults[what]()


@settings(max_examples=40, deadline=None)
@given(steps=steps, rates=rates)
def test_whatever_happens_there_is_never_a_second_leader_and_then_there_is_one(
    steps: list[tuple[str, int, float]], rates: list[float]
) -> None:
    async def story() -> None:
        async with a_scene() as scene:
            seats = [scene.candidate(rate=rate, offset=place * 1000.0) for place, rate in enumerate(rates)]
            for what, who, pause in steps:
                disturb(scene, seats, what, who)
                await asyncio.sleep(pause)
            scene.candidate()
            for each in seats:
                each.machine.go_on()
                each.link.down = each.link.deaf = False
            await asyncio.sleep(40)
            assert len(scene.leaders()) == 1
            owners = sorted((moment, c.name) for c in scene.candidates for moment in c.writes)
            holders = [name for name, _ in itertools.groupby(name for _, name in owners)]
            assert len(holders) == len(set(holders)), "who wrote once and stopped never wrote again"

    with closing(looptime.new_event_loop()) as loop:
        loop.run_until_complete(story())
