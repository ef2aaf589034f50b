"""The three containers: agent, fetch and trainer."""

from collections.abc import Iterable, Mapping
from typing import Any

from hubtraining.controller.manifests.assignments import assignment
from hubtraining.controller.manifests.attempt import Attempt, Manifest
from hubtraining.controller.manifests.command import fresh, literal, resumed
from hubtraining.controller.manifests.launcher import ENV_STOP_SECONDS, STOP_SECONDS, launched
from hubtraining.controller.manifests.nodes import variables
from hubtraining.controller.manifests.volumes import TMP, agent_mounts, fetch_mounts, trainer_mounts
from hubtraining.domain import layout, names

AGENT_RESOURCES: Manifest = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
"""Of agent and fetch, where neither session nor operator says otherwise."""

AGENT_ENV: Mapping[str, str] = {
    "TMPDIR": layout.JOURNAL,
    "MALLOC_ARENA_MAX": "1",  # or every thread that reads a file takes memory of its own and keeps it
}
STARTUP_PROBE: Manifest = {
    "httpGet": {"path": "/startup", "port": "metrics"},
    "periodSeconds": 1,
    "timeoutSeconds": 5,
    "failureThreshold": 300,  # a node that starts hundreds of pods at once is slow, not broken
}
LOCKED: Manifest = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
}
TRAINER_ENV: Mapping[str, str] = {
    "HOME": TMP,
    "USER": "trainer",  # the user often has no name in the image, and torch asks for one
    "YOLO_CONFIG_DIR": TMP,
    "MPLCONFIGDIR": f"{TMP}/matplotlib",
    "PYTHONUNBUFFERED": "1",  # or the last words of a trainer that is killed never come out
}
"""Makes an image work for a user that it does not know; ``spec.trainer.env`` may say otherwise."""


def agent(attempt: Attempt) -> Manifest:
    """The native sidecar: starts first, ends last. Its preStop begins the flush while the trainer stops."""
    return {
        **_program(attempt, names.CONTAINER_AGENT, AGENT_ENV),
        "restartPolicy": "Always",
        "ports": [{"name": "metrics", "containerPort": layout.AGENT_PORT}],
        "startupProbe": STARTUP_PROBE,
        "lifecycle": {"preStop": {"httpGet": {"path": "/flush", "port": "metrics"}}},
        "terminationMessagePolicy": "File",
        "volumeMounts": agent_mounts(attempt),
    }


def fetch(attempt: Attempt) -> Manifest:
    """Brings the inputs, and ends the attempt with its message where it cannot."""
    return {
        **_program(attempt, names.CONTAINER_FETCH),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": fetch_mounts(attempt),
    }


def trainer(attempt: Attempt) -> Manifest:
    """The user's image under the launcher; it gets no key and no token."""
    spec = attempt.spec.trainer
    container = {
        "name": names.CONTAINER_TRAINER,
        "image": spec.image,
        "command": launched(fresh(spec, attempt.plan), resumed(attempt.spec, attempt.plan)),
        "env": _merged(_variables(_ours(attempt) | dict(TRAINER_ENV)), spec.env),
        "resources": spec.resources,
        "securityContext": _trainer_security(attempt),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": trainer_mounts(attempt),
    }
    if spec.env_from:
        container["envFrom"] = list(spec.env_from)
    if not spec.command:
        container["workingDir"] = layout.WORKSPACE  # Ultralytics downloads into it; the image's own may be read-only
    return container


def _program(attempt: Attempt, name: str, env: Mapping[str, str] | None = None) -> Manifest:
    """A container of our own image that runs the program of its name."""
    settings, spec = attempt.settings, attempt.spec.agent
    told = {
        layout.ENV_ASSIGNMENT: assignment(attempt).to_json(),
        "HUBTRAINING_LOG_LEVEL": settings.log_level,
        "HUBTRAINING_LOG_FORMAT": settings.log_format,
    }
    return {
        "name": name,
        "image": spec.image or settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": [name],
        "env": _variables(told | dict(env or {})),
        "resources": spec.resources or settings.agent_resources or AGENT_RESOURCES,
        "securityContext": LOCKED,
    }


def _ours(attempt: Attempt) -> dict[str, str]:
    """What any trainer may want to know; the user's own command can refer to it as ``$(HUBTRAINING_DATA)``."""
    owner = attempt.session.uid, attempt.number
    told = {layout.ENV_EXIT_FILE: layout.exit_file(*owner)} if attempt.is_lead else {}
    return {
        **told,
        **variables(attempt),
        layout.ENV_ATTEMPT: str(attempt.number),
        layout.ENV_RESUME: layout.RESUME_FILE,
        layout.ENV_RESUME_MARKER: layout.resume_marker(*owner),
        ENV_STOP_SECONDS: str(STOP_SECONDS),
        "HUBTRAINING_MODEL": attempt.plan.model,
        "HUBTRAINING_DATA": str(attempt.plan.arguments.get("data", "")),
        "HUBTRAINING_RUN": layout.RUN,
    }


def _trainer_security(attempt: Attempt) -> Manifest:
    wanted = attempt.spec.template.spec.trainer_security_context
    ours = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {**wanted, **ours, "runAsNonRoot": wanted.get("runAsUser") != 0}


def _variables(values: Mapping[str, str]) -> list[Manifest]:
    return [{"name": name, "value": literal(value)} for name, value in values.items()]


def _merged(ours: Iterable[Manifest], theirs: Iterable[Mapping[str, Any]]) -> list[Manifest]:
    """By name, the later one wins and keeps the earlier one's place."""
    return list({variable["name"]: dict(variable) for variable in (*ours, *theirs)}.values())
