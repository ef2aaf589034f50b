"""What the hub has and what it has not: a fold over entries, so that the same entries give the same ledger."""

import hashlib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Literal

import msgspec

from hubtraining.domain.epochs import Values
from hubtraining.domain.report import Checkpoint

Slot = Literal["latest", "best", "final"]


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """The first entry: whose ledger this is."""

    session_uid: str
    attempt: int


class Finished(msgspec.Struct, frozen=True, tag="epoch"):
    """An epoch was finished; a later entry of the same epoch replaces an earlier one."""

    epoch: int
    metrics: Values


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """The hub acknowledged these epochs, each with the digest of what it has."""

    epochs: dict[int, str]


class Uploaded(msgspec.Struct, frozen=True, tag="uploaded"):
    """The hub acknowledged a checkpoint."""

    slots: tuple[Slot, ...]
    checkpoint: Checkpoint
    number: int
    """Which acknowledged upload of this run it was, from 1."""


class Named(msgspec.Struct, frozen=True, tag="named"):
    """The hub gave this agent an id."""

    agent_id: str | None


Entry = Begun | Finished | Taken | Uploaded | Named


class Ledger:
    """The sum of all entries. Metrics are kept encoded: a hub may be away for thousands of epochs."""

    def __init__(self) -> None:
        self.begun: Begun | None = None
        self.agent_id: str | None = None
        self.uploads: dict[Slot, Checkpoint] = {}
        self.uploaded = 0
        self._waiting: dict[int, bytes] = {}
        self._taken: dict[int, str] = {}

    @property
    def waiting(self) -> int:
        """Epochs that the hub has not acknowledged."""
        return len(self._waiting)

    def knows(self, epoch: int, metrics: Values) -> bool:
        """Whether an entry with just these metrics is there already."""
        encoded = _encoded(metrics)
        return self._waiting.get(epoch) == encoded or (
            epoch not in self._waiting and self._taken.get(epoch) == _digest(encoded)
        )

    def metrics(self) -> dict[int, dict[str, float | None]]:
        """What waits, by epoch."""
        return {epoch: _decoded(encoded) for epoch, encoded in sorted(self._waiting.items())}

    def gone(self, waiting: AbstractSet[int]) -> Taken:
        """The entry that acknowledges all that waits here but not there."""
        return Taken({epoch: _digest(data) for epoch, data in self._waiting.items() if epoch not in waiting})

    def has(self, slot: Slot, sha256: str) -> bool:
        """Whether the hub's newest checkpoint of this slot is this file."""
        checkpoint = self.uploads.get(slot)
        return checkpoint is not None and checkpoint.sha256 == sha256

    def add(self, entry: Entry) -> None:
        """Fold one entry in."""
        match entry:
            case Begun():
                self.begun = entry
            case Finished(epoch, metrics):
                self._waiting[epoch] = _encoded(metrics)
            case Taken(epochs):
                self._take(epochs)
            case Uploaded(slots, checkpoint, number):
                self.uploads.update(dict.fromkeys(slots, checkpoint))
                self.uploaded = max(self.uploaded, number)
            case Named(agent_id):
                self.agent_id = agent_id

    def entries(self) -> Iterator[Entry]:
        """Fewer entries that give the same ledger."""
        if self.begun:
            yield self.begun
        yield Named(self.agent_id)
        yield Taken(dict(self._taken))
        for epoch, encoded in self._waiting.items():
            yield Finished(epoch, _decoded(encoded))
        for slot, checkpoint in self.uploads.items():
            yield Uploaded((slot,), checkpoint, self.uploaded)

    def _take(self, epochs: Mapping[int, str]) -> None:
        self._taken.update(epochs)
        for epoch, digest in epochs.items():
            if epoch in self._waiting and _digest(self._waiting[epoch]) == digest:
                del self._waiting[epoch]


def _decoded(encoded: bytes) -> dict[str, float | None]:
    return msgspec.json.decode(encoded, type=dict[str, float | None])


def _encoded(metrics: Values) -> bytes:
    return msgspec.json.encode(metrics)


def _digest(encoded: bytes) -> str:
    return hashlib.blake2b(encoded, digest_size=8).hexdigest()
