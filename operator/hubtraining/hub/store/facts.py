"""Everything about one model that an answer may need, read in one snapshot."""

import sqlite3
from dataclasses import dataclass

from hubtraining.hub.callers import Caller
from hubtraining.hub.refusals import NotThere
from hubtraining.hub.store import checkpoints, claims, items, models, weights
from hubtraining.hub.store.checkpoints import CheckpointRow
from hubtraining.hub.store.claims import Claim
from hubtraining.hub.store.items import ItemRow
from hubtraining.hub.store.models import ModelRow
from hubtraining.hub.store.weights import WeightsRow


@dataclass(frozen=True)
class Facts:
    """A model with what it refers to."""

    model: ModelRow
    dataset: ItemRow | None
    """The hub's own data set; None when the name means nothing here and the trainer may know it."""
    parent: WeightsRow | None
    last: CheckpointRow | None
    best: CheckpointRow | None
    claim: Claim | None
    """Of the session that wrote last."""


def gather(connection: sqlite3.Connection, model: str, caller: Caller) -> Facts:
    """The facts of one model; raises NotThere or Forbidden."""
    return of_row(connection, models.get(connection, model, caller))


def of_row(connection: sqlite3.Connection, row: ModelRow) -> Facts:
    """The facts of a row."""
    last, best = checkpoints.marked(connection, row)
    return Facts(
        model=row,
        dataset=_dataset(connection, row),
        parent=weights.find(connection, row.parent) if row.parent else None,
        last=last,
        best=best,
        claim=next(iter(claims.of_model(connection, row.id)), None),
    )


def _dataset(connection: sqlite3.Connection, row: ModelRow) -> ItemRow | None:
    if (dataset_id := row.dataset.get("id")) is not None:
        try:
            return items.get(connection, "dataset", dataset_id)
        except NotThere:  # deleted since: the name may still lead somewhere
            return None
    name = row.dataset.get("name")
    return items.by_name(connection, "dataset", name) if name else None
