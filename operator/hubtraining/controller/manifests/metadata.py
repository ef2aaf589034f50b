"""The pod's metadata: its one possible name, its owner, and what tells it from a stranger's."""

import hashlib

import msgspec

from hubtraining.controller.manifests.attempt import Attempt, Manifest
from hubtraining.domain import names
from hubtraining.domain.session import Session

QUEUE, POD_GROUP, POD_GROUP_COUNT = (
    names.LABELS_QUEUEING[0],
    "kueue.x-k8s.io/pod-group-name",
    "kueue.x-k8s.io/pod-group-total-count",
)
"""Kueue's words: pods of one group are let through together."""


def metadata(attempt: Attempt) -> Manifest:
    """All but the manifest's hash, which is taken over it."""
    session, template = attempt.session, attempt.spec.template.metadata
    return {
        "name": names.pod_name(session.name, attempt.number, attempt.index),
        "namespace": session.namespace,
        "labels": {**template.labels, **_labels(attempt), **_group(attempt)},
        "annotations": {**template.annotations, **_group_count(attempt)},
        "ownerReferences": [owner(attempt)],
    }


def shared(attempt: Attempt, name: str) -> Manifest:
    """Metadata of what the session's attempts share."""
    session = attempt.session
    labels = {**_recommended(session), names.LABEL_SESSION: session.name, names.LABEL_SESSION_UID: session.uid}
    return {"name": name, "namespace": session.namespace, "labels": labels, "ownerReferences": [owner(attempt)]}


def hashed(manifest: Manifest) -> Manifest:
    """The manifest with its own hash as an annotation."""
    digest = hashlib.sha256(msgspec.json.encode(manifest, order="sorted")).hexdigest()
    annotations = {**manifest["metadata"]["annotations"], names.ANNOTATION_MANIFEST: digest}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}


def _labels(attempt: Attempt) -> dict[str, str]:
    session = attempt.session
    queueing = {name: session.labels[name] for name in names.LABELS_QUEUEING if name in session.labels}
    return {
        **queueing,
        **_recommended(session),
        names.LABEL_SESSION: session.name,
        names.LABEL_SESSION_UID: session.uid,
        names.LABEL_ATTEMPT: str(attempt.number),
        names.LABEL_NODE_INDEX: str(attempt.index),
    }


def _recommended(session: Session) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "hubtraining",
        "app.kubernetes.io/instance": session.name,
        "app.kubernetes.io/component": "training",
        "app.kubernetes.io/part-of": "hubtraining",
        names.LABEL_MANAGED_BY: names.FIELD_MANAGER,
    }


def _grouped(attempt: Attempt) -> bool:
    return attempt.spec.nodes > 1 and QUEUE in attempt.session.labels


def _group(attempt: Attempt) -> dict[str, str]:
    return {POD_GROUP: f"{attempt.session.name}-{attempt.number}"} if _grouped(attempt) else {}


def _group_count(attempt: Attempt) -> dict[str, str]:
    return {POD_GROUP_COUNT: str(attempt.spec.nodes)} if _grouped(attempt) else {}


def owner(attempt: Attempt) -> Manifest:
    """Not blocking the owner's deletion: that would need rights over the session's finalizers."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": attempt.session.name,
        "uid": attempt.session.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
