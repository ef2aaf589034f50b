"""What a pass knows: the newest attempt's pods, those of others apart, and nothing that was only a late watch."""

import logging
from typing import Any

import pytest
from builders.pod import a_pod
from builders.session import a_session, a_spec
from builders.world import an_outcome
from support.little_cluster import KEY, Api, Clock, Controller, LittleHub

from hubtraining.controller.gatherer import outcome, understood
from hubtraining.controller.values.decisions import CreatePod
from hubtraining.controller.values.messages import LONGEST
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import World

SECRET = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1"


class Scene:
    """A session, its API server, and a controller."""

    def __init__(self, **stanzas: Any) -> None:
        self.clock = Clock()
        self.api, self.hub = Api(self.clock), LittleHub(self.clock)
        self.api.apply(a_spec(**stanzas))
        self.restart()

    def restart(self, listed: dict[str, Any] | None = None) -> None:
        """A new process; ``listed``: the pods that its first list holds."""
        self.hub.forget()
        old = None if listed is None else (self.api.session, listed)
        self.controller = Controller(self.api, self.hub, self.clock, old)

    async def passes(self, times: int) -> None:
        for _ in range(times):
            self.hub.answer()
            await self.controller.reconcile(KEY)

    async def world(self) -> World:
        gathered = await self.controller.gatherer.gather(KEY)
        assert gathered is not None
        return gathered


async def trained(**stanzas: Any) -> Scene:
    """As far as a pod that was created and recorded, and a second's hold is over."""
    scene = Scene(**stanzas)
    await scene.passes(4)
    scene.api.change("signs-1-0", spec={"nodeName": "node-1"})
    scene.controller.hear_of_pods()
    await scene.passes(1)
    assert (await scene.world()).status.attempts[-1].pod_uids
    return scene


async def test_no_session_no_world() -> None:
    scene = Scene()
    assert await scene.controller.gatherer.gather(("team-a", "other")) is None


async def test_a_recorded_pod_that_the_watch_has_not_told_of_is_looked_for() -> None:
    scene = await trained()
    (uid,) = (await scene.world()).status.attempts[-1].pod_uids
    scene.restart(listed={})
    assert [pod.uid for pod in (await scene.world()).pods] == [uid]


async def test_a_recorded_pod_that_is_no_more_has_vanished() -> None:
    scene = await trained()
    scene.api.remove("signs-1-0")
    scene.restart()
    world = await scene.world()
    assert (world.pods, world.gone, world.vanished) == ((), (), True)


async def test_another_pod_of_the_recorded_ones_name_is_not_it() -> None:
    scene = await trained()
    scene.api.pods["signs-1-0"]["metadata"]["uid"] = "another"
    scene.restart(listed={})
    world = await scene.world()
    assert (world.pods, world.vanished) == ((), True)


async def test_a_pod_whose_creation_nobody_answered_is_found_before_its_attempt_is_closed() -> None:
    """Else it would train beside the next one."""
    scene = Scene()
    while not (await scene.world()).is_open:
        await scene.passes(1)
    world = await scene.world()
    await scene.controller.actor.act((CreatePod(1),), world)
    scene.restart(listed={})
    assert scene.api.session is not None
    scene.api.apply(a_spec(suspend=True))
    scene.controller.hear_of_session()
    await scene.passes(1)
    assert (await scene.world()).status.attempts[-1].reason == "Suspended"
    assert [pod.name for pod in (await scene.world()).pods] == ["signs-1-0"]


async def test_pods_of_other_attempts_stand_apart() -> None:
    scene = await trained()
    assert scene.api.session is not None
    status = scene.api.session["status"]
    first = status["attempts"]
    scene.api.session["status"] = {**status, "attempt": 2, "attempts": [*first, {"number": 2, "pods": ["signs-2-0"]}]}
    scene.restart()
    world = await scene.world()
    assert (world.pods, [pod.name for pod in world.stray]) == ((), ["signs-1-0"])
    scene.api.session["status"] = {}
    scene.restart()
    world = await scene.world()
    assert (world.pods, [pod.name for pod in world.later]) == ((), ["signs-1-0"])


async def test_questions_are_about_the_attempt_that_is_to_come() -> None:
    scene = Scene()
    await scene.passes(2)
    world = await scene.world()
    assert world.number == 1
    assert scene.hub.prepared(world.session, 1) is world.prepared
    assert scene.hub.prepared(world.session, 2) is None


def test_a_spec_that_can_be_used_has_no_problem() -> None:
    spec, problem = understood(a_session())
    assert problem is None
    assert spec is not None
    assert spec.model == "yolov8n.yaml"


def test_a_spec_that_cannot_be_used_says_what_is_wrong_and_where() -> None:
    spec, problem = understood(a_session(trainer={"image": 5}))
    assert spec is None
    assert problem is not None
    assert (problem.reason, problem.retry_seconds) == (Reason.INVALID_SPEC, None)
    assert problem.message.startswith("spec.trainer.image cannot be read: Expected `str`, got `int`")


def test_a_key_in_the_spec_is_its_own_reason_and_is_not_repeated() -> None:
    _, problem = understood(a_session(model=f"{SECRET}_Zk3n5Qw8Rt1Yb7Uc2Xm4"))
    assert problem is not None
    assert problem.reason is Reason.INLINE_API_KEY
    assert SECRET not in problem.message
    assert "modelFrom" in problem.message


def test_a_problem_is_a_sentence_of_bounded_length() -> None:
    _, problem = understood(a_session(trainer={"env": [{"name": "x" * 5000 + "!"}]}))
    assert problem is not None
    assert len(problem.message) <= LONGEST


def test_the_agents_last_words_are_read_once_it_has_ended() -> None:
    assert outcome(None) is None
    assert outcome(a_pod().training().view()) is None
    last = outcome(a_pod().ended(outcome=an_outcome(epoch=7)).view())
    assert last is not None
    assert last.epoch == 7


@pytest.mark.parametrize(
    "words", ["", '{"x": ' + "[" * 4000, "Killed", "{}", '{"stage": "Dreaming"}', '{"stage": "Finished", "epoch": -1}']
)
def test_last_words_that_cannot_be_read_are_none(words: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert outcome(a_pod().ended(outcome=words).view()) is None
    assert ("left no outcome that can be read" in caplog.text) is bool(words)
