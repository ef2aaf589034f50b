"""What can go wrong with the API server, sorted by what the caller should do.

KubeError
├── KubeUnavailable     try again later (no answer, 429, 5xx)
├── KubeConflict        look again: the object changed meanwhile (409)
│   └── AlreadyExists   look whose it is (409 on creation)
├── KubeNotFound        there is no such thing (404)
├── KubeExpired         list again: the watch's version is too old (410)
├── NotLeading          leave: another controller may lead by now, so nothing was sent
└── KubeRefused         trying again will not help: the API server's words say why (400, 401, 403, 413, 422)
"""

from collections.abc import Mapping
from typing import Any


class KubeError(Exception):
    """Anything that a call to the API server may raise. Its text is the API server's own message."""

    def __init__(self, message: str, *, status: int | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        """The API server's CamelCase reason, such as ``AlreadyExists``."""


class KubeUnavailable(KubeError):
    """No answer, or one that says "later"."""

    def __init__(
        self, message: str, *, status: int | None = None, reason: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status, reason=reason)
        self.retry_after = retry_after
        """Seconds, where the API server named them."""


class KubeConflict(KubeError):
    """The object is not as we last saw it."""


class AlreadyExists(KubeConflict):
    """Something of this name is there."""


class KubeNotFound(KubeError):
    """Nothing of this name is there."""


class KubeExpired(KubeError):
    """The version to continue from is gone."""


class NotLeading(KubeError):
    """A write that was not sent, because the lease is not ours any more."""


class KubeRefused(KubeError):
    """An answer that stays the same until somebody changes something."""


def error_of(code: int, body: Mapping[str, Any], retry_after: float | None = None) -> KubeError:
    """The error that an answer above 399 stands for; ``body`` is a ``metav1.Status`` or empty."""
    message = str(body.get("message") or f"the API server answered {code}")
    reason = str(body.get("reason") or "")
    if code == 404:
        return KubeNotFound(message, status=code, reason=reason)
    if code == 409:
        conflict = AlreadyExists if reason == "AlreadyExists" else KubeConflict
        return conflict(message, status=code, reason=reason)
    if code == 410:
        return KubeExpired(message, status=code, reason=reason)
    if code == 429 or code >= 500:
        return KubeUnavailable(message, status=code, reason=reason, retry_after=retry_after)
    return KubeRefused(message, status=code, reason=reason)
