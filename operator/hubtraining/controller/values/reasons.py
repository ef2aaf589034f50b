"""Every reason that a condition or an event of ours can have: a closed list, documented in docs/controller.md."""

from enum import StrEnum


class Reason(StrEnum):
    """Of conditions."""

    # Accepted
    ACCEPTED = "Accepted"
    INVALID_SPEC = "InvalidSpec"
    INLINE_API_KEY = "InlineApiKey"
    POD_REFUSED = "PodRefused"
    # HubReady
    CONNECTING = "Connecting"
    MODEL_CREATED = "ModelCreated"
    MODEL_LOADED = "ModelLoaded"
    RECOVERED = "Recovered"
    NO_HUB = "NoHub"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason, not a secret
    UNAUTHORIZED = "Unauthorized"
    HUB_UNAVAILABLE = "HubUnavailable"
    HUB_REFUSED = "HubRefused"
    MODEL_NOT_FOUND = "ModelNotFound"
    MODEL_IN_USE = "ModelInUse"
    MODEL_INCOMPLETE = "ModelIncomplete"
    ALREADY_TRAINED = "AlreadyTrained"
    DATASET_NOT_READY = "DatasetNotReady"
    # Scheduled
    WAITING = "Waiting"
    QUEUED = "Queued"
    UNSCHEDULABLE = "Unschedulable"
    SCHEDULED = "Scheduled"
    # Training
    STARTING = "Starting"
    PREPARING = "Preparing"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_CONFIG_ERROR = "ContainerConfigError"
    TRAINING = "Training"
    FINALIZING = "Finalizing"
    STOPPING = "Stopping"
    POD_STUCK = "PodStuck"
    RETRYING = "Retrying"
    ENDED = "Ended"
    # AgentReporting
    REPORTING = "Reporting"
    NO_REPORT = "NoReport"
    SILENT = "Silent"
    # CheckpointSafe
    NO_CHECKPOINT = "NoCheckpoint"
    UPLOADING = "Uploading"
    UPLOADED = "Uploaded"
    UPLOAD_FAILED = "UploadFailed"
    FINAL_UPLOADED = "FinalUploaded"
    FINAL_MISSING = "FinalMissing"
    # Suspended
    SUSPENDING = "Suspending"
    SUSPENDED = "Suspended"
    RESUMED = "Resumed"
    # Stalled
    NO_PROGRESS = "NoProgress"
    PROGRESSING = "Progressing"
    # Succeeded
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    # Succeeded, and why an attempt ended: failures
    TRAINER_FAILED = "TrainerFailed"
    FETCH_FAILED = "FetchFailed"
    POD_FAILED = "PodFailed"
    EVICTED = "Evicted"
    STALLED = "Stalled"
    START_DEADLINE_EXCEEDED = "StartDeadlineExceeded"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    # why an attempt ended: disruptions
    PREEMPTED = "Preempted"
    DRAINED = "Drained"
    NODE_LOST = "NodeLost"
    NODE_SHUTDOWN = "NodeShutdown"
    NODE_REFUSED = "NodeRefused"
    POD_DELETED = "PodDeleted"
    POD_LOST = "PodLost"


def reason_of(text: str) -> Reason:
    """The reason that a status holds; one that another version wrote and we do not know is a failure of the pod."""
    return Reason(text) if text in set(Reason) else Reason.POD_FAILED


class EventReason(StrEnum):
    """Of events."""

    ACCEPTED = "Accepted"
    INVALID_SPEC = "InvalidSpec"
    INLINE_API_KEY = "InlineApiKey"
    POD_REFUSED = "PodRefused"
    MODEL_CREATED = "ModelCreated"
    MODEL_LOADED = "ModelLoaded"
    ARGUMENTS_OVERRIDDEN = "ArgumentsOverridden"
    HUB_NOT_READY = "HubNotReady"
    HUB_UNAVAILABLE = "HubUnavailable"
    HUB_RECOVERED = "HubRecovered"
    ATTEMPT_STARTED = "AttemptStarted"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_CONFIG_ERROR = "ContainerConfigError"
    TRAINING_STARTED = "TrainingStarted"
    RESUMED = "Resumed"
    CHECKPOINT_UPLOADED = "CheckpointUploaded"
    FINAL_MISSING = "FinalMissing"
    STALLED = "Stalled"
    PREEMPTED = "Preempted"
    POD_STUCK = "PodStuck"
    RETRY_SCHEDULED = "RetryScheduled"
    SUSPENDED = "Suspended"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
