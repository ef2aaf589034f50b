"""What a world says about each condition, whatever rule decides."""

from datetime import datetime

from hubtraining.controller.values.messages import short
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import World
from hubtraining.domain.conditions import Condition, ConditionStatus, ConditionType, find
from hubtraining.domain.report import CheckpointState, Outcome, Report
from hubtraining.domain.session import AgentSpec

SLACK_SECONDS = 60.0
"""For delays on the way."""

HUB_FAILURES = 3
"""So many calls of an agent in a row must fail before its hub is called unavailable: a short restart is no news."""


def condition(
    world: World, kind: ConditionType, status: ConditionStatus, reason: Reason, message: str = ""
) -> Condition:
    """A condition about the session's present generation."""
    return Condition(kind, status, reason.value, message, world.session.generation)


def accepted(world: World) -> Condition:
    """Whether the spec can be used."""
    if world.problem is not None:
        return condition(world, ConditionType.ACCEPTED, "False", world.problem.reason, world.problem.message)
    return condition(world, ConditionType.ACCEPTED, "True", Reason.ACCEPTED, "The spec is valid.")


def in_progress(world: World) -> Condition:
    """The summary before the end."""
    return condition(world, ConditionType.SUCCEEDED, "Unknown", Reason.IN_PROGRESS, "The session has not ended.")


def suspension(world: World) -> tuple[Condition, ...]:
    """How a suspend comes on or is over; nothing where there never was one."""
    kind = ConditionType.SUSPENDED
    if world.spec is not None and world.spec.suspend:
        return (condition(world, kind, "Unknown", Reason.SUSPENDING, "The pods were asked to go."),)
    if any(each.type == kind for each in world.status.conditions):
        return (condition(world, kind, "False", Reason.RESUMED, "The session is not suspended any more."),)
    return ()


def going_on(world: World) -> tuple[Condition, ...]:
    """What holds of every session that has not ended."""
    return accepted(world), *suspension(world), in_progress(world)


def unplaced(world: World, message: str) -> Condition:
    """While there is no pod."""
    return condition(world, ConditionType.SCHEDULED, "Unknown", Reason.WAITING, message)


def training_is(world: World, status: ConditionStatus, reason: Reason, message: str) -> Condition:
    """Whether the trainer runs, and what it waits for."""
    return condition(world, ConditionType.TRAINING, status, reason, message)


def reporting(world: World) -> tuple[Condition, ...]:
    """Whether the agent is heard; nothing before the trainer runs or the agent has spoken."""
    kind = ConditionType.AGENT_REPORTING
    quiet = silence(world)
    if quiet is None:
        return ()
    if quiet < patience(world):
        return _heard(world)
    if world.heard is None:
        return (
            condition(world, kind, "False", Reason.NO_REPORT, "The agent has not reported since the trainer began."),
        )
    return (condition(world, kind, "False", Reason.SILENT, "The agent has stopped reporting; training may go on."),)


def patience(world: World) -> float:
    """How long an agent may be quiet: it speaks when something changes, and its heartbeat does; one may be missed."""
    heartbeat = world.spec.agent.heartbeat_seconds if world.spec else AgentSpec().heartbeat_seconds
    return 2 * heartbeat + SLACK_SECONDS


def silence(world: World) -> float | None:
    """Seconds without a word; None while no word is due. Nobody was silent before this controller listened."""
    lead = next((pod for pod in world.pods if pod.node_index == 0), None)
    begun = lead.trainer.started if lead else None
    if world.heard is None and begun is None:
        return None
    moments: list[datetime] = [moment for moment in (begun, world.since) if moment is not None]
    last = world.heard.at if world.heard else max(moments)
    return (world.now - last).total_seconds()


def hub_ready(world: World) -> tuple[Condition, ...]:
    """How the agent and the hub get on; nothing where that is as it was."""
    kind = ConditionType.HUB_READY
    before = find(world.status.conditions, kind)
    hub = world.heard.report.hub if world.heard else None
    if hub is None:
        return ()
    if hub.consecutive_failures >= HUB_FAILURES:
        message = "The hub does not answer the agent; updates are kept and sent later."
        return (condition(world, kind, "False", Reason.HUB_UNAVAILABLE, message),)
    if hub.consecutive_failures == 0 and before is not None and before.status == "False":
        return (condition(world, kind, "True", Reason.RECOVERED, "The hub answers the agent again."),)
    return ()


def said(world: World) -> Report | Outcome | None:
    """The agent's last word about the attempt."""
    if world.outcome is not None:
        return world.outcome
    return world.heard.report if world.heard else None


def checkpoint_safe(world: World) -> tuple[Condition, ...]:
    """Whether the hub holds something to go on from."""
    word = said(world)
    if word is None:
        return ()
    kind = ConditionType.CHECKPOINT_SAFE
    if word.final is not None and word.final.state is CheckpointState.UPLOADED:
        return (condition(world, kind, "True", Reason.FINAL_UPLOADED, "The final checkpoint is in the hub."),)
    known = world.status.checkpoints
    if word.uploaded > 0 or (known is not None and known.uploaded):
        return (condition(world, kind, "True", Reason.UPLOADED, "A checkpoint of this session is in the hub."),)
    if word.failed > 0:
        return (condition(world, kind, "False", Reason.UPLOAD_FAILED, "No checkpoint could be uploaded."),)
    if word.latest is not None:
        return (condition(world, kind, "False", Reason.UPLOADING, "The first checkpoint is on its way to the hub."),)
    return (condition(world, kind, "Unknown", Reason.NO_CHECKPOINT, "The trainer has not saved a checkpoint."),)


def final_missing(world: World) -> Condition:
    """After a good end without a final checkpoint in the hub."""
    why = f" ({world.outcome.message})" if world.outcome and world.outcome.message else ""
    message = short(f"The trainer succeeded, but its final checkpoint did not reach the hub{why}.")
    return condition(world, ConditionType.CHECKPOINT_SAFE, "False", Reason.FINAL_MISSING, message)


def _heard(world: World) -> tuple[Condition, ...]:
    if world.heard is None:
        return ()
    return (condition(world, ConditionType.AGENT_REPORTING, "True", Reason.REPORTING, "The agent reports."),)
