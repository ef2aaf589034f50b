"""What the API server said of a token, remembered for a while."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from hubtraining.hub.callers import Caller
from hubtraining.hub.refusals import Forbidden, Unauthorized
from hubtraining.hub.server.tokens import Reviewer

REFUSED_SECONDS = 10.0
"""How long a refusal is repeated without asking again: a new pod's token may be seen before the pod."""
MAX_CACHED = 20_000


@dataclass(frozen=True)
class _Known:
    """An answer that was given, good until a moment of the clock."""

    answer: Caller | Unauthorized | Forbidden
    until: float


class CachedReviewer:
    """Remembers answers, so that a busy agent costs the API server one question in ``seconds``.

    ``clock``: unix seconds. A token is kept as a hash, and never longer than it lives itself.
    """

    def __init__(self, reviewer: Reviewer, seconds: float, clock: Callable[[], float]) -> None:
        self._reviewer = reviewer
        self._seconds = seconds
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._asking: dict[bytes, asyncio.Lock] = {}

    async def review(self, token: str) -> Caller:
        """As the reviewer says, or said a while ago; equal questions at the same time are asked once."""
        key = hashlib.sha256(token.encode(errors="replace")).digest()
        known = self._fresh(key)
        if known is None:
            known = await self._ask_once(key, token)
        if isinstance(known.answer, Exception):
            raise known.answer
        return known.answer

    def _fresh(self, key: bytes) -> _Known | None:
        known = self._known.get(key)
        return known if known is not None and self._clock() < known.until else None

    async def _ask_once(self, key: bytes, token: str) -> _Known:
        try:
            async with self._asking.setdefault(key, asyncio.Lock()):
                return self._fresh(key) or await self._ask(key, token)
        finally:
            self._asking.pop(key, None)

    async def _ask(self, key: bytes, token: str) -> _Known:
        now = self._clock()
        try:
            caller = await self._reviewer.review(token)
        except (Unauthorized, Forbidden) as refusal:
            known = _Known(refusal, now + REFUSED_SECONDS)
        else:
            known = _Known(caller, min(now + self._seconds, expiry(token, now + self._seconds)))
        if len(self._known) >= MAX_CACHED:
            self._known = {old: value for old, value in self._known.items() if now < value.until}
        if len(self._known) < MAX_CACHED:
            self._known[key] = known
        return known


def expiry(token: str, default: float) -> float:
    """When the token ends by its own words, in unix seconds. The API server has checked them already."""
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error, msgspec.DecodeError):
        return default
