"""What a session's spec asks of its pods, said once more without the controller's own words: an oracle for tests."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Body = dict[str, Any]
TRAINER_SECONDS, KUBELET_SECONDS = 60, 30
OR = "--or-go-on-with--"
"""Between what the launcher runs to begin, and to go on."""


def unmet(spec: Body, session: str, uid: str, pods: list[Body]) -> list[str]:
    """In what these pods, all of one attempt, are not what the spec asks for."""
    nodes = spec.get("nodes", 1)
    indexes = sorted(pod["metadata"]["labels"]["hubtraining.dev/node-index"] for pod in pods)
    found = [] if indexes == [str(index) for index in range(nodes)] else [f"{nodes} nodes, and pods {indexes}"]
    for pod in pods:
        found += [f"{pod['metadata']['name']}: {what}" for what in _unmet(spec, session, uid, pod)]
    return found


def _unmet(spec: Body, session: str, uid: str, pod: Body) -> Iterator[str]:
    lead = pod["metadata"]["labels"]["hubtraining.dev/node-index"] == "0"
    trainer, others = pod["spec"]["containers"][0], pod["spec"]["initContainers"]
    yield from _missing("pod", _pod(spec), pod)
    yield from _missing("trainer", _trainer(spec), trainer)
    yield from _command(spec, trainer["command"])
    yield from _volumes(spec, session, uid, pod["spec"], trainer)
    for other in others:
        yield from _missing(other["name"], _helper(spec), other)
    if [other["name"] for other in others] != (["agent", "fetch"] if lead else ["fetch"]):
        yield f"has {[other['name'] for other in others]}"
    if lead:
        yield from _told(spec, others[0])
    uploads = spec.get("checkpoints", {}).get("finalUploadSeconds", 3600) if lead else 0
    if pod["spec"]["terminationGracePeriodSeconds"] != TRAINER_SECONDS + uploads + KUBELET_SECONDS:
        yield f"has {pod['spec']['terminationGracePeriodSeconds']} s to stop"


def _pod(spec: Body) -> Body:
    """The template as it is, but for what belongs to a container."""
    template = spec.get("template", {})
    other = ("trainerSecurityContext", "volumeMounts", "volumes")
    fields = {name: value for name, value in template.get("spec", {}).items() if value and name not in other}
    return {"metadata": template.get("metadata", {}), "spec": fields}


def _trainer(spec: Body) -> Body:
    given, pod = spec["trainer"], spec.get("template", {}).get("spec", {})
    wanted = {name: given[name] for name in ("image", "envFrom", "resources") if given.get(name)}
    mounts = {"volumeMounts": pod["volumeMounts"]} if pod.get("volumeMounts") else {}
    user = {"securityContext": pod["trainerSecurityContext"]} if pod.get("trainerSecurityContext") else {}
    return {**wanted, **mounts, **user, **({"env": given["env"]} if given.get("env") else {})}


def _helper(spec: Body) -> Body:
    """Of agent and fetch."""
    return {name: value for name, value in spec.get("agent", {}).items() if name in ("image", "resources") and value}


def _command(spec: Body, command: list[str]) -> Iterator[str]:
    trainer, args = spec["trainer"], spec["train"]["args"]
    if trainer.get("command"):
        words = [*trainer["command"], *trainer.get("args", ())]
        if not any(command[at : at + len(words)] == words for at in range(len(command))):
            yield f"runs {command[4:]}, not {words}"
        return
    begun = command[command.index("yolo") :]
    begun = begun[: begun.index(OR)]
    for name, value in args.items():
        word = f"{name}={_said(value)}"
        if (word in begun) == (value is None or value == ""):
            yield f"runs {begun}, and {word!r} was asked for"


def _said(value: Any) -> str:
    """As the command line of Ultralytics and a pod's command take it."""
    text = value if isinstance(value, str) and not set(value) & set(" $'()") else repr(value).replace(", ", ",")
    return text.replace("$", "$$")


def _volumes(spec: Body, session: str, uid: str, pod: Body, trainer: Body) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    workspace = spec.get("workspace", {})
    claim = workspace.get("claimName") or (session if "claimTemplate" in workspace else "")
    size = {"sizeLimit": workspace["sizeLimit"]} if "sizeLimit" in workspace else {}
    source = {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": size}
    yield from _missing("workspace", source, volumes["workspace"])
    shm = {"emptyDir": {"medium": "Memory", "sizeLimit": spec["trainer"].get("shmSize", "1Gi")}}
    yield from _missing("shm", shm, volumes["shm"])
    for wanted in spec.get("template", {}).get("spec", {}).get("volumes", ()):
        yield from _missing("volumes", wanted, volumes.get(wanted["name"], {}))
    for container in (trainer, *pod["initContainers"]):
        mount = next(mount for mount in container["volumeMounts"] if mount["name"] == "workspace")
        if mount.get("subPath", "") != (uid if "claimName" in workspace else ""):
            yield f"{container['name']} mounts {mount}"


def _told(spec: Body, agent: Body) -> Iterator[str]:
    """What the agent is told."""
    texts = {variable["name"]: variable.get("value", "") for variable in agent["env"]}
    told = json.loads(texts["HUBTRAINING_ASSIGNMENT"].replace("$$", "$"))
    given, checkpoints = spec.get("agent", {}), spec.get("checkpoints", {})
    wanted = {
        "metricsSeconds": given.get("metricsSeconds", 3),
        "checkpointSeconds": given.get("checkpointSeconds", 900),
        "heartbeatSeconds": given.get("heartbeatSeconds", 300),
        "flushSeconds": checkpoints.get("flushSeconds", 120),
        "finalUploadSeconds": checkpoints.get("finalUploadSeconds", 3600),
        "resume": checkpoints.get("resume", "Auto") == "Auto",
        "nodes": spec.get("nodes", 1),
        "epochs": spec["train"]["args"].get("epochs", 300) if not spec["trainer"].get("command") else told["epochs"],
    }
    yield from _missing("assignment", wanted, told)


def _missing(where: str, wanted: Any, found: Any) -> Iterator[str]:
    """What is not there as it was asked for; the API server and we may add to it."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            yield f"{where} is {found!r}, not {wanted!r}"
            return
        for name, value in wanted.items():
            yield from _missing(f"{where}.{name}", value, found.get(name, type(value)()))
    elif isinstance(wanted, list) and any(isinstance(item, Mapping) for item in wanted):
        for item in wanted:
            if all(list(_missing("", item, other)) for other in found):
                yield f"{where} lacks {item!r}: {found!r}"
    elif found != wanted:
        yield f"{where} is {found!r}, not {wanted!r}"
