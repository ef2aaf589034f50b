"""What the session's template adds to the pod; where it meets ours, ours stays."""

import msgspec

from hubtraining.controller.manifests.attempt import Attempt, Manifest

USER = 10001
"""Of every container, unless the template names another: the image's own user may be root."""

POD_SECURITY: Manifest = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_MERGED = ("affinity", "securityContext", "trainerSecurityContext", "volumes", "volumeMounts")
"""Fields that have a rule of their own, here or at the containers and volumes."""


def pod_fields(attempt: Attempt) -> Manifest:
    """The fields of the pod's spec that the template alone decides, without those that it leaves empty."""
    given = msgspec.to_builtins(attempt.spec.template.spec)
    wanted = {name: value for name, value in given.items() if value and name not in _MERGED}
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in wanted.items()}
    affinity = avoiding(attempt.spec.template.spec.affinity, attempt.avoid)
    return {**fields, "affinity": affinity} if affinity else fields


def avoiding(affinity: Manifest, nodes: tuple[str, ...]) -> Manifest:
    """The affinity, narrowed by nodes that are shunned: each of its terms, because one of them is enough."""
    if not nodes:
        return affinity
    node = affinity.get("nodeAffinity") or {}
    required = node.get(_REQUIRED) or {}
    terms = required.get("nodeSelectorTerms") or [{}]
    # The API server takes one value only where a field of the node is compared.
    shunned = [{"key": "metadata.name", "operator": "NotIn", "values": [name]} for name in nodes]
    narrowed = [{**term, "matchFields": [*(term.get("matchFields") or ()), *shunned]} for term in terms]
    return {**affinity, "nodeAffinity": {**node, _REQUIRED: {**required, "nodeSelectorTerms": narrowed}}}


def pod_security(attempt: Attempt) -> Manifest:
    """The pod's security context: what the restricted standard asks for, with the template's user and groups."""
    return {**POD_SECURITY, **attempt.spec.template.spec.security_context}
