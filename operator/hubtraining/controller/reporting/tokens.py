"""Who sends a report: the token is checked by the API server, and believed until it expires or its pod is gone."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from hubtraining.controller.cluster.cache import PodCache
from hubtraining.controller.values.pods import PodView
from hubtraining.domain.names import AUDIENCE_CONTROLLER

REVIEWS = 8
"""At the same time."""
MOST_KNOWN = 50_000

Review = Callable[[str, str], Awaitable[Mapping[str, Any]]]
"""Token and audience to the status of a TokenReview."""


class TokenRefused(Exception):
    """The token does not say what it must; the text says why, and never what it was."""


class Claims(msgspec.Struct, frozen=True):
    """What a projected token says about itself; believed only once the API server has vouched for it."""

    audiences: tuple[str, ...]
    expires: float
    pod_uid: str


class Tokens:
    """Checks bearer tokens of agents."""

    def __init__(self, review: Review, pods: PodCache, clock: Callable[[], float], most: int = MOST_KNOWN) -> None:
        self._review = review
        self._pods = pods
        self._clock = clock
        self._most = most
        self._known: dict[bytes, Claims] = {}
        self._turns = asyncio.Semaphore(REVIEWS)

    def __len__(self) -> int:
        """How many tokens are known."""
        return len(self._known)

    async def pod(self, token: str) -> PodView:
        """The pod that speaks. Raises TokenRefused, and KubeError when the API server cannot be asked."""
        digest = hashlib.sha256(token.encode()).digest()
        claims = self._known.get(digest)
        if claims is None:
            claims = await self._checked(token)
            self._remember(digest, claims)
        if claims.expires <= self._clock():
            del self._known[digest]
            raise TokenRefused("the token has expired")
        return self._present(claims)

    async def _checked(self, token: str) -> Claims:
        """Cheap doubts first: only a token that names one of our pods is worth a question to the API server."""
        claims = read(token)
        self._present(claims)
        async with self._turns:
            status = await self._review(token, AUDIENCE_CONTROLLER)
        if not status.get("authenticated") or AUDIENCE_CONTROLLER not in (status.get("audiences") or ()):
            raise TokenRefused("the API server does not know the token, or not for this audience")
        extra = (status.get("user") or {}).get("extra") or {}
        if extra.get("authentication.kubernetes.io/pod-uid") != [claims.pod_uid]:
            raise TokenRefused("the token belongs to another pod")
        return claims

    def _present(self, claims: Claims) -> PodView:
        if AUDIENCE_CONTROLLER not in claims.audiences:
            raise TokenRefused("the token is for another audience")
        pod = self._pods.get(claims.pod_uid)
        if pod is None:
            raise TokenRefused("the token's pod is no training pod, or is gone")
        return pod

    def _remember(self, digest: bytes, claims: Claims) -> None:
        if len(self._known) >= self._most:
            now = self._clock()
            self._known = {known: each for known, each in self._known.items() if each.expires > now}
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[digest] = claims


def read(token: str) -> Claims:
    """The claims of a token, unverified. Raises TokenRefused."""
    try:
        payload = token.split(".")[1]
        body = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Payload)
    except (IndexError, binascii.Error, ValueError, msgspec.DecodeError):
        raise TokenRefused("the token is no service account token") from None
    pod = body.kubernetes.pod
    if pod is None:
        raise TokenRefused("the token is not bound to a pod")
    return Claims(body.aud, body.exp, pod.uid)


class _Pod(msgspec.Struct):
    uid: str


class _Kubernetes(msgspec.Struct):
    pod: _Pod | None = None


class _Payload(msgspec.Struct):
    aud: tuple[str, ...]
    exp: float
    kubernetes: _Kubernetes = msgspec.field(name="kubernetes.io")
