"""Paths and payloads of the HUB v1 protocol, used by client and server alike, so they cannot drift.

All replies are wrapped in :class:`Envelope`. Epochs on the wire count from 0; everywhere else in this project from 1.
"""

from typing import Annotated, Any, Literal

import msgspec

AUTH = "/v1/auth"
MODELS = "/v1/models"
DATASETS = "/v1/datasets"
PROJECTS = "/v1/projects"
FILES = "/v1/files"
"""Ours: downloads; the links that a model or a data set names carry their own authorisation."""
WEIGHTS = "/v1/weights"
"""Ours: start weights that the hub keeps under a file name and serves as a model's ``parent``."""

HEADER_KEY = "x-api-key"
HEADER_SHA256 = "x-hubtraining-sha256"
"""Of an uploaded file, lowercase hex: lets the server refuse a torn upload and recognise a repeated one."""
HEADER_SESSION = "x-hubtraining-session"
"""UID of the session that writes."""
HEADER_ATTEMPT = "x-hubtraining-attempt"
"""Its attempt, decimal. Together they fence: an older attempt and a foreign session get 409."""
HEADER_IDEMPOTENCY = "idempotency-key"
"""On creation: the same key gives the same model again."""
HEADER_NAMESPACE = "x-hubtraining-namespace"
"""On creation, from the controller: the namespace whose pods may write the model."""

MODEL_ID_LENGTH = 20
API_KEY_LENGTH = 42

ModelState = Literal["new", "training", "trained"]
WeightsKind = Literal["best", "last", "parent"]
UploadType = Literal["epoch", "final"]


def model(model_id: str) -> str:
    """Read (GET), metrics (POST), update (PATCH), delete (DELETE)."""
    return f"{MODELS}/{model_id}"


def metrics(model_id: str) -> str:
    """Read the metrics (GET)."""
    return f"{MODELS}/{model_id}/metrics"


def upload(model_id: str) -> str:
    """Upload a checkpoint (multipart POST)."""
    return f"{MODELS}/{model_id}/upload"


def heartbeat(model_id: str) -> str:
    """Tell that an agent is alive (POST)."""
    return f"/v1/agent/heartbeat/models/{model_id}"


def claim(model_id: str) -> str:
    """Ours, for the controller: let the session in the headers write the model (POST); 409 if it is in use."""
    return f"{MODELS}/{model_id}/claim"


def close(model_id: str) -> str:
    """Ours: end a session's claim on the model (POST)."""
    return f"{MODELS}/{model_id}/close"


def checkpoints(model_id: str) -> str:
    """Ours: the history of uploaded checkpoints, newest first (GET)."""
    return f"{MODELS}/{model_id}/checkpoints"


def weights(name: str) -> str:
    """Ours: store start weights under this file name (multipart POST, one part ``file``); the same name replaces."""
    return f"{WEIGHTS}/{name}"


def project(project_id: str) -> str:
    """Read (GET), update (PATCH), delete (DELETE)."""
    return f"{PROJECTS}/{project_id}"


def dataset(dataset_id: str) -> str:
    """Read (GET; ``data.url`` is the download link), update (PATCH), delete (DELETE)."""
    return f"{DATASETS}/{dataset_id}"


def dataset_upload(dataset_id: str) -> str:
    """Upload a data set's zip (multipart POST, one part whose field name is the file name)."""
    return f"{DATASETS}/{dataset_id}/upload"


class Envelope(msgspec.Struct):
    """How every reply is wrapped."""

    success: bool = False
    message: str = ""
    data: Any = None


class Page(msgspec.Struct, rename="camel"):
    """One page of a list; ``last_record_id`` goes into the next page's ``last_doc_id``."""

    results: list[Any] = []
    total: int | None = None
    last_record_id: str | None = None


class Heartbeat(msgspec.Struct, rename="camel"):
    """Body of a heartbeat."""

    agent: str
    agent_id: str | None = None


class CheckpointRecord(msgspec.Struct, rename="camel", frozen=True):
    """Ours: one entry of a model's checkpoint history. ``epoch`` counts from 0."""

    epoch: int
    type: UploadType
    is_best: bool
    size_bytes: int
    sha256: str
    time: str
    session_uid: str | None = None
    attempt: int | None = None
    map: float | None = None


class Model(msgspec.Struct, rename=None):
    """``GET /v1/models/{id}`` → ``data``: the fields that clients use, and ours at the end."""

    id: Annotated[str, msgspec.Meta(max_length=256)]
    """Goes into paths, and into a session's status."""
    status: ModelState = "new"
    has_last_weights: bool = False
    has_best_weights: bool = False
    is_pretrained: bool = False
    is_custom: bool = False
    cfg: str | None = None
    data: str | None = None
    weights: str | None = None
    resume: str | None = None
    train_args: dict[str, Any] | None = None
    batch_size: int | float | str | None = None
    epochs: int | str | None = None
    imgsz: int | str | None = None
    patience: int | str | None = None
    device: Any = None
    cache: Any = None
    meta: dict[str, Any] = {}
    dataset: Any = None
    project: Any = None
    session_uid: str | None = None
    attempt: int | None = None
    last_seen: str | None = None
