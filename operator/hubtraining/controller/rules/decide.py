"""What should happen next: the first rule that has something to say, says it.

The rules are pure. Each looks at one world and answers with a decision, or leaves the word to the next.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from hubtraining.controller.rules import deadlines, stalls
from hubtraining.controller.rules.attempts import finalizing, preparing, stuck, training, unplaced
from hubtraining.controller.rules.between import clearing, exhausted, resting, suspended
from hubtraining.controller.rules.endings import ended, lost
from hubtraining.controller.rules.findings import going_on
from hubtraining.controller.rules.preparation import asking, begin, create, refused, unasked, unreadable, unready
from hubtraining.controller.rules.stopping import broken, departing, grace_seconds, halted, stopping
from hubtraining.controller.values.decisions import Confirm, Decision, DeletePod, DeleteSession
from hubtraining.controller.values.world import World
from hubtraining.domain.conditions import Condition, ConditionType, find

Rule = Callable[[World], Decision | None]

STALE_SECONDS = 5.0
"""Until the watch should have told what the API server knows."""


def leaving(world: World) -> Decision | None:
    """The session is being deleted: its owner references take everything along."""
    return Decision() if world.session.deleting else None


def finished(world: World) -> Decision | None:
    """The session has ended: nothing is written any more, nothing runs on, and it is deleted when its time is over."""
    summary = find(world.status.conditions, ConditionType.SUCCEEDED)
    if summary is None or summary.status == "Unknown":
        return None
    expiry = deadlines.expiry(world)
    if expiry is not None and world.now >= expiry:
        return Decision(actions=(DeleteSession(),))
    grace = grace_seconds(world)
    actions = tuple(DeletePod(pod, grace) for pod in world.live if not pod.deleting)
    return Decision(actions=actions, again=None if expiry is None else (expiry - world.now).total_seconds())


def behind(world: World) -> Decision | None:
    """There is a pod of an attempt that the status does not know: nothing is done until we are sure of the status."""
    if not world.later:
        return None
    if not world.sure:
        return Decision(actions=(Confirm(),), conditions=going_on(world), again=STALE_SECONDS)
    actions = tuple(DeletePod(pod) for pod in world.later if not pod.deleting)
    return Decision(actions=actions, conditions=going_on(world), again=STALE_SECONDS)


RULES: tuple[Rule, ...] = (
    leaving,  # being deleted
    finished,  # ended before
    behind,  # the status is old
    ended,  # the attempt's pods have ended
    lost,  # they are gone, and nobody knows
    broken,  # one of several pods has failed
    halted,  # the spec wants no attempt now, or not this one
    stopping,  # the attempt is to end
    departing,  # somebody else asked its pod to go
    unplaced,  # a pod waits for a node
    stuck,  # a container cannot start
    preparing,  # inputs are fetched
    training,  # the trainer runs
    finalizing,  # the last uploads run
    exhausted,  # nothing is tried any more
    clearing,  # pods of older attempts are there
    suspended,  # there shall be no pods
    resting,  # the next attempt is not due
    refused,  # the API server does not want a pod
    unreadable,  # the spec cannot be used
    unasked,  # the hub must be asked
    asking,  # the hub was asked
    unready,  # the hub has a problem
    begin,  # number the attempt
    create,  # create its pods
)
"""In the order in which they are asked."""


def decide(world: World) -> Decision:
    """The one answer to this world."""
    rule, decision = next((rule, said) for rule in RULES if (said := rule(world)) is not None)
    strays = tuple(DeletePod(pod, grace_seconds(world)) for pod in world.stray if not pod.deleting)
    return msgspec.structs.replace(
        decision,
        rule=rule.__name__,
        actions=(*strays, *decision.actions),
        conditions=_last_words(decision.conditions),
        again=_next_look(world, decision),
    )


def _last_words(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """One of each type: rules say what holds in general first, and then what is special."""
    return tuple({condition.type: condition for condition in conditions}.values())


def _next_look(world: World, decision: Decision) -> float | None:
    """When the rule wants it, or when a deadline is over; nothing is due for a session that has ended."""
    waits = [] if decision.again is None else [decision.again]
    if decision.conditions:
        waits += [max(0.0, (due - world.now).total_seconds()) for due in _dues(world) if due > world.now]
    return min(waits, default=None)


def _dues(world: World) -> Iterator[datetime]:
    for due in (deadlines.start(world), deadlines.active(world), stalls.due(world)):
        if due is not None:
            yield due
