"""Who calls, and for which session: what credentials and headers come down to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Writer:
    """One attempt of one session: the fence that every write of a pod passes."""

    session_uid: str
    attempt: int
    """Counts from 1; 0 when the caller did not say."""


@dataclass(frozen=True)
class Pod:
    """A pod whose token the API server vouched for, with the session that owns it."""

    namespace: str
    name: str
    uid: str
    writer: Writer


@dataclass(frozen=True)
class Caller:
    """An authenticated caller.

    A key, and the controller's service account, act for everything in this hub: a hub is one account. A ``pod``
    acts for the model of its own session only.
    """

    name: str
    """For the rate limit and the log; never a credential."""
    pod: Pod | None = None
    writer: Writer | None = None
    """The session that is written for: the pod's own, or what a key's caller said in the headers."""
    namespace: str = ""
    """Whose pods may write: the pod's own, or what the controller said in the header."""
