import asyncio

import pytest

from hubtraining.hub.errors import (
    HubConflict,
    HubError,
    HubNotFound,
    HubProtocolError,
    HubRateLimited,
    HubRefused,
    HubUnauthorized,
    HubUnavailable,
)
from hubtraining.hub.retry import CALL, UPLOAD, Policy, delay, persist

pytestmark = pytest.mark.looptime


class Calls:
    """Fails with each error in turn, then succeeds; remembers when it was called."""

    def __init__(self, *errors: HubError, seconds: float = 0.0) -> None:
        self.errors = list(errors)
        self.seconds = seconds
        self.times: list[float] = []

    async def __call__(self) -> str:
        self.times.append(now())
        await asyncio.sleep(self.seconds)
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def now() -> float:
    return asyncio.get_running_loop().time()


def exactly() -> float:
    """Jitter that changes nothing."""
    return 0.5


def unavailable(retry_after: float | None = None) -> HubUnavailable:
    return HubUnavailable("later", status=503, retry_after=retry_after)


async def test_a_call_that_succeeds_is_made_once() -> None:
    calls = Calls()

    assert await persist(calls) == "done"
    assert calls.times == [0]


async def test_the_waits_double() -> None:
    calls = Calls(unavailable(), unavailable())

    assert await persist(calls, CALL, jitter=exactly) == "done"
    assert calls.times == [0, 1, 3]


async def test_small_calls_are_given_up_after_three_tries() -> None:
    calls = Calls(*[unavailable() for _ in range(9)])

    with pytest.raises(HubUnavailable):
        await persist(calls, jitter=exactly)
    assert len(calls.times) == 3


async def test_uploads_are_tried_ten_times_within_an_hour() -> None:
    calls = Calls(*[unavailable() for _ in range(99)])

    with pytest.raises(HubUnavailable):
        await persist(calls, UPLOAD, jitter=exactly)
    assert calls.times == [0, 1, 3, 7, 15, 31, 63, 127, 255, 511]


async def test_the_hubs_own_time_is_waited_for() -> None:
    calls = Calls(unavailable(retry_after=7.5))

    await persist(calls, jitter=exactly)

    assert calls.times == [0, 7.5]


async def test_a_hub_that_wants_more_time_than_is_left_is_not_called_again() -> None:
    calls = Calls(HubRateLimited("slow down", status=429, retry_after=31.0))

    with pytest.raises(HubRateLimited) as caught:
        await persist(calls)
    assert (len(calls.times), caught.value.retry_after, now()) == (1, 31.0, 0)


@pytest.mark.parametrize("kind", [HubRefused, HubUnauthorized, HubNotFound, HubConflict, HubProtocolError])
async def test_what_will_not_pass_is_not_tried_again(kind: type[HubError]) -> None:
    calls = Calls(kind("no"))

    with pytest.raises(kind):
        await persist(calls)
    assert len(calls.times) == 1


async def test_all_tries_together_have_one_limit() -> None:
    calls = Calls(*[unavailable() for _ in range(9)], seconds=20.0)

    with pytest.raises(HubUnavailable, match="within 30 s"):
        await persist(calls, jitter=exactly)
    assert (calls.times, now()) == ([0, 21], 30)


async def test_a_call_that_never_ends_is_ended() -> None:
    with pytest.raises(HubUnavailable, match="no answer within 5 s"):
        await persist(lambda: asyncio.sleep(1e9), Policy(tries=3, seconds=5.0))


async def test_the_wait_can_be_replaced() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    await persist(Calls(unavailable(), unavailable(3.0)), jitter=exactly, sleep=sleep)

    assert waits == [1.0, 3.0]


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, 2.0), (0.5, 4.0), (0.999, 5.996)])
def test_the_jitter_spreads_the_waits(jitter: float, expected: float) -> None:
    assert delay(2, None, jitter) == pytest.approx(expected)
