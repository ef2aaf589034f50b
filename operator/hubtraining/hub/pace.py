"""How often a training session speaks to its hub, and how long it waits after a failure. Pure."""

import msgspec

from hubtraining.hub.errors import HubError, HubUnavailable

SLOW = 300.0
"""Seconds: the longest wait that we choose ourselves."""

PATIENCE = 3600.0
"""Seconds: the longest wait that a hub may ask for."""


class RateLimits(msgspec.Struct, frozen=True):
    """Seconds between two of a kind."""

    metrics: float = 3.0
    checkpoint: float = 900.0
    heartbeat: float = 300.0


PROTOCOL_LIMITS = RateLimits()


SHORTEST = 1.0
"""Seconds: a hub that asks for no time at all is not asked in a loop."""


def wait_after(error: HubError, failures: int, usual: float) -> float:
    """Seconds until the next try of something that must not be given up.

    ``failures`` counts those in a row, from 1. What may pass is tried again soon, what needs a person or a new key
    slowly; a hub that names a time gets it.
    """
    if isinstance(error, HubUnavailable):
        if error.retry_after is not None:
            return max(usual, SHORTEST, min(error.retry_after, PATIENCE))
        return _growing(max(usual, SHORTEST), failures, 60.0)
    return _growing(max(usual, 30.0), failures, SLOW)


def beat_after(error: HubError, failures: int, usual: float) -> float:
    """Seconds until a heartbeat is tried again: sooner than ``usual``, unless the hub asked for more."""
    wait = wait_after(error, failures, 0.0)
    asked = isinstance(error, HubUnavailable) and error.retry_after is not None
    return wait if asked else min(usual, wait)


def _growing(first: float, failures: int, most: float) -> float:
    return max(first, min(first * 2.0 ** min(failures - 1, 30), most))
