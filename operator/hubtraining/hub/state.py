"""What a training session knows: what it must remember, and how it gets on with its hub."""

from datetime import datetime

import msgspec

from hubtraining.hub.outbox import Outbox


class SessionState(msgspec.Struct, frozen=True):
    """What must survive a restart of the process: the session goes on from here."""

    model_id: str = ""
    agent_id: str | None = None
    metrics: Outbox = Outbox()
    uploaded_epoch: int = 0
    """Newest epoch of which the hub has a checkpoint; 0: none."""

    def to_json(self) -> bytes:
        """What :meth:`from_json` reads."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> "SessionState":
        """Raises msgspec.DecodeError for anything that :meth:`to_json` did not write."""
        return msgspec.json.decode(text, type=cls)


class Health(msgspec.Struct, frozen=True):
    """How session and hub get on."""

    last_heartbeat: datetime | None = None
    failures: int = 0
    """Failed calls in a row."""
    message: str = ""
    """The newest failure in one sentence; empty when the last call succeeded."""
    refused: bool = False
    """The newest failure was a refusal: trying again will hardly help."""


NEW = SessionState()
