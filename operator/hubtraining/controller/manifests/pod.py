"""The pod itself."""

import msgspec

from hubtraining.controller.manifests.attempt import Attempt, Manifest
from hubtraining.controller.manifests.containers import agent, fetch, trainer
from hubtraining.controller.manifests.launcher import STOP_SECONDS
from hubtraining.controller.manifests.metadata import hashed, metadata
from hubtraining.controller.manifests.nodes import host
from hubtraining.controller.manifests.template import pod_fields, pod_security
from hubtraining.controller.manifests.volumes import volumes

MARGIN_SECONDS = 30
"""For the kubelet's own work, and for the agent's last words."""


def pod(attempt: Attempt, index: int = 0) -> Manifest:
    """The attempt's pod of this index, to be POSTed: each trains, and the first has the agent beside its trainer."""
    this = msgspec.structs.replace(attempt, index=index)
    return hashed({"apiVersion": "v1", "kind": "Pod", "metadata": metadata(this), "spec": _spec(this)})


def grace_seconds(attempt: Attempt) -> int:
    """Time to stop: the trainer's, then the agent's for the last uploads. Whoever is done leaves at once."""
    uploads = attempt.spec.checkpoints.final_upload_seconds if attempt.is_lead else 0
    return STOP_SECONDS + uploads + MARGIN_SECONDS


def _spec(attempt: Attempt) -> Manifest:
    return {
        **pod_fields(attempt),
        **host(attempt),
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": grace_seconds(attempt),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(attempt),
        "initContainers": [agent(attempt), fetch(attempt)] if attempt.is_lead else [fetch(attempt)],
        "containers": [trainer(attempt)],
        "volumes": volumes(attempt),
    }
