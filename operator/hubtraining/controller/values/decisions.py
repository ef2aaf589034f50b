"""What a pass may decide: what to do, what to tell, and when to look again."""

from typing import ClassVar

import msgspec

from hubtraining.controller.values.pods import PodView
from hubtraining.domain.conditions import Condition
from hubtraining.domain.status import AttemptStatus, ModelStatus


class AskHub(msgspec.Struct, frozen=True):
    """Have the hub's model created or loaded, beside the passes."""


class AskRecord(msgspec.Struct, frozen=True):
    """Have the hub asked what became of a session whose pod is gone, beside the passes."""


class Confirm(msgspec.Struct, frozen=True):
    """Look at the session as the API server has it: nothing that cannot be undone is done on what a list told."""


class CreateClaim(msgspec.Struct, frozen=True):
    """POST the claim that the session's attempts share."""


class CreateService(msgspec.Struct, frozen=True):
    """POST the Service by which the pods of several nodes find each other."""


class CreatePod(msgspec.Struct, frozen=True):
    """POST one pod of this attempt."""

    attempt: int
    node_index: int = 0


class DeletePod(msgspec.Struct, frozen=True):
    """Delete this very pod."""

    pod: PodView
    grace_seconds: int | None = None
    """How long it may take to stop; None: as long as its manifest says."""


class DeleteSession(msgspec.Struct, frozen=True):
    """Delete the session, unless it has changed."""


Action = AskHub | AskRecord | Confirm | CreateClaim | CreateService | CreatePod | DeletePod | DeleteSession


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one world."""

    rule: str = ""
    """Which rule spoke."""
    actions: tuple[Action, ...] = ()
    conditions: tuple[Condition, ...] = ()
    """What is known now; conditions that are not named stay as they are."""
    model: ModelStatus | None = None
    """The hub's model, where it became known."""
    attempt: AttemptStatus | None = None
    """The current attempt as status should have it; None: as it stands."""
    avoid: str = ""
    """A node that no further attempt shall run on."""
    again: float | None = None
    """After how many seconds to look again, if nothing wakes the session before."""
    hold: float = 0.0
    """How many seconds the status may wait for something better to tell."""

    SOON: ClassVar[float] = 0.0
