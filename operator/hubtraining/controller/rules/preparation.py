"""Rules for an attempt that has no pods yet: from the spec over the hub's model to their creation."""

from collections.abc import Iterator

from hubtraining.controller.rules.findings import condition, going_on, training_is, unplaced
from hubtraining.controller.values.decisions import (
    Action,
    AskHub,
    Confirm,
    CreateClaim,
    CreatePod,
    CreateService,
    Decision,
)
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Prepared, Problem, World
from hubtraining.domain.conditions import Condition, ConditionType, find
from hubtraining.domain.names import pod_name
from hubtraining.domain.session import SessionSpec
from hubtraining.domain.status import AttemptStatus

REFUSED_SECONDS = 60.0
"""Between two tries to create a pod that the API server refused: a quota may have room by then."""

AGAIN_SECONDS = 5.0
"""After a creation that did not come to anything."""

PATIENCE_SECONDS = 2.0
"""So long an unanswered question is not worth a status write of its own."""

FATAL = {Reason.ALREADY_TRAINED.value}
"""Answers of the hub that end the session."""


def unreadable(world: World) -> Decision | None:
    """The spec cannot be used: say why, and wait until it is changed."""
    if world.spec is not None:
        return None
    return Decision(conditions=going_on(world))


def refused(world: World) -> Decision | None:
    """The API server would not take the pod: its words are the answer, and the attempt is not counted."""
    if not world.refusal:
        return None
    refusal = condition(world, ConditionType.ACCEPTED, "False", Reason.POD_REFUSED, world.refusal)
    return Decision(conditions=(*going_on(world), refusal), again=REFUSED_SECONDS)


def unasked(world: World) -> Decision | None:
    """Nobody asked the hub, or it is time to ask again; what the last answer said stays told meanwhile."""
    asked = world.prepared
    if asked is not None and (asked.due is None or world.now < asked.due):
        return None
    return Decision(actions=(AskHub(),), conditions=_as_told(world), hold=PATIENCE_SECONDS)


def asking(world: World) -> Decision | None:
    """The hub has not answered yet."""
    if world.prepared is None or world.prepared.answer is not None:
        return None
    connecting = condition(world, ConditionType.HUB_READY, "Unknown", Reason.CONNECTING, "The hub is being asked.")
    news = () if _known_bad(world) else (connecting,)
    return Decision(conditions=(*_as_told(world), *news), hold=PATIENCE_SECONDS)


def unready(world: World) -> Decision | None:
    """The hub, or the way to it, has a problem."""
    problem = world.prepared.answer if world.prepared else None
    if not isinstance(problem, Problem):
        return None
    kind = ConditionType.ACCEPTED if problem.reason is Reason.INVALID_SPEC else ConditionType.HUB_READY
    told = condition(world, kind, "False", problem.reason, problem.message)
    if problem.reason.value in FATAL:
        ended = condition(world, ConditionType.SUCCEEDED, "False", problem.reason, problem.message)
        return Decision(conditions=(*going_on(world), told, ended))
    return Decision(conditions=(*going_on(world), told), again=_until(world))


def begin(world: World) -> Decision | None:
    """Everything is ready: number the attempt before its pods exist."""
    answer = world.prepared.answer if world.prepared else None
    if world.is_open or world.spec is None or not isinstance(answer, Prepared):
        return None
    names = tuple(pod_name(world.session.name, world.number, index) for index in range(world.spec.nodes))
    attempt = AttemptStatus(number=world.number, pods=names, outcome="Pending", start_time=world.moment)
    conditions = (*_ready(world, answer), *_anew(world))
    return Decision(conditions=conditions, model=answer.model, attempt=attempt, again=Decision.SOON)


def create(world: World) -> Decision | None:
    """The attempt is numbered and not all of its pods are there: create them, and what they need."""
    answer = world.prepared.answer if world.prepared else None
    if world.attempt is None or world.spec is None or not isinstance(answer, Prepared):
        return None
    actions = tuple(_creations(world, world.spec))
    return Decision(actions=actions, conditions=_ready(world, answer), model=answer.model, again=AGAIN_SECONDS)


def _creations(world: World, spec: SessionSpec) -> Iterator[Action]:
    if not world.sure:
        yield Confirm()
    if spec.workspace.claim_template is not None:
        yield CreateClaim()
    if spec.nodes > 1:
        yield CreateService()
    there = {pod.node_index for pod in world.known}
    yield from (CreatePod(world.number, index) for index in range(world.nodes) if index not in there)


def _anew(world: World) -> tuple[Condition, ...]:
    """Nothing that was said of the last attempt's pods holds of the next one's."""
    if world.attempt is None:
        return ()
    moves = condition(world, ConditionType.STALLED, "False", Reason.PROGRESSING, "A new attempt begins.")
    stalled = find(world.status.conditions, ConditionType.STALLED)
    starting = training_is(world, "False", Reason.STARTING, f"The pods of attempt {world.number} are being created.")
    return unplaced(world, "The pod is not there yet."), starting, *((moves,) if stalled else ())


def _ready(world: World, answer: Prepared) -> tuple[Condition, ...]:
    reason = Reason.MODEL_CREATED if answer.created else Reason.MODEL_LOADED
    verb = "created" if answer.created else "loaded"
    message = f"The model was {verb}: {answer.model.url}"
    hub = condition(world, ConditionType.HUB_READY, "True", reason, message)
    return *going_on(world), hub


def _as_told(world: World) -> tuple[Condition, ...]:
    """What holds in general, but for a spec that the last answer found wanting: asking again does not make it good."""
    told = find(world.status.conditions, ConditionType.ACCEPTED)
    bad = told is not None and told.status == "False" and told.observed_generation == world.session.generation
    return tuple(each for each in going_on(world) if not bad or each.type != ConditionType.ACCEPTED)


def _known_bad(world: World) -> bool:
    """Whether the last answer is told and was none: asking again does not make that unknown."""
    hub = find(world.status.conditions, ConditionType.HUB_READY)
    return hub is not None and hub.status == "False"


def _until(world: World) -> float | None:
    due = world.prepared.due if world.prepared else None
    return None if due is None else max(0.0, (due - world.now).total_seconds())
