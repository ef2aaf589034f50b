"""The pod's volumes, and which container mounts which."""

from typing import Any

from hubtraining.controller.manifests.attempt import Attempt, Manifest
from hubtraining.domain import layout, names
from hubtraining.domain.session import SecretKeyRef

TOKEN_SECONDS = 3600
"""A token's life; the kubelet renews it when four fifths are over."""

TMP = "/tmp"  # noqa: S108 - the mount of a volume that only the trainer has


def volumes(attempt: Attempt) -> list[Manifest]:
    """Ours, then the template's."""
    ours = [
        {"name": "workspace", **_workspace(attempt)},
        *([{"name": "journal", "emptyDir": {}}] if attempt.is_lead else []),
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": attempt.spec.trainer.shm_size}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if sources := _credentials(attempt):
        ours.append({"name": "credentials", "projected": {"defaultMode": 0o440, "sources": sources}})
    return [*ours, *attempt.spec.template.spec.volumes]


def agent_mounts(attempt: Attempt) -> list[Manifest]:
    """The agent reads the workspace, and nobody else sees its journal."""
    workspace = {**_workspace_mount(attempt), "readOnly": True}
    return [workspace, {"name": "journal", "mountPath": layout.JOURNAL}, *_credentials_mount(attempt)]


def fetch_mounts(attempt: Attempt) -> list[Manifest]:
    """Fetch writes into the workspace."""
    return [_workspace_mount(attempt), *_credentials_mount(attempt)]


def trainer_mounts(attempt: Attempt) -> list[Manifest]:
    """The trainer has the workspace, memory to share, a place for what is temporary, and what the template mounts."""
    ours = [_workspace_mount(attempt), {"name": "shm", "mountPath": "/dev/shm"}, {"name": "tmp", "mountPath": TMP}]  # noqa: S108
    return [*ours, *attempt.spec.template.spec.volume_mounts]


def _workspace(attempt: Attempt) -> Manifest:
    workspace = attempt.spec.workspace
    if workspace.lasting:
        return {"persistentVolumeClaim": {"claimName": workspace.claim_name or attempt.session.name}}
    return {"emptyDir": {"sizeLimit": workspace.size_limit} if workspace.size_limit else {}}


def _workspace_mount(attempt: Attempt) -> Manifest:
    """On a claim that others may share, each session has a folder of its own."""
    own = {"subPath": attempt.session.uid} if attempt.spec.workspace.claim_name else {}
    return {"name": "workspace", "mountPath": layout.WORKSPACE, **own}


def _credentials_mount(attempt: Attempt) -> list[Manifest]:
    mount = {"name": "credentials", "mountPath": layout.SECRETS, "readOnly": True}
    return [mount] if _credentials(attempt) else []


def _credentials(attempt: Attempt) -> list[Manifest]:
    """The tokens and keys that this attempt needs, each as a file of the layout: only its first pod talks to others."""
    sources: list[Manifest] = []
    if not attempt.is_lead:
        return sources
    if attempt.settings.reports_url:
        sources.append(_token(names.AUDIENCE_CONTROLLER, layout.TOKEN_CONTROLLER))
    if attempt.hub.auth == "token":
        sources.append(_token(names.AUDIENCE_HUB, layout.TOKEN_HUB))
    if attempt.hub.auth == "key" and attempt.spec.hub.credentials_secret_ref:
        sources.append(_secret(attempt.spec.hub.credentials_secret_ref, layout.HUB_KEY))
    if attempt.hub.auth == "identifier" and attempt.spec.model_from:
        sources.append(_secret(attempt.spec.model_from.secret_key_ref, layout.HUB_IDENTIFIER))
    return sources


def _token(audience: str, path: str) -> Manifest:
    token = {"audience": audience, "expirationSeconds": TOKEN_SECONDS, "path": _relative(path)}
    return {"serviceAccountToken": token}


def _secret(ref: SecretKeyRef, path: str) -> Manifest:
    """Optional: a Secret that went away is told by fetch or agent; the kubelet would hold the pod without a word."""
    items: list[dict[str, Any]] = [{"key": ref.key, "path": _relative(path)}]
    return {"secret": {"name": ref.name, "items": items, "optional": True}}


def _relative(path: str) -> str:
    return path.removeprefix(f"{layout.SECRETS}/")
