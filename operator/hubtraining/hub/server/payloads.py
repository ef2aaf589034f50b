"""Bodies of requests, read into values; what cannot be read is refused with the field's name."""

from typing import Any, TypeVar

import msgspec

from hubtraining.hub import wire
from hubtraining.hub.refusals import Invalid, Malformed
from hubtraining.hub.server.numbers import epoch, finite, lenient_json, number, shown, word
from hubtraining.hub.store.metrics import Values
from hubtraining.hub.store.models import Draft

T = TypeVar("T")
JSON = dict[str, Any]

MAX_NAMES = 1000
"""Metrics of one epoch."""
MAX_NAME = 256
"""Characters of any name."""
CONFIG = {"batchSize": "batch", "epochs": "epochs", "imageSize": "imgsz", "patience": "patience"}
"""Numbers of a creation, and what training calls them."""
DEFAULTS: JSON = {"batch": -1, "epochs": 300, "imgsz": 640, "patience": 100, "device": "", "cache": "ram"}


class Named(msgspec.Struct):
    """Anything with a name."""

    name: str | None = None


class Lineage(msgspec.Struct):
    """What a model is made from."""

    architecture: Named = msgspec.field(default_factory=Named)
    parent: Named = msgspec.field(default_factory=Named)


class Creation(msgspec.Struct, rename="camel"):
    """``POST /v1/models``; also the fields that ``PATCH`` may change."""

    config: JSON | msgspec.UnsetType = msgspec.UNSET
    dataset: JSON | msgspec.UnsetType = msgspec.UNSET
    dataset_id: str | None = None
    project_id: str | None = None
    lineage: Lineage = msgspec.field(default_factory=Lineage)
    meta: JSON | msgspec.UnsetType = msgspec.UNSET


class Posting(msgspec.Struct):
    """``POST /v1/models/{id}``."""

    metrics: dict[str, Any]
    type: str = "metrics"


def decode(body: bytes, kind: type[T]) -> T:
    """A JSON body as this type; raises Malformed or Invalid with the place in it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"the body is not as expected: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("the body is not JSON") from None


def draft(creation: Creation) -> Draft:
    """A model to be created."""
    meta = creation.meta or {}
    architecture = _name("lineage.architecture.name", creation.lineage.architecture.name)
    parent = _name("lineage.parent.name", creation.lineage.parent.name)
    name = _name("meta.name", meta.get("name")) or parent or architecture or "model"
    return Draft(
        name=name,
        meta={**meta, "name": name},
        config={**DEFAULTS, **config(creation.config or {})},
        dataset=dataset(creation),
        project=_name("projectId", creation.project_id),
        architecture=architecture,
        parent=parent,
    )


def changes(creation: Creation, current_config: JSON) -> JSON:
    """The columns that a ``PATCH`` changes."""
    found: JSON = {}
    if creation.meta:
        found["meta"] = creation.meta
        if name := _name("meta.name", creation.meta.get("name")):
            found["name"] = name
    if creation.config:
        found["config"] = {**current_config, **config(creation.config)}
    if creation.dataset or creation.dataset_id:
        found["dataset"] = dataset(creation)
    if creation.project_id:
        found["project"] = _name("projectId", creation.project_id)
    return found


def config(given: JSON) -> JSON:
    """Training arguments by training's names; only those that were given."""
    numbers = {new: number(f"config.{old}", given[old]) for old, new in CONFIG.items() if old in given}
    return {**numbers, **{name: word(given[name]) for name in ("device", "cache") if name in given}}


def dataset(creation: Creation) -> JSON:
    """The data set's name, its id where one was given."""
    name = _name("dataset.name", creation.dataset.get("name") if creation.dataset else None)
    found: JSON = {} if creation.dataset_id is None else {"id": _name("datasetId", creation.dataset_id)}
    return {**found, "name": name}


def _name(field: str, value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > MAX_NAME):
        raise Invalid(f"{field} is {shown(value)}: a text of at most {MAX_NAME} characters is allowed")
    return value or None


def epochs(posting: Posting) -> dict[int, Values]:
    """Metrics by epoch. Each epoch's metrics come as JSON in a string, or as an object."""
    if posting.type != "metrics":
        raise Invalid(f"type is {shown(posting.type)}: 'metrics' is allowed")
    return {epoch("metrics", key): _values(f"metrics[{key}]", value) for key, value in posting.metrics.items()}


def _values(field: str, value: Any) -> Values:
    found = lenient_json(field, value) if isinstance(value, str) else value
    if not isinstance(found, dict) or len(found) > MAX_NAMES:
        raise Invalid(f"{field} is {shown(value)}: an object of at most {MAX_NAMES} numbers is allowed")
    return {_metric(field, name): finite(f"{field}.{shown(name)}", number) for name, number in found.items()}


def _metric(field: str, name: str) -> str:
    if len(name) > MAX_NAME or not name.isprintable():  # lone surrogates are not printable either
        raise Invalid(f"{field} names {shown(name)}: printable text of at most {MAX_NAME} characters is allowed")
    return name


def heartbeat(body: bytes) -> wire.Heartbeat:
    """A sign of life; names are cut, not refused: nothing depends on them."""
    beat = decode(body, wire.Heartbeat)
    return wire.Heartbeat(agent=beat.agent[:MAX_NAME], agent_id=beat.agent_id)
