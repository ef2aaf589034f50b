"""What ``GET /v1/models/{id}`` says, made from what the store knows."""

from collections.abc import Callable
from datetime import UTC, datetime

from hubtraining.hub import wire
from hubtraining.hub.links import file_name
from hubtraining.hub.refusals import InUse
from hubtraining.hub.store.checkpoints import CheckpointRow
from hubtraining.hub.store.facts import Facts

Link = Callable[[str, str], str]
"""From SHA-256 and file name to a URL that anyone may fetch for a while."""


def view(facts: Facts, link: Link) -> wire.Model:
    """The model as clients read it.

    Raises InUse (409) when a model that is to be trained has no data to train on: a client that got partial
    arguments would train on a default data set and report it as this model.
    """
    data = data_of(facts, link)
    if data is None and facts.model.status != "trained":
        raise InUse(_no_data(facts))
    return _model(facts, data, link)


def listed(facts: Facts, link: Link) -> wire.Model:
    """The same for a list, which no missing data set may break."""
    return _model(facts, data_of(facts, link), link)


def data_of(facts: Facts, link: Link) -> str | None:
    """A link to the hub's own data set, or the name that the trainer resolves; None while the zip is not there."""
    if facts.dataset is None:
        name = facts.model.dataset.get("name")
        return str(name) if name and "id" not in facts.model.dataset else None
    if facts.dataset.sha256 is None:
        return None
    return link(facts.dataset.sha256, file_name(facts.dataset.name, ".zip"))


def _no_data(facts: Facts) -> str:
    if facts.dataset is not None:
        return f"the data set {facts.dataset.name!r} may still be processing: it has no file yet"
    if "id" in facts.model.dataset:
        return "the model's data set was deleted"
    return "the model names no data set"


def _model(facts: Facts, data: str | None, link: Link) -> wire.Model:
    row, claim = facts.model, facts.claim
    trained = row.status == "trained"
    config = row.config
    return wire.Model(
        id=row.id,
        status=row.status,
        has_last_weights=facts.last is not None,
        has_best_weights=facts.best is not None,
        is_pretrained=facts.parent is not None,
        is_custom=facts.parent is not None,
        cfg=_architecture(facts),
        data=data,
        weights=_weights(facts, link, trained=trained),
        resume=_checkpoint_link(facts.last, f"epoch-{facts.last.epoch}.pt" if facts.last else "", link),
        train_args=None if data is None else {**config, "data": data},
        batch_size=config.get("batch"),
        **{name: config.get(name) for name in ("epochs", "imgsz", "patience", "device", "cache")},
        meta=row.meta,
        dataset=row.dataset,
        project={"id": row.project} if row.project else None,
        session_uid=claim.session if claim else None,
        attempt=claim.attempt if claim else None,
        last_seen=None if row.seen_at is None else timestamp(row.seen_at),
    )


def _architecture(facts: Facts) -> str | None:
    """What to build where no weights are served: the parent's name, which the trainer may know, or a yaml."""
    if facts.model.parent is not None and facts.parent is None:
        return facts.model.parent
    return None if facts.model.architecture is None else f"{facts.model.architecture}.yaml"


def _weights(facts: Facts, link: Link, *, trained: bool) -> str | None:
    """Best weights once training can go on without the parent's, else the parent's."""
    if facts.parent is not None and not trained and facts.last is None:
        return link(facts.parent.sha256, facts.parent.name)
    return _checkpoint_link(facts.best, "best.pt", link)


def _checkpoint_link(checkpoint: CheckpointRow | None, name: str, link: Link) -> str | None:
    """The model's id stands in the name, because clients reuse local files of the same name."""
    return None if checkpoint is None else link(checkpoint.sha256, f"{checkpoint.model}-{name}")


def checkpoint_record(row: CheckpointRow) -> wire.CheckpointRecord:
    """A history entry as clients read it."""
    return wire.CheckpointRecord(
        epoch=row.epoch,
        type=row.type,
        is_best=bool(row.is_best),
        size_bytes=row.size,
        sha256=row.sha256,
        time=timestamp(row.created_at),
        session_uid=row.session or None,
        attempt=row.attempt if row.session else None,
        map=row.map,
    )


def timestamp(seconds: float) -> str:
    """Unix seconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
