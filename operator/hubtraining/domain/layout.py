"""Where things lie inside a training pod, and what the agent is told when it starts.

The controller writes an :class:`Assignment` into the pod; ``fetch`` and ``agent`` read it. Everything in it is
public: keys and tokens come as files.
"""

from typing import Any, Literal

import msgspec

WORKSPACE = "/workspace"
"""Shared by fetch, agent and trainer."""

INPUTS = f"{WORKSPACE}/inputs"
"""What ``fetch`` brought; fixed names, so the trainer's command line is known before the download."""

INPUT_DATA_YAML = f"{INPUTS}/data.yaml"
"""The data set's yaml, its ``path`` rewritten to the unpacked folder."""

RUN = f"{WORKSPACE}/run"
"""The run folder: results.csv, args.yaml, weights/*.pt."""

RESUME_FILE = f"{RUN}/weights/last.pt"
"""What an attempt that goes on starts from: ``fetch`` leaves it there, and never otherwise."""

EXIT_CODES = f"{WORKSPACE}/.hubtraining"
"""Folder of small files that the containers leave for each other; see :func:`exit_file`, :func:`begun_file`.

They are named by session and attempt: a volume may come with the files of another session.
"""

JOURNAL = "/journal"
"""The agent's own volume: what the hub has not acknowledged, and snapshots of checkpoints."""

SECRETS = "/var/run/hubtraining"
"""Mounted into agent and fetch only."""

TOKEN_CONTROLLER = f"{SECRETS}/tokens/controller"
TOKEN_HUB = f"{SECRETS}/tokens/hub"
HUB_KEY = f"{SECRETS}/hub/api-key"
HUB_IDENTIFIER = f"{SECRETS}/hub/identifier"
TERMINATION_LOG = "/dev/termination-log"

AGENT_PORT = 9464
"""Of the agent: ``/metrics``, ``/startup`` (startup probe) and ``/flush`` (preStop; returns at once)."""

ENV_ASSIGNMENT = "HUBTRAINING_ASSIGNMENT"
"""JSON of :class:`Assignment`."""

ENV_EXIT_FILE = "HUBTRAINING_EXIT_FILE"
"""The trainer's launcher writes the exit code there, by rename."""

ENV_ATTEMPT = "HUBTRAINING_ATTEMPT"

ENV_RESUME = "HUBTRAINING_RESUME"
"""Tells the user's own command of RESUME_FILE; there is such a file exactly where the attempt goes on from it."""

ENV_RESUME_MARKER = "HUBTRAINING_RESUME_MARKER"
"""Tells the launcher of :func:`resume_marker`."""


def exit_file(session_uid: str, attempt: int) -> str:
    """The file whose existence says that the trainer of this attempt has ended; holds its exit code in decimal."""
    return f"{EXIT_CODES}/exit-{session_uid}-{attempt}"


def begun_file(session_uid: str, attempt: int) -> str:
    """JSON of :class:`Begun`, by rename: the inputs of this attempt are there, its run folder is as it begins."""
    return f"{EXIT_CODES}/begun-{session_uid}-{attempt}"


def resume_marker(session_uid: str, attempt: int) -> str:
    """An empty file that exists exactly when this attempt goes on from RESUME_FILE."""
    return f"{EXIT_CODES}/resume-{session_uid}-{attempt}"


def weights_file(name: str) -> str:
    """Where ``fetch`` puts weights of this file name."""
    return f"{INPUTS}/{name}"


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that ``fetch`` must bring before training starts.

    ``parent``, ``last`` and ``best`` are weights, by the protocol's kinds; ``dataset`` is a zip that is unpacked.
    """

    kind: Literal["dataset", "parent", "last", "best"]
    path: str
    """The file that exists when it is done: the weights, or the data set's yaml."""


class Begun(msgspec.Struct, frozen=True, rename="camel"):
    """What an attempt began from, as ``fetch`` left it."""

    resumed_epoch: int | None = None
    """The last epoch, counted from 1, that need not be trained again; None where training begins afresh."""
    sha256: str = ""
    """Of RESUME_FILE as it lies there."""
    source: Literal["hub", "workspace"] | None = None
    """Where it was found; None where training begins afresh."""
    uploaded: tuple[str, ...] = ()
    """SHA-256 of the restored files that the hub has already."""


class HubAccess(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How the agent speaks to the session's hub."""

    url: str
    """API root, no trailing slash."""
    model_id: str
    auth: Literal["token", "key", "identifier"] = "token"
    """``token``: the projected token at TOKEN_HUB, for our own hub. ``key``: the file HUB_KEY, for any other.
    ``identifier``: the key inside the model identifier in the file HUB_IDENTIFIER."""
    ca_bundle: str = ""
    """PEM; empty means the image's own trust."""


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What one attempt's agent has to do."""

    namespace: str
    session: str
    session_uid: str
    attempt: int
    hub: HubAccess
    reports_url: str
    """Where reports go (full URL); empty means that nobody listens."""
    inputs: tuple[Input, ...] = ()
    resume: bool = True
    """Whether ``fetch`` may look for something to go on from: in attempts after the first, or where ``last`` is among
    the inputs."""
    node_index: int = 0
    nodes: int = 1
    """Pods of one attempt. Only the first brings the inputs and has an agent; ``fetch`` of the others waits for it."""
    run_folder: str = RUN
    epochs: int | None = None
    """Planned epochs; None when only the trainer knows."""
    metrics_seconds: int = 3
    checkpoint_seconds: int = 900
    heartbeat_seconds: int = 300
    report_seconds: int = 10
    """Between two reports while something changes."""
    flush_seconds: int = 120
    """Time that a pod that was asked to go may use for its last uploads."""
    final_upload_seconds: int = 3600
    """Time that a finished trainer's last uploads may take."""

    def to_json(self) -> str:
        """The text that goes into ENV_ASSIGNMENT; the same object gives the same text."""
        return msgspec.json.encode(self, order="sorted").decode()

    @classmethod
    def from_json(cls, text: str) -> "Assignment":
        """Read what :meth:`to_json` wrote; raises msgspec.ValidationError with the field's path."""
        return msgspec.json.decode(text, type=cls)


Arguments = dict[str, Any]
"""Ultralytics arguments: scalars and flat lists by name."""
