"""Metrics that the hub has not acknowledged: a queue of new ones and a queue of those that failed, by epoch."""

import msgspec

from hubtraining.domain.epochs import Metrics, Values, clean

MAX_EPOCHS = 500
"""Epochs in one post: a hub that was away for the whole run is not sent everything at once."""


class Outbox(msgspec.Struct, frozen=True):
    """Epochs count from 1. The newest values of an epoch win, whichever queue they are in.

    ``failed`` never holds an epoch that ``queued`` holds. Values are JSON-ready: NaN and infinities are None.
    """

    queued: dict[int, dict[str, float | None]] = {}
    failed: dict[int, dict[str, float | None]] = {}

    def __len__(self) -> int:
        return len(self.queued) + len(self.failed)

    def add(self, epoch: int, values: Values) -> "Outbox":
        """New values; they replace what waited for this epoch."""
        return Outbox({**self.queued, epoch: clean(values)}, _without(self.failed, {epoch}))

    def batch(self) -> Metrics:
        """The next post: the oldest epochs of both queues."""
        waiting = {**self.failed, **self.queued}
        return {epoch: waiting[epoch] for epoch in sorted(waiting)[:MAX_EPOCHS]}

    def acknowledged(self, batch: Metrics) -> "Outbox":
        """The hub has exactly these values; newer ones of the same epoch stay."""
        same = {epoch for epoch, values in batch.items() if values == self._of(epoch)}
        return Outbox(_without(self.queued, same), _without(self.failed, same))

    def refused(self, batch: Metrics) -> "Outbox":
        """The hub did not take these: they wait among the failed, unless newer values are queued."""
        same = {epoch for epoch, values in batch.items() if values == self.queued.get(epoch)}
        moved = {epoch: self.queued[epoch] for epoch in same}
        return Outbox(_without(self.queued, same), {**self.failed, **moved})

    def _of(self, epoch: int) -> Values | None:
        return self.queued.get(epoch, self.failed.get(epoch))


def _without(queue: dict[int, dict[str, float | None]], epochs: set[int]) -> dict[int, dict[str, float | None]]:
    return {epoch: values for epoch, values in queue.items() if epoch not in epochs}
