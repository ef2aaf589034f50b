"""Attempts: what a pod is built from."""

from typing import Any

from builders.session import a_session

from hubtraining.controller.manifests import Attempt, hub_access
from hubtraining.controller.settings import ControllerSettings
from hubtraining.domain.arguments import Plan
from hubtraining.domain.session import Session, parse

MODEL_ID = "modelmodelmodelmodel"
PLAN = Plan("yolov8n.yaml", {"data": "signs.yaml", "epochs": 3}, (), epochs=3)


def settings(**changes: Any) -> ControllerSettings:
    """Of a controller with a hub of its own."""
    defaults: dict[str, Any] = {
        "namespace": "hubtraining-system",
        "image": "registry.example/hubtraining:1",
        "hub_url": "http://hubtraining-hub.hubtraining-system.svc:8000",
        "reports_url": "http://hubtraining-controller-reports.hubtraining-system.svc:8081/v1/reports",
    }
    return ControllerSettings(**{**defaults, **changes})


def an_attempt(
    number: int = 1,
    *,
    session: Session | None = None,
    plan: Plan = PLAN,
    key_in_identifier: bool = False,
    controller: ControllerSettings | None = None,
    **stanzas: Any,
) -> Attempt:
    """An attempt of ``session``, or of one with these stanzas."""
    whose = session or a_session(**stanzas)
    told = controller or settings()
    spec = parse(whose.spec)
    hub = hub_access(spec, told, MODEL_ID, key_in_identifier=key_in_identifier)
    return Attempt(whose, spec, number, plan, hub, told)
