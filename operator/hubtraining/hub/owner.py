"""What the hub's owner does on its data folder; a server may be serving it meanwhile."""

import secrets
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, TypeVar

from hubtraining.hub.checkpoint_check import check_checkpoint, check_dataset
from hubtraining.hub.refusals import Invalid
from hubtraining.hub.settings import HubSettings
from hubtraining.hub.start_names import check_weights_name
from hubtraining.hub.store import DATABASE, filesystem, items, keys, weights
from hubtraining.hub.store.blobs import Blobs
from hubtraining.hub.store.database import Work, prepare, transact
from hubtraining.hub.store.keys import KeyRecord
from hubtraining.hub.store.weights import WeightsRow

T = TypeVar("T")
CHUNK = 1 << 20


def create_key(data: Path, name: str) -> str:
    """A new key's text."""
    _check_name("key", name)
    return _write(data, lambda connection: keys.create(connection, name, time.time()))


def list_keys(data: Path) -> list[KeyRecord]:
    """All keys."""
    return _write(data, keys.records)


def revoke_key(data: Path, name_or_id: str) -> int:
    """End keys; returns how many."""
    return _write(data, lambda connection: keys.revoke(connection, name_or_id, time.time()))


def add_dataset(data: Path, name: str, source: BinaryIO) -> str:
    """Store a data set's zip under a name; returns its id."""
    _check_name("data set", name)
    sha256, size = _take(data, source, check_dataset)

    def work(connection: items.Connection) -> str:
        known = items.by_name(connection, "dataset", name)
        body = {"meta": {"name": name}}
        item = known.id if known else items.create(connection, "dataset", name, body, None, time.time())
        items.set_file(connection, item, sha256, size, f"{name}.zip", time.time())
        return item

    return _write(data, work)


def add_weights(data: Path, name: str, source: BinaryIO) -> str:
    """Store start weights under a name; returns their SHA-256."""
    check_weights_name(name)
    sha256, size = _take(data, source, check_checkpoint)
    row = WeightsRow(name, sha256, size, time.time())
    _write(data, lambda connection: weights.put(connection, row))
    return sha256


def _check_name(what: str, name: str) -> None:
    if not 0 < len(name) <= 256 or not name.isprintable():
        raise Invalid(f"a name of a {what} has 1 to 256 printable characters")


def _take(data: Path, source: BinaryIO, check: Callable[[Path], None]) -> tuple[str, int]:
    """A file from a stream, checked and durable: its SHA-256 and size."""
    filesystem.prepare(data)
    blobs = Blobs(data, reserve=HubSettings().min_free_bytes)
    blobs.prepare()
    with blobs.spool(f"owner-{secrets.token_hex(4)}") as spool:
        while piece := source.read(CHUNK):
            spool.write(piece)
        check(spool.path)
        return blobs.keep(spool), spool.size


def _write(data: Path, work: Work[T]) -> T:
    filesystem.prepare(data)
    with closing(prepare(data / DATABASE)) as connection:
        (result,) = transact(connection, [work])
    if isinstance(result, Exception):
        raise result
    outcome: T = result
    return outcome
