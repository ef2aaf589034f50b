"""What the user asked for, stanza by stanza.

The CRD says the same in OpenAPI; a test walks both and finds the same fields and defaults.
"""

from typing import Any, Literal

import msgspec

from hubtraining.domain.layout import Arguments
from hubtraining.domain.template import TemplateSpec

Object = dict[str, Any]
"""A piece of Kubernetes API that we pass on as it is."""


class _Part(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A stanza of the spec: unknown fields are refused, as the API server does under strict validation."""


class SecretKeyRef(_Part, frozen=True):
    """One key of a Secret in the session's namespace."""

    name: str
    key: str


class ModelFrom(_Part, frozen=True):
    """A model identifier that holds an API key, kept in a Secret."""

    secret_key_ref: SecretKeyRef


class HubSpec(_Part, frozen=True):
    """The hub of this session; empty fields mean the operator's own."""

    url: str = ""
    web_url: str = msgspec.field(default="", name="webURL")
    protocol: Literal["hub"] = "hub"
    credentials_secret_ref: SecretKeyRef | None = None
    ca_bundle: str = ""


class TrainSpec(_Part, frozen=True):
    """Ultralytics arguments as the user wrote them."""

    args: Arguments = {}


class TrainerSpec(_Part, frozen=True):
    """The container that trains."""

    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[Object, ...] = ()
    env_from: tuple[Object, ...] = ()
    resources: Object = {}
    shm_size: str = "1Gi"


class AgentSpec(_Part, frozen=True):
    """The sidecar; empty fields mean the operator's own."""

    image: str = ""
    resources: Object = {}
    metrics_seconds: int = 3
    checkpoint_seconds: int = 900
    heartbeat_seconds: int = 300


class ClaimMetadata(_Part, frozen=True):
    """Added to the claim's metadata."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ClaimSpec(_Part, frozen=True):
    """What the claim asks for."""

    access_modes: tuple[str, ...]
    resources: Object
    storage_class_name: str = ""
    volume_mode: Literal["Filesystem"] = "Filesystem"


class ClaimTemplate(_Part, frozen=True):
    """A claim of the session's own."""

    spec: ClaimSpec
    metadata: ClaimMetadata = ClaimMetadata()


class WorkspaceSpec(_Part, frozen=True):
    """The shared volume: an emptyDir, an existing claim (sub-folder = the session's UID), or a claim of its own."""

    size_limit: str = ""
    claim_name: str = ""
    claim_template: ClaimTemplate | None = None

    @property
    def lasting(self) -> bool:
        """Whether it outlives the pods."""
        return bool(self.claim_name) or self.claim_template is not None


class ProgressSpec(_Part, frozen=True):
    """How much of the progress is mirrored into status, and how often."""

    status_seconds: int = 30
    metrics: tuple[str, ...] = ()


class RetrySpec(_Part, frozen=True):
    """How often, and how soon, training is tried again after it failed."""

    limit: int = 3
    backoff_seconds: int = 10
    max_backoff_seconds: int = 600


Action = Literal["Fail", "Retry", "RetryOnOtherNode", "Ignore"]
"""What follows a failure. ``Ignore``: as Retry, but not counted."""


class FailureRule(_Part, frozen=True):
    """What a failure means, told by the trainer's exit code or by its last words: one of them is set."""

    name: str
    action: Action
    on_exit_codes: tuple[int, ...] = ()
    on_log: str = ""
    """A regular expression in RE2's syntax, searched in the end of the log."""


class CheckpointsSpec(_Part, frozen=True):
    """What attempts go on from, and how long the last uploads may take."""

    resume: Literal["Auto", "Never"] = "Auto"
    flush_seconds: int = 120
    final_upload_seconds: int = 3600


class StallSpec(_Part, frozen=True):
    """When training that does not move is a stall (0: never), and what is done then."""

    after_seconds: int = 0
    action: Literal["Notify", "Restart", "Fail"] = "Notify"


class SessionSpec(_Part, frozen=True):
    """The whole spec. Exactly one of ``model`` and ``model_from`` is set."""

    trainer: TrainerSpec
    model: str = ""
    model_from: ModelFrom | None = None
    hub: HubSpec = HubSpec()
    train: TrainSpec = TrainSpec()
    agent: AgentSpec = AgentSpec()
    workspace: WorkspaceSpec = WorkspaceSpec()
    template: TemplateSpec = TemplateSpec()
    progress: ProgressSpec = ProgressSpec()
    nodes: int = 1
    suspend: bool = False
    retry: RetrySpec = RetrySpec()
    failure_rules: tuple[FailureRule, ...] = ()
    checkpoints: CheckpointsSpec = CheckpointsSpec()
    stall: StallSpec = StallSpec()
    start_deadline_seconds: int | None = None
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
