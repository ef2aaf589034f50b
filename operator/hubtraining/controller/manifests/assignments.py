"""What the attempt's agent is told."""

from typing import Literal

from hubtraining.controller.manifests.attempt import Attempt
from hubtraining.controller.settings import ControllerSettings
from hubtraining.domain.layout import Assignment, HubAccess
from hubtraining.domain.session import SessionSpec

REPORT_SECONDS = 10
"""Between two reports, unless the status is to be fresher than that."""


def assignment(attempt: Attempt) -> Assignment:
    """The agent's work in this attempt."""
    session, spec, agent = attempt.session, attempt.spec, attempt.spec.agent
    return Assignment(
        namespace=session.namespace,
        session=session.name,
        session_uid=session.uid,
        attempt=attempt.number,
        hub=attempt.hub,
        reports_url=attempt.settings.reports_url,
        inputs=attempt.plan.inputs,
        resume=spec.checkpoints.resume == "Auto",
        node_index=attempt.index,
        nodes=spec.nodes,
        epochs=attempt.plan.epochs,
        metrics_seconds=agent.metrics_seconds,
        checkpoint_seconds=agent.checkpoint_seconds,
        heartbeat_seconds=agent.heartbeat_seconds,
        report_seconds=min(REPORT_SECONDS, spec.progress.status_seconds),
        flush_seconds=spec.checkpoints.flush_seconds,
        final_upload_seconds=spec.checkpoints.final_upload_seconds,
    )


def hub_access(
    spec: SessionSpec, settings: ControllerSettings, model_id: str, *, key_in_identifier: bool = False
) -> HubAccess:
    """The way to the hub: by the key in the identifier or in a Secret, or by a token for the operator's own hub."""
    own = settings.is_own_hub(spec.hub.url)
    return HubAccess(
        url=settings.hub_url if own else spec.hub.url.rstrip("/"),
        model_id=model_id,
        auth=_auth(spec, key_in_identifier=key_in_identifier, token=own and settings.hub_auth == "token"),
        ca_bundle=spec.hub.ca_bundle,
    )


def _auth(spec: SessionSpec, *, key_in_identifier: bool, token: bool) -> Literal["token", "key", "identifier"]:
    if key_in_identifier:
        return "identifier"
    return "token" if token and spec.hub.credentials_secret_ref is None else "key"
