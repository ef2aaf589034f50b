"""Sessions as people watch them: one for every phase, and stories of several statuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

from builders.session import UID, a_body

from hubtraining.people.following import Present
from hubtraining.people.story import EVENT, SESSION, Story

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MODEL = "modelmodelmodelmodel"
Body = dict[str, Any]


def at(seconds: float = 0.0) -> str:
    """So many seconds after noon, as the API server writes it."""
    return (NOON + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def a_condition(kind: str, status: str = "True", reason: str = "", message: str = "It is so.") -> Body:
    return {"type": kind, "status": status, "reason": reason or kind, "message": message, "lastTransitionTime": at()}


def training_status(epoch: int = 12, epochs: int = 40, **more: Any) -> Body:
    """Of a session in the midst of its second attempt."""
    done = epoch / epochs
    return {
        "phase": "Training",
        "observedGeneration": 1,
        "conditions": [
            a_condition("Accepted"),
            a_condition("HubReady", reason="ModelCreated"),
            a_condition("Scheduled"),
            a_condition("Training"),
            a_condition("AgentReporting", reason="Reporting"),
            a_condition("CheckpointSafe", reason="Uploaded"),
            a_condition("Succeeded", "Unknown", "InProgress"),
        ],
        "model": {
            "id": MODEL,
            "url": f"https://hub.example/models/{MODEL}",
            "parent": "yolo11n.pt",
            "dataset": "signs",
        },
        "progress": {
            "stage": "Training",
            "epoch": epoch,
            "epochs": epochs,
            "progressPercentage": int(100 * done),
            "estimatedRemainingSeconds": (epochs - epoch) * 95,
            "secondsPerEpoch": 95,
            "lastUpdatedTime": at(),
        },
        "metrics": [
            a_metric("metrics/precision(B)", 0.2 + 0.5 * done, epoch),
            a_metric("metrics/mAP50-95(B)", 0.1 + 0.4 * done**0.5, epoch),
            a_metric("train/box_loss", 1.9 - done, epoch),
            a_metric("train/cls_loss", 2.4 - 1.5 * done, epoch),
            a_metric("val/box_loss", 2.1 - done, epoch),
            {"name": "lr/pg0", "value": "0.00083"},
        ],
        "checkpoints": {
            "latest": {**a_checkpoint(epoch), "time": at(-95)},
            "best": {**a_checkpoint(max(1, epoch - 1)), "fitness": "0.418", "time": at(-200)},
            "uploaded": 3,
            "failed": 0,
        },
        "hub": {"agentId": "a", "lastHeartbeatTime": at(-12), "consecutiveFailures": 0, "bufferedUpdates": 0},
        "attempt": 2,
        "failures": 1,
        "preemptions": 0,
        "attempts": [
            {
                "number": 1,
                "pods": ["signs-1-0"],
                "node": "gpu-3",
                "outcome": "Failed",
                "exitCode": 137,
                "logTail": "Killed",
            },
            {"number": 2, "pods": ["signs-2-0"], "node": "gpu-7", "outcome": "Running"},
        ],
        "startTime": at(-3600),
        **more,
    }


def a_metric(name: str, value: float, epoch: int) -> Body:
    return {"name": name, "value": f"{value:.6g}", "best": f"{value:.6g}", "bestEpoch": epoch}


def a_checkpoint(epoch: int, state: str = "Uploaded") -> Body:
    return {"epoch": epoch, "sizeBytes": 6_188_579, "sha256": "a" * 64, "state": state, "attempt": 2}


def ended_status(succeeded: bool, reason: str, message: str) -> Body:
    """Of a session that has ended."""
    status = training_status(40 if succeeded else 17)
    others = [each for each in status["conditions"] if each["type"] not in ("Training", "Succeeded")]
    ended = [
        a_condition("Training", "False", "Ended", "The trainer has ended."),
        a_condition("Succeeded", str(succeeded), reason, message),
    ]
    phase = "Succeeded" if succeeded else "Failed"
    final = {"final": a_checkpoint(40)} if succeeded else {}
    more = {"phase": phase, "conditions": others + ended, "completionTime": at()}
    return {**status, **more, "checkpoints": {**status["checkpoints"], **final}}


def waiting_status(phase: str, *conditions: Body, **more: Any) -> Body:
    """Of a session that does not train at the moment."""
    known = [*conditions, a_condition("Succeeded", "Unknown", "InProgress")]
    return {"phase": phase, "observedGeneration": 1, "conditions": known, **more}


UNSCHEDULABLE = "No node can take the pod signs-1-0: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
RETRY = "Attempt 1 failed (exit code 137). Attempt 2 begins at 12:00:40."
PHASES: dict[str, Body] = {
    "": {},
    "Pending": waiting_status("Pending", a_condition("Scheduled", "False", "Unschedulable", UNSCHEDULABLE)),
    "Queued": waiting_status("Queued", a_condition("Scheduled", "Unknown", "Queued", "The pod waits in queue team-a.")),
    "Preparing": waiting_status(
        "Preparing", a_condition("Training", "False", "Preparing", "Weights and data are being fetched."), attempt=1
    ),
    "Training": training_status(),
    "Finalizing": training_status(40, phase="Finalizing"),
    "Suspended": training_status(phase="Suspended", conditions=[a_condition("Suspended", reason="SuspendedByUser")]),
    "Retrying": training_status(
        phase="Retrying", conditions=[a_condition("Training", "False", "RetryScheduled", RETRY)]
    ),
    "Succeeded": ended_status(True, "Succeeded", "The trainer succeeded; the final checkpoint is in the hub."),
    "Failed": ended_status(False, "TrainerFailed", "The trainer ended with exit code 1: CUDA out of memory."),
}
"""Status by phase; the empty one is of a session that no controller has looked at."""


def a_seen_body(status: Body, uid: str = UID, name: str = "signs") -> Body:
    """A session as the API server shows it."""
    body = a_body(name, model="yolo11n.pt")
    metadata = {**body["metadata"], "namespace": "team-a", "uid": uid, "resourceVersion": "7", "generation": 1}
    return {**body, "metadata": metadata, "status": status}


def an_event(reason: str, message: str, seconds: float = 0.0, warning: bool = False, about: str = UID) -> Body:
    return {
        "metadata": {
            "name": f"signs.{reason.lower()}.{seconds}",
            "namespace": "team-a",
            "uid": f"event-{reason}-{seconds}",
        },
        "involvedObject": {"kind": "HubTrainingSession", "name": "signs", "uid": about},
        "reason": reason,
        "message": message,
        "type": "Warning" if warning else "Normal",
        "lastTimestamp": at(seconds),
    }


def a_story(*statuses: Body, events: tuple[Body, ...] = ()) -> Story:
    """What is known after these statuses, one after the other."""
    story = Story()
    for status in statuses:
        story = story.after(Present(SESSION, a_seen_body(status)))
    for event in events:
        story = story.after(Present(EVENT, event))
    return story
