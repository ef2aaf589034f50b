"""What the flags of ``hubtraining run`` ask for, as a session."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hubtraining.domain import identifiers
from hubtraining.domain.arguments import InvalidArguments, create_payload
from hubtraining.domain.identifiers import Identifier, IdentifierKind, InvalidIdentifier
from hubtraining.domain.invalid import InvalidSpec
from hubtraining.domain.names import API_VERSION, KIND, LABELS_QUEUEING
from hubtraining.domain.secret import Secret
from hubtraining.domain.session import Object, parse
from hubtraining.people import naming

KEY = "identifier"
"""Of the Secret that an identifier with an API key is kept in."""


class Flags(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be said on the command line."""

    model: Secret
    """Any identifier; it may hold an API key."""
    image: str
    data: str | None = None
    epochs: int | None = None
    imgsz: str | None = None
    batch: str | None = None
    args: tuple[str, ...] = ()
    """``key=value`` each."""
    name: str = ""
    namespace: str = ""
    gpus: int = 1
    gpu_resource: str = "nvidia.com/gpu"
    nodes: int = 1
    claim: str = ""
    env: tuple[str, ...] = ()
    """``KEY=value`` each."""
    queue: str = ""
    hub_url: str = ""
    hub_web_url: str = ""
    hub_secret: str = ""
    """``name`` or ``name/key``."""
    command: tuple[str, ...] = ()


class Draft(msgspec.Struct, frozen=True):
    """A session that was not sent yet."""

    body: Object
    identifier: Secret | None = None
    """What belongs into the Secret that ``spec.modelFrom`` names; None where it names none."""

    @property
    def name(self) -> str:
        """The session's."""
        return str(self.body["metadata"]["name"])

    @property
    def secret_name(self) -> str:
        """Of the Secret that is made with the session; empty where none is."""
        return str(self.body["spec"]["modelFrom"]["secretKeyRef"]["name"]) if self.identifier else ""


def draft(flags: Flags) -> Draft:
    """The session that the flags ask for, checked as the controller will check it. Raises InvalidSpec."""
    text = flags.model.reveal()
    identifier = _identifier(text, flags.hub_web_url)
    args = _arguments(flags)
    name = flags.name or naming.default(identifier, str(args.get("data") or ""))
    has_key = identifiers.holds_key(text)
    model = {"modelFrom": {"secretKeyRef": {"name": f"{name}-model", "key": KEY}}} if has_key else {"model": text}
    spec = {**model, **_hub(flags), "train": {"args": args}, "trainer": _trainer(flags)}
    if flags.claim:
        spec["workspace"] = {"claimName": flags.claim}
    if flags.nodes > 1:
        spec["nodes"] = flags.nodes
    _check(name, spec, identifier, args)
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": _metadata(flags, name), "spec": spec}
    return Draft(body, flags.model if has_key else None)


def scalar(text: str) -> Any:
    """A value as it was meant: JSON where it is JSON, Python's three words, and text otherwise."""
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text


def _identifier(text: str, web_url: str) -> Identifier:
    """Understood as the controller will; what root a link begins with, only the controller knows for sure."""
    root = web_url or (text.partition("/models/")[0] if "://" in text else identifiers.WEB_URL)
    try:
        return identifiers.parse(text, root)
    except InvalidIdentifier as error:
        raise InvalidSpec("spec.model", f"cannot be used: {error}") from None


def _arguments(flags: Flags) -> Object:
    fixed = {"data": flags.data, "epochs": flags.epochs, "imgsz": _or_none(flags.imgsz), "batch": _or_none(flags.batch)}
    given = {name: value for name, value in fixed.items() if value is not None}
    for name, value in _pairs(flags.args, "spec.train.args").items():
        if name in given:
            raise InvalidSpec(f"spec.train.args.{name}", "is given twice: by its own flag and by --arg")
        given[name] = scalar(value)
    if flags.gpus > 1 and not flags.command:
        given.setdefault("device", ",".join(map(str, range(flags.gpus))))  # Ultralytics takes one GPU unless told
    return given


def _or_none(text: str | None) -> Any:
    return None if text is None else scalar(text)


def _trainer(flags: Flags) -> Object:
    trainer: Object = {"image": flags.image}
    if flags.command:
        trainer["command"] = list(flags.command)
    if flags.env:
        pairs = _pairs(flags.env, "spec.trainer.env")
        trainer["env"] = [{"name": name, "value": value} for name, value in pairs.items()]
    if flags.gpus:
        trainer["resources"] = {"limits": {flags.gpu_resource: str(flags.gpus)}}
    return trainer


def _hub(flags: Flags) -> Object:
    name, _, key = flags.hub_secret.partition("/")
    hub = {
        "url": flags.hub_url,
        "webURL": flags.hub_web_url,
        "credentialsSecretRef": {"name": name, "key": key or "api-key"} if flags.hub_secret else None,
    }
    given = {field: value for field, value in hub.items() if value}
    return {"hub": given} if given else {}


def _metadata(flags: Flags, name: str) -> Object:
    queue = {"labels": {LABELS_QUEUEING[0]: flags.queue}} if flags.queue else {}
    return {"name": name, **({"namespace": flags.namespace} if flags.namespace else {}), **queue}


def _pairs(given: Iterable[str], field: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise InvalidSpec(field, f"needs name=value; {name or 'something without a name'} was given")
        if name in pairs:
            raise InvalidSpec(field, f"is given {name} twice")
        pairs[name] = value
    return pairs


def _check(name: str, spec: Object, identifier: Identifier, args: Mapping[str, Any]) -> None:
    naming.check(name)
    parse(spec)
    if identifier.kind is not IdentifierKind.MODEL:
        try:
            create_payload(identifier, args)
        except InvalidArguments as error:
            raise InvalidSpec.whole(str(error)) from None
