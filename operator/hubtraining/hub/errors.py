"""What can go wrong with a hub, sorted by what the caller should do.

HubError
├── HubUnavailable        try again later
│   ├── HubRateLimited    try again after ``retry_after`` seconds
│   └── HubUntrusted      tell the user whom to trust; it may also be a certificate that is being renewed
└── HubRefused            trying again will not help
    ├── HubUnauthorized   read the key again, ask the user (401, 403)
    ├── HubNotFound       there is no such thing (404)
    ├── HubConflict       another writer, or a newer attempt, has it (409)
    │   └── HubNotReady   the model cannot be read yet: its data set may still be processing (409)
    └── HubProtocolError  an answer that no hub gives: HTML, not JSON, fields missing
"""


class HubError(Exception):
    """Anything that a hub call may raise. Its text names no key and copies no body."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class HubUnavailable(HubError):
    """No answer, or an answer that says "later": network errors, 408, 429, 5xx."""

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after
        """Seconds, where the hub named them."""


class HubRateLimited(HubUnavailable):
    """429."""


class HubUntrusted(HubUnavailable):
    """The other end's certificate is not trusted."""


class HubRefused(HubError):
    """A 4xx that stays one."""


class HubUnauthorized(HubRefused):
    """401 or 403."""


class HubNotFound(HubRefused):
    """404."""


class HubConflict(HubRefused):
    """409."""


class HubNotReady(HubConflict):
    """409 on reading a model."""


class HubProtocolError(HubRefused):
    """The other end is not a hub, or not one that we understand."""
