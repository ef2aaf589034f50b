"""A session, its events and its pods as people look at them: read with tolerance, whatever version wrote them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from hubtraining.domain.session import Session
from hubtraining.domain.status import (
    AttemptStatus,
    CheckpointsStatus,
    HubStatus,
    MetricStatus,
    ModelStatus,
    ProgressStatus,
)
from hubtraining.people.errors import PeopleError


class ConditionView(msgspec.Struct, frozen=True):
    """A condition of any type, known or not."""

    type: str
    status: str = "Unknown"
    reason: str = ""
    message: str = ""


class StatusView(msgspec.Struct, frozen=True, rename="camel"):
    """What is shown of a status."""

    phase: str = ""
    conditions: tuple[ConditionView, ...] = ()
    model: ModelStatus = ModelStatus()
    progress: ProgressStatus = ProgressStatus()
    metrics: tuple[MetricStatus, ...] = ()
    checkpoints: CheckpointsStatus = CheckpointsStatus()
    hub: HubStatus = HubStatus()
    attempt: int = 0
    failures: int = 0
    preemptions: int = 0
    attempts: tuple[AttemptStatus, ...] = ()
    start_time: datetime | None = None
    completion_time: datetime | None = None

    def condition(self, kind: str) -> ConditionView:
        """The condition of that type; an absent one is unknown."""
        return next((each for each in self.conditions if each.type == kind), ConditionView(kind))


class SessionView(msgspec.Struct, frozen=True):
    """One session."""

    namespace: str
    name: str
    uid: str
    model: str
    status: StatusView

    @property
    def phase(self) -> str:
        """One word; before the controller has looked at the session, that it waits."""
        return self.status.phase or "Pending"

    @property
    def succeeded(self) -> bool | None:
        """Whether the session ended well; None while it has not ended."""
        return {"True": True, "False": False}.get(self.status.condition("Succeeded").status)

    @property
    def node(self) -> str:
        """Where the newest attempt runs, or ran."""
        return self.status.attempts[-1].node if self.status.attempts else ""


class EventView(msgspec.Struct, frozen=True):
    """One event."""

    name: str
    about: str
    """UID of what it is about."""
    time: datetime
    reason: str
    message: str
    warning: bool = False


def session(body: Mapping[str, Any]) -> SessionView:
    """The view of a session's body. Raises PeopleError where its status has a form that we do not know."""
    known = Session.from_body(body)
    try:
        status = msgspec.convert({k: v for k, v in known.status.items() if v is not None}, StatusView)
    except msgspec.ValidationError as error:
        raise PeopleError(f"the status of {known.name} is of another version than this command: {error}") from None
    reference = known.spec.get("modelFrom", {}).get("secretKeyRef", {}).get("name", "")
    model = known.spec.get("model") or (f"in Secret {reference}" if reference else "")
    return SessionView(known.namespace, known.name, known.uid, str(model), status)


def event(body: Mapping[str, Any]) -> EventView:
    """The view of an event's body."""
    metadata = body["metadata"]
    moment = body.get("lastTimestamp") or body.get("eventTime") or metadata["creationTimestamp"]
    return EventView(
        name=metadata["name"],
        about=(body.get("involvedObject") or {}).get("uid", ""),
        time=datetime.fromisoformat(moment),
        reason=body.get("reason") or "",
        message=body.get("message") or "",
        warning=body.get("type") == "Warning",
    )
