"""A hub that does not answer is left alone for a while."""

from dataclasses import dataclass

from hubtraining.controller.hubs.breaker import Breaker


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def a_breaker(clock: Clock) -> Breaker:
    return Breaker(clock, limit=3, rest=30.0)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_a_few_failures_are_no_reason() -> None:
    breaker = a_breaker(Clock())
    fail(breaker, 2)
    assert breaker.closed_for() == 0


def test_failures_in_a_row_give_the_hub_a_rest() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    fail(breaker, 3)
    assert breaker.closed_for() == 30
    clock.now += 10
    assert breaker.closed_for() == 20


def test_an_answer_ends_the_row() -> None:
    breaker = a_breaker(Clock())
    fail(breaker, 2)
    assert not breaker.succeeded()
    fail(breaker, 2)
    assert breaker.closed_for() == 0


def test_after_the_rest_one_failure_is_enough_for_the_next() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    fail(breaker, 3)
    clock.now += 30
    assert breaker.closed_for() == 0
    breaker.failed()
    assert breaker.closed_for() == 30


def test_while_one_tries_after_the_rest_the_others_wait() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    fail(breaker, 3)
    clock.now += 30
    breaker.begun()
    assert breaker.closed_for() == 30


def test_trying_a_hub_that_is_well_keeps_nobody_waiting() -> None:
    breaker = a_breaker(Clock())
    breaker.begun()
    assert breaker.closed_for() == 0


def test_after_the_rest_an_answer_makes_all_well() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    fail(breaker, 3)
    clock.now += 31
    assert breaker.succeeded()
    fail(breaker, 2)
    assert breaker.closed_for() == 0
