"""Rate limits: so many requests of one caller in a window of time."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from hubtraining.hub.refusals import TooMany
from hubtraining.hub.settings import RateLimit

MAX_CALLERS = 50_000


@dataclass
class _Window:
    ends: float
    used: int = 0


class RateLimits:
    """Counts requests by caller. ``clock``: unix seconds."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def count(self, caller: str) -> None:
        """Take one request of the caller's; raises TooMany with the headers that say when to come back."""
        if not self._limit.requests:
            return
        window = self._window(caller, self._clock())
        if window.used >= self._limit.requests:
            raise self._refusal(window, self._clock())
        window.used += 1

    def _window(self, caller: str, now: float) -> _Window:
        window = self._windows.get(caller)
        if window is None or now >= window.ends:
            if len(self._windows) >= MAX_CALLERS:
                self._windows = {name: old for name, old in self._windows.items() if now < old.ends}
            window = self._windows[caller] = _Window(now + self._limit.seconds)
        return window

    def _refusal(self, window: _Window, now: float) -> TooMany:
        wait = max(1, math.ceil(window.ends - now))
        headers = {
            "retry-after": str(wait),
            "x-ratelimit-limit": str(self._limit.requests),
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(math.ceil(window.ends)),
        }
        message = f"rate limit reached: {self._limit.requests} requests in {self._limit.seconds} s; wait {wait} s"
        return TooMany(message, headers=headers)
