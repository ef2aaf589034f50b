"""Several nodes: names by which their pods find each other, and the variables that torchrun reads."""

from hubtraining.controller.manifests.attempt import Attempt, Manifest
from hubtraining.controller.manifests.metadata import shared
from hubtraining.domain import names

PORT = 29500
"""Of the rendezvous, on the first pod; torchrun's own default."""


def service(attempt: Attempt) -> Manifest:
    """The headless Service of the session's pods: their names are there before they are ready."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": shared(attempt, names.service_name(attempt.session.name)),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {names.LABEL_SESSION_UID: attempt.session.uid},
            "ports": [{"name": "rendezvous", "port": PORT}],
        },
    }


def host(attempt: Attempt) -> Manifest:
    """Fields of the pod's spec that give it its name in the Service."""
    if attempt.spec.nodes == 1:
        return {}
    session = attempt.session.name
    return {
        "hostname": names.pod_name(session, attempt.number, attempt.index),
        "subdomain": names.service_name(session),
    }


def variables(attempt: Attempt) -> dict[str, str]:
    """Torchrun's, and those that a program started by hand on each node reads."""
    if attempt.spec.nodes == 1:
        return {}
    session = attempt.session.name
    first = f"{names.pod_name(session, attempt.number, 0)}.{names.service_name(session)}"
    nodes, index = str(attempt.spec.nodes), str(attempt.index)
    return {
        "MASTER_ADDR": first,
        "MASTER_PORT": str(PORT),
        "WORLD_SIZE": nodes,
        "RANK": index,
        "NODE_RANK": index,
        "PET_NNODES": nodes,
        "PET_NODE_RANK": index,
        "PET_MASTER_ADDR": first,
        "PET_MASTER_PORT": str(PORT),
        "PET_NPROC_PER_NODE": str(_devices(attempt) or 1),
    }


def _devices(attempt: Attempt) -> int:
    """GPUs of one pod."""
    limits = attempt.spec.trainer.resources.get("limits") or {}
    amounts = (str(amount) for name, amount in limits.items() if name.endswith("/gpu"))
    return sum(int(amount) for amount in amounts if amount.isdecimal())
