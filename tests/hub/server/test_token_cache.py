"""How long the API server's word is remembered."""

import asyncio

import pytest
from builders.hub import Clock
from builders.tokens import Reviews, a_pod_caller, a_token

from hubtraining.hub.callers import Caller
from hubtraining.hub.refusals import Later, Unauthorized
from hubtraining.hub.server import token_cache
from hubtraining.hub.server.token_cache import CachedReviewer, expiry

CALLER = a_pod_caller()


async def test_a_token_is_asked_about_once_in_a_while() -> None:
    clock, token = Clock(), a_token(2_000_000_000)
    reviews = Reviews({token: CALLER})
    cached = CachedReviewer(reviews, 300, clock)
    for seconds, asked in [(0, 1), (299, 1), (1, 2)]:
        clock.pass_(seconds)
        assert await cached.review(token) == CALLER
        assert len(reviews.asked) == asked


async def test_a_token_is_never_trusted_beyond_its_own_end() -> None:
    clock = Clock()
    token = a_token(clock.now + 10)
    reviews = Reviews({token: CALLER})
    cached = CachedReviewer(reviews, 300, clock)
    await cached.review(token)
    clock.pass_(10)
    del reviews.callers[token]
    with pytest.raises(Unauthorized):
        await cached.review(token)


async def test_a_refusal_is_repeated_for_a_short_time() -> None:
    clock, reviews = Clock(), Reviews()
    cached = CachedReviewer(reviews, 300, clock)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            await cached.review("bad")
    reviews.callers["bad"] = CALLER
    clock.pass_(token_cache.REFUSED_SECONDS)
    assert await cached.review("bad") == CALLER
    assert reviews.asked == ["bad", "bad"]


async def test_no_answer_is_not_remembered() -> None:
    class Failing:
        asked = 0

        async def review(self, token: str) -> Caller:
            self.asked += 1
            raise Later("no answer")

    failing = Failing()
    cached = CachedReviewer(failing, 300, Clock())
    for _ in range(2):
        with pytest.raises(Later):
            await cached.review("x")
    assert failing.asked == 2


async def test_equal_questions_at_the_same_time_are_asked_once() -> None:
    class Slow(Reviews):
        async def review(self, token: str) -> Caller:
            await asyncio.sleep(0)
            return await super().review(token)

    slow = Slow({"a": CALLER})
    cached = CachedReviewer(slow, 300, Clock())
    assert await asyncio.gather(*(cached.review("a") for _ in range(20))) == [CALLER] * 20
    assert slow.asked == ["a"]


async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "MAX_CACHED", 2)
    clock = Clock()
    reviews = Reviews({str(number): CALLER for number in range(5)})
    cached = CachedReviewer(reviews, 300, clock)
    for number in range(5):
        await cached.review(str(number))
    await cached.review("0")
    await cached.review("4")
    assert reviews.asked == ["0", "1", "2", "3", "4", "4"]
    clock.pass_(300)
    await cached.review("4")
    await cached.review("4")
    assert reviews.asked[6:] == ["4"]


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.e30.c", "a.bnVsbA.c", "a.\u00e9.c", "a.W10.c"])
def test_a_token_that_says_no_end_has_the_default(token: str) -> None:
    assert expiry(token, 7.0) == 7.0


def test_a_tokens_end_is_read() -> None:
    assert expiry(a_token(12345), 7.0) == 12345
