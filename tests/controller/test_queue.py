"""The work queue under virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing

import looptime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.queue import Backoff, Later, WorkQueue

pytestmark = pytest.mark.looptime


class Meter:
    """Writes down what the queue tells."""

    def __init__(self) -> None:
        self.adds = 0
        self.retries = 0
        self.waits: list[float] = []
        self.results: list[str] = []

    def added(self) -> None:
        self.adds += 1

    def started(self, waited: float) -> None:
        self.waits.append(waited)

    def ended(self, worked: float, result: str) -> None:
        self.results.append(result)

    def retried(self) -> None:
        self.retries += 1


class Diary:
    """Work that writes down when it began and ended on what."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.began: list[tuple[str, float]] = []
        self.now_working: list[str] = []
        self.most = 0

    async def __call__(self, key: str) -> float | None:
        loop = asyncio.get_running_loop()
        self.began.append((key, loop.time()))
        assert key not in self.now_working, "a key is worked on twice at once"
        self.now_working.append(key)
        self.most = max(self.most, len(self.now_working))
        await asyncio.sleep(self.seconds)
        self.now_working.remove(key)
        return None

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.began]


def a_queue(meter: Meter | None = None, delays: Callable[[int], float] = lambda tries: 2.0**tries) -> WorkQueue[str]:
    return WorkQueue(meter or Meter(), delays)


async def run(
    queue: WorkQueue[str], work: Callable[[str], Awaitable[float | None]], seconds: float, workers: int = 2
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await queue.serve(work, workers)


async def test_a_key_that_waits_is_not_added_twice() -> None:
    queue, diary = a_queue(), Diary()
    for _ in range(10):
        queue.add("a")
    assert len(queue) == 1
    await run(queue, diary, 1)
    assert diary.keys == ["a"]


async def test_a_key_that_is_added_while_it_is_worked_on_is_worked_on_once_more_after() -> None:
    queue, diary = a_queue(), Diary(seconds=10)
    queue.add("a")
    for delay in (1, 2, 3):
        asyncio.get_running_loop().call_later(delay, queue.add, "a")
    await run(queue, diary, 100)
    assert diary.began == [("a", 0), ("a", 10)]


async def test_so_many_keys_are_worked_on_at_once_as_there_are_workers() -> None:
    queue, diary = a_queue(), Diary(seconds=1)
    for number in range(9):
        queue.add(str(number))
    await run(queue, diary, 100, workers=3)
    assert diary.most == 3
    assert [moment for _, moment in diary.began] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


async def test_keys_are_worked_on_in_the_order_in_which_they_came() -> None:
    queue, diary = a_queue(), Diary()
    for key in "cab":
        queue.add(key)
    await run(queue, diary, 1, workers=1)
    assert diary.keys == ["c", "a", "b"]


async def test_a_due_time_is_kept_on_the_loops_clock() -> None:
    queue, diary = a_queue(), Diary()
    queue.add_after("a", 3600)
    assert len(queue) == 0
    await run(queue, diary, 7200)
    assert diary.began == [("a", 3600)]


async def test_one_who_asks_for_time_is_given_it_whatever_the_backoff() -> None:
    queue, moments = a_queue(delays=lambda tries: 3.0), []

    async def work(_: str) -> None:
        moments.append(asyncio.get_running_loop().time())
        if len(moments) < 3:
            raise Later("too many requests", after=20.0 if len(moments) == 1 else 0.0)

    queue.add("a")
    await run(queue, work, 100)
    assert moments == [0, 20, 23]


async def test_what_is_nearly_due_is_not_looked_at_again_and_again() -> None:
    queue, passes = a_queue(), 0
    due = 1.0

    async def work(_: str) -> float | None:
        nonlocal passes
        passes += 1
        left = due - asyncio.get_running_loop().time()
        return max(left - 1e-3, 1e-9) if left > 0 else None

    queue.add("a")
    await run(queue, work, 10)
    assert passes < 10


async def test_the_earliest_of_several_due_times_counts() -> None:
    queue, diary = a_queue(), Diary()
    for delay in (50, 20, 30):
        queue.add_after("a", delay)
    await run(queue, diary, 100)
    assert diary.began == [("a", 20)]


async def test_a_due_time_that_has_passed_is_now() -> None:
    queue = a_queue()
    queue.add_after("a", 0)
    assert len(queue) == 1


async def test_work_may_ask_to_be_done_again_later() -> None:
    queue, times = a_queue(), []

    async def work(key: str) -> float | None:
        times.append(asyncio.get_running_loop().time())
        return 10.0 if len(times) < 3 else None

    queue.add("a")
    await run(queue, work, 100)
    assert times == [0, 10, 20]


@pytest.mark.parametrize("error", [Later("not yet"), RuntimeError("a bug")])
async def test_failed_work_is_tried_again_later_and_later_and_holds_nobody_up(error: Exception) -> None:
    meter, times = Meter(), []
    queue, others = a_queue(meter), Diary()

    async def work(key: str) -> float | None:
        if key != "bad":
            return await others(key)
        times.append(asyncio.get_running_loop().time())
        if len(times) < 4:
            raise error
        return None

    queue.add("bad")
    queue.add("good")
    await run(queue, work, 100, workers=1)
    assert times == [0, 1, 3, 7]
    assert others.began == [("good", 0)]
    assert meter.retries == 3
    assert meter.results.count("error") == 3


async def test_success_ends_the_row_of_failures() -> None:
    queue, times = a_queue(), []
    outcomes = iter([True, True, False, True, False])

    async def work(key: str) -> float | None:
        times.append(asyncio.get_running_loop().time())
        if next(outcomes):
            raise Later("not yet")
        return 100.0 if len(times) == 3 else None

    queue.add("a")
    await run(queue, work, 1000)
    assert times == [0, 1, 3, 103, 104]


async def test_the_meter_knows_how_long_keys_waited() -> None:
    meter = Meter()
    queue = a_queue(meter)
    for key in "abc":
        queue.add(key)
    await run(queue, Diary(seconds=5), 100, workers=1)
    assert meter.waits == [0, 5, 10]
    assert meter.adds == 3


async def test_the_longest_running_work_is_known() -> None:
    queue = a_queue()
    queue.add("a")
    assert queue.longest_running() == 0
    seen = []
    asyncio.get_running_loop().call_later(7, lambda: seen.append(queue.longest_running()))
    await run(queue, Diary(seconds=10), 20)
    assert seen == [7]
    assert queue.longest_running() == 0


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_back_off_doubles_up_to_a_limit_and_is_never_nothing(tries: int, chance: float) -> None:
    delay = Backoff(base=0.5, limit=60, chance=lambda: chance)(tries)
    full = min(60, 0.5 * 2 ** min(tries, 20))
    assert full / 2 <= delay <= full


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 20)), max_size=60), st.integers(1, 4))
def test_every_key_is_worked_on_after_its_last_change(changes: list[tuple[str, int]], workers: int) -> None:
    """Whatever comes when: no two at once for a key, and none is forgotten."""

    async def scenario() -> Diary:
        queue, diary = a_queue(), Diary(seconds=3)
        for key, tick in changes:
            asyncio.get_running_loop().call_later(tick, queue.add, key)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(500):
                await queue.serve(diary, workers)
        return diary

    start = dict(sorted(changes, key=lambda change: change[1]))
    with closing(looptime.new_event_loop()) as loop:
        origin = loop.time()
        diary = loop.run_until_complete(scenario())
    last = {key: moment - origin for key, moment in diary.began}
    assert set(last) == set(start)
    assert all(last[key] >= moment for key, moment in start.items())
    assert len(diary.began) <= len(changes)
