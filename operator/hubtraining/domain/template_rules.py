"""What ``spec.template`` may not touch: our containers, names, labels and folders, and the node."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hubtraining.domain import layout, names
from hubtraining.domain.invalid import InvalidSpec
from hubtraining.domain.template import TemplatePod, TemplateSpec

OUR_PREFIXES = (f"{names.GROUP}/", "app.kubernetes.io/")
"""Of labels and annotations."""

OUR_VOLUMES = ("workspace", "journal", "credentials", "shm", "tmp")
OUR_PATHS = (layout.WORKSPACE, layout.JOURNAL, layout.SECRETS, "/dev", "/tmp", "/proc", "/sys")  # noqa: S108

VOLUME_KINDS = ("configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "ephemeral", "csi", "nfs")
POD_SECURITY = (
    "runAsUser",
    "runAsGroup",
    "fsGroup",
    "fsGroupChangePolicy",
    "supplementalGroups",
    "seLinuxOptions",
    "seccompProfile",
)
TRAINER_SECURITY = ("runAsUser", "runAsGroup", "readOnlyRootFilesystem", "seLinuxOptions", "seccompProfile")


def check(template: TemplateSpec, workspace_claim: str = "") -> None:
    """Raise InvalidSpec for the first rule that is broken; ``workspace_claim`` is the one that the workspace is on."""
    check_keys("spec.template.metadata.labels", template.metadata.labels)
    check_keys("spec.template.metadata.annotations", template.metadata.annotations)
    _security(template.spec)
    _volumes(template.spec.volumes)
    _claims(template.spec.volumes, workspace_claim)
    _mounts(template.spec)


def check_keys(field: str, given: Iterable[str]) -> None:
    """Raise InvalidSpec for a label or annotation that is ours."""
    ours = next((key for key in given if key.startswith(OUR_PREFIXES)), None)
    if ours is not None:
        raise InvalidSpec(field, f"has {ours}; keys that begin with {' or '.join(OUR_PREFIXES)} are ours")


def _security(spec: TemplatePod) -> None:
    _known("spec.template.spec.securityContext", spec.security_context, POD_SECURITY)
    _known("spec.template.spec.trainerSecurityContext", spec.trainer_security_context, TRAINER_SECURITY)
    if spec.security_context.get("runAsUser") == 0:
        raise InvalidSpec(
            "spec.template.spec.securityContext.runAsUser",
            "is 0, which would run the agent as root, too; for the trainer alone, "
            "set spec.template.spec.trainerSecurityContext.runAsUser",
        )


def _known(field: str, given: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    unknown = next((name for name in given if name not in allowed), None)
    if unknown is not None:
        raise InvalidSpec(f"{field}.{unknown}", f"cannot be set; {', '.join(allowed)} are allowed")


def _volumes(volumes: Iterable[Mapping[str, Any]]) -> None:
    field = "spec.template.spec.volumes"
    seen: set[str] = set()
    for volume in volumes:
        name, kinds = str(volume.get("name", "")), [kind for kind in volume if kind != "name"]
        if not name or name in OUR_VOLUMES or name in seen:
            raise InvalidSpec(
                field, f"has the name {name!r}; each needs a name of its own, and {_list(OUR_VOLUMES)} are ours"
            )
        if len(kinds) != 1 or kinds[0] not in VOLUME_KINDS:
            given = " and ".join(kinds) or "nothing"
            raise InvalidSpec(field, f"has {given} in {name!r}; exactly one of {_list(VOLUME_KINDS)} is allowed")
        seen.add(name)


def _claims(volumes: Iterable[Mapping[str, Any]], workspace_claim: str) -> None:
    """A kubelet waits for ever for the second mount of a claim in one pod, and tells nobody."""
    seen = {workspace_claim: "spec.workspace.claimName"} if workspace_claim else {}
    for volume in volumes:
        claim = str((volume.get("persistentVolumeClaim") or {}).get("claimName", ""))
        if claim in seen:
            raise InvalidSpec(
                "spec.template.spec.volumes",
                f"has the claim {claim!r} in {volume['name']!r}, and {seen[claim]} has it, too; no node starts a pod "
                "that has a claim twice: mount one volume at several paths, or take another claim",
            )
        if claim:
            seen[claim] = repr(volume["name"])


def _mounts(spec: TemplatePod) -> None:
    field = "spec.template.spec.volumeMounts"
    known = {volume["name"] for volume in spec.volumes}
    for mount in spec.volume_mounts:
        if mount.get("name") not in known:
            raise InvalidSpec(
                field, f"mounts {mount.get('name')!r}; only volumes of spec.template.spec.volumes can be mounted"
            )
        if not _is_free(str(mount.get("mountPath", ""))):
            raise InvalidSpec(
                field, f"mounts at {mount.get('mountPath')!r}; an absolute path outside {_list(OUR_PATHS)} is allowed"
            )


def _is_free(path: str) -> bool:
    given = PurePosixPath(path)
    inside = any(given.is_relative_to(ours) for ours in OUR_PATHS)
    return given.is_absolute() and ".." not in given.parts and not inside and path.strip("/") != ""


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
