"""Names that more than one program must agree on: the resource, labels, and children."""

GROUP = "hubtraining.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "HubTrainingSession"
PLURAL = "hubtrainingsessions"

FIELD_MANAGER = "hubtraining"
"""Who owns our fields under server-side apply, and what ``managed-by`` says."""

LABEL_SESSION = f"{GROUP}/session"
LABEL_SESSION_UID = f"{GROUP}/session-uid"
LABEL_ATTEMPT = f"{GROUP}/attempt"
LABEL_NODE_INDEX = f"{GROUP}/node-index"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
ANNOTATION_MANIFEST = f"{GROUP}/manifest-hash"
"""SHA-256 of the manifest as we sent it: with the owner's UID it tells our pod from a stranger's."""

LABELS_QUEUEING = ("kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class")
"""Handed on from a session to its pods, so that they wait in the queue that the session names."""

AUDIENCE_CONTROLLER = "hubtraining-controller"
AUDIENCE_HUB = "hubtraining-hub"

CONTAINER_AGENT = "agent"
CONTAINER_FETCH = "fetch"
CONTAINER_TRAINER = "trainer"

MAX_NAME_LENGTH = 52
"""Characters of a session's name: leaves room for ``-<attempt>-<node index>`` and ``-nodes`` in a host name's 63."""


def pod_name(session: str, attempt: int, node_index: int = 0) -> str:
    """The one name that a pod of this attempt can have."""
    return f"{session}-{attempt}-{node_index}"


def service_name(session: str) -> str:
    """The Service that gives the pods of several nodes their names."""
    return f"{session}-nodes"
