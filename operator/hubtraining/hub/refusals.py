"""Answers other than success, as the server's code raises them.

The text goes to the caller: one sentence that names what was given and what is allowed, never a key or a path of
the server.
"""

from collections.abc import Mapping


class Refusal(Exception):
    """An answer with this HTTP status and sentence; ``headers`` go with it."""

    status = 400

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})


class Malformed(Refusal):
    """The request cannot be read at all."""


class Unauthorized(Refusal):
    """Nobody that we know."""

    status = 401


class Forbidden(Refusal):
    """Somebody that we know, who may not do this."""

    status = 403


class NotThere(Refusal):
    """No such thing."""

    status = 404


class TooSlow(Refusal):
    """The body did not arrive in time."""

    status = 408


class InUse(Refusal):
    """Another writer has it, a newer attempt has it, or it is not ready yet."""

    status = 409


class TooLarge(Refusal):
    """A body over its limit."""

    status = 413


class Invalid(Refusal):
    """Readable, but a field is wrong."""

    status = 422


class TooMany(Refusal):
    """Over the rate limit."""

    status = 429


class NotOffered(Refusal):
    """Part of the protocol, but not of this hub."""

    status = 501


class Later(Refusal):
    """Something that we depend on does not answer."""

    status = 503


class NoSpace(Refusal):
    """The disk is full; nothing that was accepted is lost."""

    status = 507
