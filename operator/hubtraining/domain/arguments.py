"""Train arguments: what a user may write, what a hub is told of them, and what the trainer is started with."""

import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import msgspec

from hubtraining.domain import layout
from hubtraining.domain.identifiers import Identifier, IdentifierKind
from hubtraining.domain.layout import Arguments, Input
from hubtraining.domain.report import MOST
from hubtraining.domain.yolov5 import current_name

DEFAULTS: Mapping[str, Any] = {
    "batch": -1,
    "epochs": 300,
    "imgsz": 640,
    "patience": 100,
    "device": "",
    "cache": "ram",
}
"""What the hub is told, and the trainer started with, where the user says nothing."""

RESERVED: Mapping[str, str] = {
    "project": "the run folder is ours",
    "name": "the run folder is ours",
    "save_dir": "the run folder is ours",
    "exist_ok": "the run folder is ours",
    "resume": "whether a run is resumed follows from its checkpoints",
    "mode": "a session trains",
    "model": "it is named by spec.model or spec.modelFrom",
}
"""Arguments that a user cannot give, and why."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SAFE_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.pt")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_SCALARS = (str, int, float, bool, type(None))


class InvalidArguments(ValueError):
    """One sentence that names the argument, what was given, and what is allowed."""


class NoPlan(Exception):
    """The model cannot be trained now; the text says why."""


class AlreadyTrained(NoPlan):
    """The hub's model has its final weights."""

    def __init__(self, link: str) -> None:
        super().__init__(f"the model is already trained; its weights are at {link}")
        self.link = link


class DatasetNotReady(NoPlan):
    """No data set is known: never train on a default one, ask again later."""

    def __init__(self, link: str) -> None:
        super().__init__(f"the model at {link} names no data set; it may still be processing")


class ModelIncomplete(NoPlan):
    """The hub says neither which weights nor which architecture to start from."""

    def __init__(self, link: str) -> None:
        super().__init__(f"the model at {link} names neither weights nor an architecture to start from")


class ModelUnfit(NoPlan):
    """The hub has arguments that no trainer can have; whose they are, the text says."""


class ModelRecord(Protocol):
    """What planning reads of a hub's model; ``hubtraining.hub.wire.Model`` has it all."""

    id: str
    status: Any
    has_last_weights: bool
    is_pretrained: bool
    cfg: str | None
    data: str | None
    dataset: Any
    weights: str | None
    resume: str | None
    train_args: dict[str, Any] | None
    batch_size: Any
    epochs: Any
    imgsz: Any
    patience: Any
    device: Any
    cache: Any


class Plan(msgspec.Struct, frozen=True):
    """What one attempt trains, and how it begins where there is nothing to go on from."""

    model: str
    """Value of the trainer's ``model=``; empty where the hub knows only weights to go on from."""
    arguments: Arguments
    """The other arguments, ``data`` always among them; no empty strings and no nulls."""
    inputs: tuple[Input, ...]
    """What must be fetched first."""
    resumed: bool = False
    """Whether the first attempt, too, goes on from weights of the hub: they are among the inputs."""
    overridden: tuple[str, ...] = ()
    """Arguments of the user that the hub's values replaced, sorted."""
    epochs: int | None = None
    """Planned epochs, where known."""


def validate(args: Mapping[str, Any], field: str = "spec.train.args") -> Arguments:
    """The arguments as they were given, if the trainer may have them. Raises InvalidArguments."""
    for name, value in args.items():
        _validate_name(name, f"{field}.{name}")
        _validate_value(value, f"{field}.{name}")
    return dict(args)


def create_payload(identifier: Identifier, args: Mapping[str, Any], session_uid: str = "") -> dict[str, Any]:
    """Body that creates the hub's model of local weights or a local architecture.

    ``session_uid`` goes into ``meta``, so a model that was created but never recorded can be found again.
    Raises InvalidArguments without ``data``.
    """
    told = {**DEFAULTS, **args}
    parent = {"name": identifier.file_name} if identifier.kind is IdentifierKind.WEIGHTS else {}
    return {
        "config": {
            "batchSize": told["batch"],
            "epochs": told["epochs"],
            "imageSize": told["imgsz"],
            "patience": told["patience"],
            "device": _as_text(told["device"]),
            "cache": _as_text(told["cache"]),
        },
        "dataset": {"name": _required_data(args)},
        "lineage": {"architecture": {"name": identifier.stem}, "parent": parent},
        "meta": {"name": identifier.file_name} | ({"session": session_uid} if session_uid else {}),
    }


