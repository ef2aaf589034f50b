"""One ``HubTrainingSession`` read from its body: what identifies it, and its spec understood or refused."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from hubtraining.domain import rules
from hubtraining.domain.invalid import InlineApiKey, InvalidSpec
from hubtraining.domain.spec import (
    Action,
    AgentSpec,
    FailureRule,
    HubSpec,
    ModelFrom,
    Object,
    ProgressSpec,
    RetrySpec,
    SecretKeyRef,
    SessionSpec,
    TrainerSpec,
    TrainSpec,
    WorkspaceSpec,
)

__all__ = [
    "Action",
    "AgentSpec",
    "FailureRule",
    "HubSpec",
    "InlineApiKey",
    "InvalidSpec",
    "ModelFrom",
    "Object",
    "ProgressSpec",
    "RetrySpec",
    "SecretKeyRef",
    "Session",
    "SessionSpec",
    "TrainSpec",
    "TrainerSpec",
    "WorkspaceSpec",
    "parse",
]

_PLACE = re.compile(r" - at `\$(?:\.?)(.*)`$")


def parse(spec: Mapping[str, Any]) -> SessionSpec:
    """Read a spec, with the defaults and rules of the CRD. Raises InvalidSpec; for an inline key, InlineApiKey."""
    try:
        understood = msgspec.convert(spec, SessionSpec)
    except msgspec.ValidationError as error:
        raise _unreadable(error) from None
    rules.check(understood)
    return understood


def _unreadable(error: msgspec.ValidationError) -> InvalidSpec:
    """msgspec's sentence in our form; it tells types and names of fields, never values."""
    text = str(error)
    place = _PLACE.search(text)
    inside = place[1] if place else ""
    field = "spec" + (f".{inside}" if inside and not inside.startswith("[") else inside)
    return InvalidSpec(field, f"cannot be read: {text[: place.start()] if place else text}")


class Session(msgspec.Struct, frozen=True):
    """One HubTrainingSession as the API server gave it, without what we do not need."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: Object
    """Raw: reading it may fail, and the failure is an answer to the user."""
    status: Object
    labels: Mapping[str, str] = {}
    deleting: bool = False
    creation_time: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name: what queues and caches are keyed by."""
        return self.namespace, self.name

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Session":
        """A projection of a body from a list, a watch, or a handler."""
        metadata = body["metadata"]
        return cls(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata.get("generation", 1),
            resource_version=metadata.get("resourceVersion", ""),
            spec=dict(body.get("spec") or {}),
            status=dict(body.get("status") or {}),
            labels=dict(metadata.get("labels") or {}),
            deleting="deletionTimestamp" in metadata,
            creation_time=metadata.get("creationTimestamp", ""),
        )
