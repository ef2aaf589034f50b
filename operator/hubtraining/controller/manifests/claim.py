"""The claim of a session's own, kept from attempt to attempt."""

import msgspec

from hubtraining.controller.manifests.attempt import Attempt, Manifest
from hubtraining.controller.manifests.metadata import shared
from hubtraining.domain.spec import ClaimTemplate


def claim(attempt: Attempt) -> Manifest:
    """The PersistentVolumeClaim, named like the session. Raises ValueError where the spec has no template for it."""
    template = attempt.spec.workspace.claim_template
    if template is None:
        raise ValueError("the session has no claim of its own")
    ours = shared(attempt, attempt.session.name)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {**ours, "labels": {**template.metadata.labels, **ours["labels"]}, **_annotations(template)},
        "spec": _spec(template),
    }


def _annotations(template: ClaimTemplate) -> Manifest:
    given = template.metadata.annotations
    return {"annotations": dict(given)} if given else {}


def _spec(template: ClaimTemplate) -> Manifest:
    given = {name: value for name, value in msgspec.to_builtins(template.spec).items() if value}
    return {**given, "accessModes": list(template.spec.access_modes)}