def plan(
    model: ModelRecord,
    args: Mapping[str, Any],
    identifier: Identifier,
    link: str,
    *,
    first: bool = True,
    resume: bool = True,
) -> Plan:
    """What to start the trainer with, from the hub's record and the user's arguments.

    For a model that the hub held before, the hub's values win; for one created from ``args``, these do. ``link`` is
    where people see the model. Only the ``first`` attempt asks whether the model is trained, or resumes (if it may)
    because of what the hub held before: later ones look for their own work.
    Raises AlreadyTrained, DatasetNotReady, ModelIncomplete, ModelUnfit.
    """
    if first and model.status == "trained":
        raise AlreadyTrained(link)
    hub = hub_arguments(model)
    # What a model was created with is only echoed: an argument that the user took back must not come back by the hub.
    wanted = {**hub, **DEFAULTS, **args} if identifier.file else {**DEFAULTS, **args, **hub}
    data, dataset = _data(model, wanted, link)
    start, parent = _start(model, identifier)
    last = _last(model) if resume else ()
    if not start and not last:
        raise ModelIncomplete(link)
    resumed = first and bool(last)
    used = {**wanted, "data": data}
    return Plan(
        model=start,
        arguments=_without_empty(used),
        inputs=dataset + parent + (last if resumed else ()),
        resumed=resumed,
        overridden=() if identifier.file else _differing(args, {**used, "data": _named(model, args) or data}),
        epochs=_as_count(wanted["epochs"]),
    )


def hub_arguments(model: ModelRecord) -> Arguments:
    """The hub's arguments that may reach a trainer, in either form that hubs have used. Raises ModelUnfit."""
    flat = {
        "batch": model.batch_size,
        "epochs": model.epochs,
        "imgsz": model.imgsz,
        "patience": model.patience,
        "device": model.device,
        "cache": model.cache,
        "data": model.data,
    }
    given = flat if model.train_args is None else model.train_args
    try:
        return validate(_without_empty({k: v for k, v in given.items() if k not in RESERVED}), "the hub's train_args")
    except InvalidArguments as error:
        raise ModelUnfit(str(error)) from None


def dataset_link(model: ModelRecord) -> str | None:
    """Where the model's data set can be downloaded as a zip; other names and links are the trainer's to resolve."""
    named = (model.train_args or {}).get("data")
    return next((str(value) for value in (model.data, named) if _is_zip_link(value)), None)


def _data(model: ModelRecord, wanted: Arguments, link: str) -> tuple[str, tuple[Input, ...]]:
    if dataset_link(model) is not None:
        return layout.INPUT_DATA_YAML, (Input("dataset", layout.INPUT_DATA_YAML),)
    if not (data := wanted.get("data")):
        raise DatasetNotReady(link)
    return str(data), ()


def _start(model: ModelRecord, identifier: Identifier) -> tuple[str, tuple[Input, ...]]:
    """What training from the beginning starts with; empty where nobody knows."""
    if model.is_pretrained and model.weights:
        path = layout.weights_file(_weights_name(model.weights))
        return path, (Input("parent", path),)
    return current_name(identifier.file or model.cfg or ""), ()


def _last(model: ModelRecord) -> tuple[Input, ...]:
    held = model.has_last_weights and model.resume
    return (Input("last", layout.weights_file("last.pt")),) if held else ()


def _weights_name(link: str) -> str:
    name = unquote(urlsplit(link).path).rpartition("/")[2]
    return name if _SAFE_FILE.fullmatch(name) else "parent.pt"


def _is_zip_link(value: object) -> bool:
    text = value if isinstance(value, str) else ""
    return text.startswith(("https://", "http://")) and text.partition("?")[0].endswith(".zip")


def _named(model: ModelRecord, args: Mapping[str, Any]) -> str | None:
    """The user's own word for the data set, where the hub's has that name."""
    known = model.dataset.get("name") if isinstance(model.dataset, dict) else None
    return known if isinstance(known, str) and known == args.get("data") else None


def _differing(args: Mapping[str, Any], used: Arguments) -> tuple[str, ...]:
    """Arguments that were given and are not used as they were."""
    return tuple(sorted(name for name, value in _without_empty(args).items() if used[name] != value))


def _required_data(args: Mapping[str, Any]) -> str:
    data = args.get("data")
    if not isinstance(data, str) or not data:
        raise InvalidArguments(
            f"spec.train.args.data is {data!r}; it must name the data set: a name, a path on a volume, or a URL"
        )
    return data


def _without_empty(args: Mapping[str, Any]) -> Arguments:
    return {name: value for name, value in args.items() if value is not None and value != ""}


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _as_count(value: Any) -> int | None:
    try:
        count = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return count if 0 <= count <= MOST else None


def _validate_name(name: str, field: str) -> None:
    if name in RESERVED:
        raise InvalidArguments(f"{field} cannot be set: {RESERVED[name]}")
    if not _NAME.fullmatch(name):
        raise InvalidArguments(f"{field}: {name!r} is no argument name; lower-case letters, digits and _ are allowed")


def _validate_value(value: Any, field: str) -> None:
    flat = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(item, _SCALARS) for item in flat):
        raise InvalidArguments(f"{field} is {type(value).__name__}; a scalar or a flat list of scalars is allowed")
    if any(isinstance(item, str) and _UNPRINTABLE.search(item) for item in flat):
        raise InvalidArguments(f"{field} holds a control character; printable text is allowed")
