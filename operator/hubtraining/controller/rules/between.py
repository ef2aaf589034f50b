"""Rules for a session that has no attempt just now: it has come to an end, is suspended, or waits for the next one."""

from datetime import datetime

import msgspec

from hubtraining.controller.rules import backoff, deadlines
from hubtraining.controller.rules.findings import condition, going_on, training_is, unplaced
from hubtraining.controller.rules.stopping import LOOK_SECONDS, grace_seconds, leaving, overdue
from hubtraining.controller.values import messages
from hubtraining.controller.values.decisions import Decision, DeletePod
from hubtraining.controller.values.reasons import Reason, reason_of
from hubtraining.controller.values.world import World
from hubtraining.domain.conditions import Condition, ConditionType
from hubtraining.domain.session import RetrySpec
from hubtraining.domain.status import AttemptStatus


def exhausted(world: World) -> Decision | None:
    """Nothing is tried any more: a failure was the last one, or there is no time left."""
    found = _last_failure(world) or _no_time(world)
    if world.is_open or found is None:
        return None
    reason, message = found
    ended = training_is(world, "False", Reason.ENDED, "No trainer runs any more.")
    summary = condition(world, ConditionType.SUCCEEDED, "False", reason, message)
    return Decision(conditions=(*going_on(world), ended, summary))


def clearing(world: World) -> Decision | None:
    """Pods of attempts that have ended are deleted; nothing else begins before they are gone."""
    left = (*world.stray, *world.pods)
    if world.is_open or not left:
        return None
    grace = grace_seconds(world)
    actions = tuple(DeletePod(pod, grace) for pod in world.pods if not pod.deleting)
    stuck = leaving(world, left) if any(overdue(world, pod) for pod in left) else ()
    ahead = outlook(world)
    return msgspec.structs.replace(ahead, actions=actions, conditions=(*ahead.conditions, *stuck), again=LOOK_SECONDS)


def suspended(world: World) -> Decision | None:
    """There are no pods, and there shall be none."""
    if world.is_open or world.spec is None or not world.spec.suspend:
        return None
    told = condition(world, ConditionType.SUSPENDED, "True", Reason.SUSPENDED, "There are no pods.")
    return Decision(conditions=(*going_on(world), *_idle(world), told))


def resting(world: World) -> Decision | None:
    """The next attempt is not due yet."""
    due = _due(world)
    if world.is_open or due is None or world.now >= due:
        return None
    return outlook(world)


def outlook(world: World) -> Decision:
    """What follows an attempt that has ended without success."""
    final = exhausted(world)
    if final is not None:
        return final
    due = _due(world)
    wait = (due - world.now).total_seconds() if due else 0.0
    return Decision(conditions=(*going_on(world), *_idle(world)), again=max(Decision.SOON, wait))


def _idle(world: World) -> tuple[Condition, ...]:
    """How the conditions about pods stand while there is no attempt; nothing before the first."""
    attempt = world.attempt
    if attempt is None or attempt.is_open:
        return ()
    nowhere = unplaced(world, "There is no pod.")
    if world.spec is not None and world.spec.suspend:
        return nowhere, training_is(world, "False", Reason.ENDED, "The trainer was stopped.")
    return nowhere, training_is(world, "False", Reason.RETRYING, _message(world, attempt))


def _message(world: World, attempt: AttemptStatus) -> str:
    waits = backoff.delay(world.status, _retry(world)) > 0
    return messages.next_attempt(attempt, _due(world) if waits else None)


def _due(world: World) -> datetime | None:
    return backoff.due(world.status, _retry(world))


def _last_failure(world: World) -> tuple[Reason, str] | None:
    attempt, limit = world.attempt, _retry(world).limit
    if attempt is None or attempt.outcome != "Failed":
        return None
    if attempt.action != "Fail" and world.status.failures <= limit:
        return None
    return reason_of(attempt.reason), messages.given_up(attempt, world.status.failures, limit)


def _no_time(world: World) -> tuple[Reason, str] | None:
    if world.spec is None:
        return None
    start = deadlines.start(world)
    if start is not None and world.now >= start:
        return Reason.START_DEADLINE_EXCEEDED, messages.start_deadline(world.spec)
    if world.attempt is not None and deadlines.used_up(world):
        return Reason.DEADLINE_EXCEEDED, messages.active_deadline(world.spec)
    return None


def _retry(world: World) -> RetrySpec:
    return world.spec.retry if world.spec else RetrySpec()
