"""Everything that an attempt's pod is made from."""

from typing import Any

import msgspec

from hubtraining.controller.settings import ControllerSettings
from hubtraining.domain.arguments import Plan
from hubtraining.domain.layout import HubAccess
from hubtraining.domain.session import Session, SessionSpec

Manifest = dict[str, Any]
"""A Kubernetes object, or a piece of one."""


class Attempt(msgspec.Struct, frozen=True):
    """One attempt of one session: the same value always gives the same manifest."""

    session: Session
    spec: SessionSpec
    number: int
    plan: Plan
    hub: HubAccess
    settings: ControllerSettings
    avoid: tuple[str, ...] = ()
    """Nodes that it shall not run on."""
    index: int = 0
    """Which of its pods."""

    @property
    def is_lead(self) -> bool:
        """The first pod brings the inputs, has the agent, and tells how training ended."""
        return self.index == 0
