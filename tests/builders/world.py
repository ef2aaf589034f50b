"""Worlds: everything that a decision may know, built step by step."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from builders.pod import NOON, PodBuilder, a_pod, stamp

from hubtraining.controller.gatherer import outcome, understood
from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.status import status
from hubtraining.controller.values.pods import PodView
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Asked, Heard, Prepared, Problem, Record, World
from hubtraining.domain.arguments import Plan
from hubtraining.domain.report import Checkpoint, CheckpointState, HubState, Metric, Outcome, Report, Stage
from hubtraining.domain.session import Session
from hubtraining.domain.status import AttemptStatus, ModelStatus, SessionStatus

SPEC: dict[str, Any] = {
    "model": "yolov8n.yaml",
    "train": {"args": {"data": "signs.yaml", "epochs": 10}},
    "trainer": {"image": "example/trainer:1"},
}
MODEL = ModelStatus("modelmodelmodelmodel", "https://hub.example/models/modelmodelmodelmodel", "yolov8n.yaml", "signs")
PLAN = Plan("yolov8n.yaml", {"data": "signs.yaml", "epochs": 10}, (), epochs=10)
PREPARED = Prepared(MODEL, PLAN, created=True)


def a_session(name: str = "signs", uid: str = "session-1", **spec: Any) -> Session:
    return Session(
        namespace="team-a",
        name=name,
        uid=uid,
        generation=1,
        resource_version="50",
        spec={**SPEC, **spec},
        status={},
        creation_time=stamp(NOON),
    )


def a_checkpoint(epoch: int = 1, state: CheckpointState = CheckpointState.UPLOADED, sha256: str = "") -> Checkpoint:
    return Checkpoint(epoch, 1000, sha256 or f"{epoch:064d}", state, NOON, 0.5)


def a_report(epoch: int = 1, attempt: int = 1, stage: Stage = Stage.TRAINING, **more: Any) -> Report:
    fields: dict[str, Any] = {
        "session_uid": "session-1",
        "sequence": 1,
        "time": NOON,
        "epochs": 10,
        "seconds_per_epoch": 6.4,
        "estimated_remaining_seconds": 57.6,
        "metrics": (Metric("metrics/mAP50-95(B)", 0.25, 0.5, 3), Metric("train/box_loss", 1.234567891)),
        "hub": HubState("agent-1", NOON),
    }
    return Report(**{**fields, "epoch": epoch, "attempt": attempt, "stage": stage, **more})


def an_outcome(**more: Any) -> str:
    fields: dict[str, Any] = {"stage": Stage.FINISHED, "epoch": 10, "epochs": 10, "exit_code": 0, **more}
    return msgspec.json.encode(Outcome(**fields)).decode()


class WorldBuilder:
    """`a_world().prepared().begun().with_pod(...).world()`; each step gives a new builder."""

    def __init__(self, world: World) -> None:
        self._world = world

    def world(self) -> World:
        return self._world

    def having(self, **fields: Any) -> "WorldBuilder":
        return WorldBuilder(msgspec.structs.replace(self._world, **fields))

    def at(self, seconds: float) -> "WorldBuilder":
        """So many seconds after noon."""
        return self.having(now=NOON + timedelta(seconds=seconds))

    def spec(self, **spec: Any) -> "WorldBuilder":
        session = msgspec.structs.replace(self._world.session, spec={**self._world.session.spec, **spec})
        read, problem = understood(session)
        return self.having(session=session, spec=read, problem=problem)

    def asked(
        self, since: float = 0.0, answer: Prepared | Problem | None = None, due: float | None = None
    ) -> "WorldBuilder":
        moment = None if due is None else NOON + timedelta(seconds=due)
        return self.having(prepared=Asked(NOON + timedelta(seconds=since), answer, moment))

    def prepared(self, **changes: Any) -> "WorldBuilder":
        return self.asked(answer=msgspec.structs.replace(PREPARED, **changes))

    def problem(self, reason: Reason, message: str = "It is so.", due: float | None = 30.0) -> "WorldBuilder":
        return self.asked(answer=Problem(reason, message), due=due)

    def told(self) -> "WorldBuilder":
        """As it is after the status that this world amounts to was written."""
        after = status(self._world, decide(self._world))
        raw = msgspec.to_builtins(after)
        session = msgspec.structs.replace(self._world.session, status=raw)
        return self.having(status=after, session=session, refusal="")

    def begun(self) -> "WorldBuilder":
        """The attempt is numbered, and its pod was created and recorded."""
        return self.prepared().told().with_pod(a_pod()).told()

    def attempts(self, *attempts: AttemptStatus, **status: Any) -> "WorldBuilder":
        """As the status tells of them; the newest stands last."""
        number = attempts[-1].number
        return self.having(
            status=msgspec.structs.replace(self._world.status, attempt=number, attempts=attempts, **status)
        )

    def with_pod(self, pod: PodBuilder) -> "WorldBuilder":
        return self.with_pods(pod)

    def with_pods(self, *pods: PodBuilder) -> "WorldBuilder":
        """These are there, and no others were."""
        return self._with(tuple(pod.view() for pod in pods), ())

    def without_pod(self, last: PodBuilder | None = None) -> "WorldBuilder":
        """There is none; this one was seen before."""
        return self._with((), (last.view(),) if last else ())

    def but_gone(self, *last: PodBuilder) -> "WorldBuilder":
        """Beside those that are there, these were seen before."""
        return self._with(self._world.pods, tuple(pod.view() for pod in last))

    def _with(self, pods: tuple[PodView, ...], gone: tuple[PodView, ...]) -> "WorldBuilder":
        there = self.having(pods=pods, gone=gone)
        return there.having(outcome=outcome(there.world().lead))

    def heard(self, report: Report | None = None, at: float = 0.0) -> "WorldBuilder":
        return self.having(heard=Heard(report or a_report(), NOON + timedelta(seconds=at)))

    def record(self, answer: Record | Problem | None = None, due: float | None = None) -> "WorldBuilder":
        moment = None if due is None else NOON + timedelta(seconds=due)
        return self.having(record=Asked(NOON, answer, moment))


def a_world(session: Session | None = None, now: datetime = NOON) -> WorldBuilder:
    """A session that nobody has looked at yet."""
    known = session or a_session()
    spec, problem = understood(known)
    world = World(now=now, since=NOON, session=known, status=SessionStatus(), spec=spec, problem=problem, sure=True)
    return WorldBuilder(world)
