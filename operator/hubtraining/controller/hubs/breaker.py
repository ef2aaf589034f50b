"""Spares a hub that does not answer, and those who wait for it."""

from collections.abc import Callable


class Breaker:
    """After ``limit`` failures in a row, calls are not even tried for ``rest`` seconds; then one may try again."""

    def __init__(self, clock: Callable[[], float], rest: float, limit: int = 5) -> None:
        self._clock = clock
        self._limit = limit
        self._rest = rest
        self._failures = 0
        self._closed_until = 0.0

    def closed_for(self) -> float:
        """Seconds until the next call may be tried; 0 when it may be now."""
        return max(0.0, self._closed_until - self._clock())

    def begun(self) -> None:
        """A call is tried: after a rest, the others wait for what becomes of it."""
        self._close_if_failing()

    def succeeded(self) -> bool:
        """The hub answered; whether it had been spared before."""
        recovered = self._failures >= self._limit
        self._failures = 0
        self._closed_until = 0.0
        return recovered

    def failed(self) -> None:
        """The hub did not answer."""
        self._failures += 1
        self._close_if_failing()

    def _close_if_failing(self) -> None:
        if self._failures >= self._limit:
            self._closed_until = self._clock() + self._rest
