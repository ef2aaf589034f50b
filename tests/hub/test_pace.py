import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.hub.errors import HubError, HubRateLimited, HubRefused, HubUnauthorized, HubUnavailable
from hubtraining.hub.pace import PATIENCE, PROTOCOL_LIMITS, SHORTEST, SLOW, beat_after, wait_after


def test_the_protocols_limits() -> None:
    assert (PROTOCOL_LIMITS.metrics, PROTOCOL_LIMITS.checkpoint, PROTOCOL_LIMITS.heartbeat) == (3, 900, 300)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 3), (2, 6), (3, 12), (6, 60), (99, 60)])
def test_an_unavailable_hub_is_tried_again_soon(failures: int, seconds: float) -> None:
    assert wait_after(HubUnavailable("later"), failures, 3.0) == seconds


@pytest.mark.parametrize(("failures", "seconds"), [(1, 30), (2, 60), (5, SLOW), (99, SLOW)])
def test_a_refusal_is_tried_again_slowly(failures: int, seconds: float) -> None:
    assert wait_after(HubUnauthorized("no"), failures, 3.0) == seconds


@pytest.mark.parametrize(("asked", "seconds"), [(0.0, 3.0), (40.0, 40.0), (1e9, PATIENCE)])
def test_a_hub_gets_the_time_that_it_asks_for_within_reason(asked: float, seconds: float) -> None:
    assert wait_after(HubRateLimited("slow down", retry_after=asked), 1, 3.0) == seconds


def test_a_hub_that_asks_for_no_time_is_not_asked_in_a_loop() -> None:
    assert wait_after(HubRateLimited("slow down", retry_after=0.0), 1, 0.0) == SHORTEST


@pytest.mark.parametrize(
    ("error", "failures", "seconds"),
    [
        (HubUnavailable("later"), 1, 1),
        (HubUnavailable("later"), 9, 60),
        (HubUnauthorized("no"), 1, 30),
        (HubUnauthorized("no"), 9, 200),
        (HubRateLimited("slow down", retry_after=500.0), 1, 500),
    ],
)
def test_a_heartbeat_is_tried_again_sooner_than_usual_unless_the_hub_asked_for_more(
    error: HubError, failures: int, seconds: float
) -> None:
    assert beat_after(error, failures, 200.0) == seconds


@given(
    st.sampled_from([HubUnavailable, HubRateLimited, HubRefused, HubUnauthorized]),
    st.integers(1, 10**6),
    st.floats(0, 900),
)
def test_no_wait_is_shorter_than_usual_or_without_end(kind: type[HubError], failures: int, usual: float) -> None:
    assert usual <= wait_after(kind("no"), failures, usual) <= max(usual, SLOW)
