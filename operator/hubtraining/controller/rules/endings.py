"""Rules for an attempt whose pods have ended or are gone: what it came to, and what follows."""

from datetime import datetime

import msgspec

from hubtraining.controller.rules.attempts import present
from hubtraining.controller.rules.between import outlook
from hubtraining.controller.rules.booking import booked
from hubtraining.controller.rules.deadlines import since_begin
from hubtraining.controller.rules.findings import checkpoint_safe, condition, final_missing, going_on, training_is
from hubtraining.controller.rules.verdicts import Verdict, cause, success, vanished
from hubtraining.controller.values import messages
from hubtraining.controller.values.decisions import AskRecord, Decision
from hubtraining.controller.values.pods import ContainerView
from hubtraining.controller.values.reasons import Reason, reason_of
from hubtraining.controller.values.world import Problem, Record, World
from hubtraining.domain.conditions import Condition, ConditionType
from hubtraining.domain.status import AttemptStatus

_DISRUPTED = frozenset(
    {
        Reason.PREEMPTED,
        Reason.DRAINED,
        Reason.NODE_LOST,
        Reason.NODE_SHUTDOWN,
        Reason.NODE_REFUSED,
        Reason.POD_DELETED,
        Reason.POD_LOST,
    }
)


def ended(world: World) -> Decision | None:
    """No pod of the attempt runs any more, and what they said tells how it ended."""
    if not world.is_open or world.live or uncertain(world):
        return None
    verdict = success(world) or _asked_for(world) or cause(world) or vanished(world)
    return None if verdict is None else end(world, verdict)


def lost(world: World) -> Decision | None:
    """The pods are no more, and nobody saw the trainer end: the hub's record decides, where it can be asked for."""
    if not world.is_open or world.live or not uncertain(world):
        return None
    decided = _asked_for(world) if world.spec is None else None
    if decided is not None:
        return end(world, decided)  # with this spec no hub can be asked
    asked = world.record
    if asked is None or (asked.due is not None and world.now >= asked.due):
        return Decision(actions=(AskRecord(),), conditions=going_on(world))
    if asked.answer is None:
        return Decision(conditions=going_on(world))
    if isinstance(asked.answer, Problem):
        hub = condition(world, ConditionType.HUB_READY, "False", asked.answer.reason, asked.answer.message)
        wait = (asked.due - world.now).total_seconds() if asked.due else None
        return Decision(conditions=(*going_on(world), hub), again=wait)
    return end(world, _recorded(world, asked.answer))


def uncertain(world: World) -> bool:
    """Whether the first pod is gone and may have ended well unseen."""
    lead = world.lead
    if lead is None:
        return world.vanished
    gone = lead not in world.pods
    return gone and lead.trainer.exit_code is None and lead.trainer.state == "running"


def end(world: World, verdict: Verdict) -> Decision:
    """The attempt's end, and in the same write what follows from it."""
    closed = _closed(world, verdict)
    avoid = verdict.pod.node if verdict.pod and verdict.action == "RetryOnOtherNode" else ""
    if verdict.outcome == "Succeeded":
        after = Decision(conditions=(*going_on(world), *_succeeded(world, verdict)))
    else:
        after = outlook(msgspec.structs.replace(world, status=booked(world.status, closed, avoid)))
    conditions = (*_silent(world), *_safe(world, verdict), *after.conditions)
    return Decision(conditions=conditions, attempt=closed, avoid=avoid, again=after.again)


def _asked_for(world: World) -> Verdict | None:
    """The end that was decided on before the pods were asked to go."""
    attempt = world.attempt
    if attempt is None or not attempt.reason:
        return None
    reason = reason_of(attempt.reason)
    outcome = "Disrupted" if reason in _DISRUPTED else "Suspended" if reason is Reason.SUSPENDED else "Failed"
    if attempt.action == "Ignore":
        outcome = "Ignored"
    return Verdict(outcome, reason, attempt.message, rule=attempt.rule, action=attempt.action)


def _recorded(world: World, answer: object) -> Verdict:
    if isinstance(answer, Record) and answer.trained:
        message = "The pod is gone, but the hub has the final checkpoint of this session."
        return Verdict("Succeeded", Reason.SUCCEEDED, message)
    lost = Verdict("Disrupted", Reason.POD_LOST, messages.VANISHED)
    return _asked_for(world) or cause(world) or lost


def _succeeded(world: World, verdict: Verdict) -> tuple[Condition, ...]:
    stop = training_is(world, "False", Reason.ENDED, "The trainer has ended.")
    summary = condition(world, ConditionType.SUCCEEDED, "True", verdict.reason, verdict.message)
    return stop, summary


def _silent(world: World) -> tuple[Condition, ...]:
    """An agent that has ended is not silent, it is done."""
    kind = ConditionType.AGENT_REPORTING
    known = any(each.type == kind for each in world.status.conditions) or world.heard
    return (condition(world, kind, "False", Reason.ENDED, "The agent has ended."),) if known else ()


def _safe(world: World, verdict: Verdict) -> tuple[Condition, ...]:
    told = checkpoint_safe(world)
    if verdict.outcome != "Succeeded" or any(each.reason == Reason.FINAL_UPLOADED.value for each in told):
        return told
    record = world.record.answer if world.record else None
    if isinstance(record, Record) and record.trained:
        message = "The final checkpoint is in the hub."
        return (condition(world, ConditionType.CHECKPOINT_SAFE, "True", Reason.FINAL_UPLOADED, message),)
    return (final_missing(world),)


def _closed(world: World, verdict: Verdict) -> AttemptStatus:
    attempt = present(world) or AttemptStatus(number=world.number)
    good, container = verdict.outcome == "Succeeded", verdict.container
    tail = attempt.log_tail if container is None else messages.log_tail(container)
    return msgspec.structs.replace(
        attempt,
        outcome=verdict.outcome,
        end_time=_end_time(world),
        exit_code=container.exit_code if container else attempt.exit_code,
        reason=verdict.reason.value,
        message="" if good else verdict.message,
        rule=verdict.rule,
        action=verdict.action,
        log_tail="" if good else tail,
    )


def _end_time(world: World) -> datetime:
    """When the last trainer ended, by its node's clock; now, where nobody saw it or that clock is ahead. Where it is
    late, the trainer's own time counts from the attempt's begin: the next one waits from this moment."""
    ends = [end for pod in world.known if (end := _ended_at(world, pod.trainer)) is not None]
    return min(world.moment, max(ends, default=world.moment))


def _ended_at(world: World, trainer: ContainerView) -> datetime | None:
    if trainer.finished is None or trainer.started is None:
        return trainer.finished
    return since_begin(world, trainer.started) + (trainer.finished - trainer.started)
