"""What acting does to the API server: nothing twice, nothing that is not ours, nothing on old news."""

from typing import Any

import pytest
from builders.session import a_spec
from support.little_cluster import KEY, Api, Clock, Controller, LittleHub, attempt

from hubtraining.controller import manifests
from hubtraining.controller.cluster.errors import KubeConflict
from hubtraining.controller.values.decisions import (
    Action,
    Confirm,
    CreateClaim,
    CreatePod,
    CreateService,
    DeletePod,
    DeleteSession,
)
from hubtraining.controller.values.world import World

CLAIM = {"claimTemplate": {"spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}}}
SEVERAL: dict[str, Any] = {"nodes": 2, "trainer": {"command": ["torchrun"]}, "workspace": CLAIM}


class Scene:
    """A session whose first attempt is numbered, and an actor."""

    def __init__(self, **stanzas: Any) -> None:
        self.clock = Clock()
        self.api, self.hub = Api(self.clock), LittleHub(self.clock)
        self.api.apply(a_spec(**stanzas))
        self.controller = Controller(self.api, self.hub, self.clock)

    async def number(self) -> None:
        """As far as the first attempt's number."""
        while not (self.api.session or {}).get("status", {}).get("attempt"):
            await self.controller.reconcile(KEY)
            self.hub.answer()

    async def world(self) -> World:
        gathered = await self.controller.gatherer.gather(KEY)
        assert gathered is not None
        return gathered

    async def act(self, *actions: Action) -> World:
        return await self.controller.actor.act(actions, await self.world())


async def a_scene(**stanzas: Any) -> Scene:
    scene = Scene(**stanzas)
    await scene.number()
    return scene


async def test_what_several_nodes_need_is_created_before_them() -> None:
    scene = await a_scene(**SEVERAL)
    world = await scene.act(CreateClaim(), CreateService(), CreatePod(1, 0), CreatePod(1, 1))
    assert set(scene.api.shared) == {"persistentvolumeclaims/signs", "services/signs-nodes"}
    assert [pod.name for pod in world.pods] == ["signs-1-0", "signs-1-1"]


async def test_everything_may_be_repeated() -> None:
    scene = await a_scene(**SEVERAL)
    every = (CreateClaim(), CreateService(), CreatePod(1, 0), CreatePod(1, 1))
    first = await scene.act(*every)
    again = await scene.act(*every)
    assert [pod.uid for pod in again.pods] == [pod.uid for pod in first.pods]
    assert (len(scene.api.created), again.refusal) == (2, "")


@pytest.mark.parametrize(
    ("kind", "action", "words"),
    [
        ("persistentvolumeclaims/signs", CreateClaim(), "A PersistentVolumeClaim named signs exists"),
        ("services/signs-nodes", CreateService(), "A Service named signs-nodes exists"),
    ],
)
async def test_what_somebody_else_made_is_never_taken(kind: str, action: Action, words: str) -> None:
    scene = await a_scene(**SEVERAL)
    scene.api.shared[kind] = {"metadata": {"name": kind.partition("/")[2]}}
    world = await scene.act(action, CreatePod(1, 0))
    assert words in world.refusal
    assert scene.api.pods == {}


async def test_a_pod_of_that_name_that_somebody_else_made_is_never_taken() -> None:
    scene = await a_scene()
    scene.api.pods["signs-1-0"] = {"metadata": {"name": "signs-1-0", "namespace": "team-a", "uid": "x"}, "spec": {}}
    world = await scene.act(CreatePod(1))
    assert world.pods == ()
    assert "A pod named signs-1-0 exists that this session did not make" in world.refusal


async def test_a_pod_of_ours_from_an_older_spec_gives_way_to_one_of_the_present_spec() -> None:
    """It was created, nobody heard of it, and the spec was changed."""
    scene = await a_scene()
    world = await scene.world()
    answer: Any = world.prepared and world.prepared.answer
    built = manifests.pod(attempt(world, answer))
    await scene.api.create_pod({**built, "metadata": {**built["metadata"], "annotations": {}}})
    assert (await scene.act(CreatePod(1))).pods == ()
    assert scene.api.pods == {}
    assert [pod.name for pod in (await scene.act(CreatePod(1))).pods] == ["signs-1-0"]


async def test_a_refused_pod_ends_the_row_with_the_api_servers_words() -> None:
    scene = await a_scene(**SEVERAL)
    scene.api.refuses = True
    world = await scene.act(CreatePod(1, 0), CreatePod(1, 1))
    assert world.refusal == "The API server refuses the pod: exceeded quota: gpus"


async def test_old_news_are_found_out_before_anything_is_created() -> None:
    scene = await a_scene()
    world = await scene.world()
    scene.api.apply(a_spec(suspend=True))
    with pytest.raises(KubeConflict):
        await scene.controller.actor.act((Confirm(), CreatePod(1)), world)
    assert scene.api.pods == {}
    known = scene.controller.sessions.get(KEY)
    assert known is not None
    assert known.spec["suspend"]


async def test_what_is_not_old_is_sure_from_then_on() -> None:
    scene = await a_scene()
    scene.controller = Controller(scene.api, scene.hub, scene.clock)
    world = await scene.world()
    assert not world.sure
    assert (await scene.act(Confirm())).sure
    assert (await scene.world()).sure


async def test_a_pod_is_deleted_with_the_time_that_was_decided_and_no_other_of_its_name() -> None:
    scene = await a_scene()
    (pod,) = (await scene.act(CreatePod(1))).pods
    scene.api.change(pod.name, spec={"nodeName": "node-1"})
    await scene.act(DeletePod(pod, 77))
    assert scene.api.pods["signs-1-0"]["metadata"]["deletionGracePeriodSeconds"] == 77
    scene.api.remove(pod.name)
    await scene.act(CreatePod(1))
    await scene.act(DeletePod(pod, 77))
    assert list(scene.api.pods) == ["signs-1-0"]


async def test_a_session_that_changed_is_not_deleted() -> None:
    scene = await a_scene()
    world = await scene.world()
    scene.api.apply(a_spec(suspend=True))
    with pytest.raises(KubeConflict):
        await scene.controller.actor.act((DeleteSession(),), world)
    assert scene.api.session is not None
    scene.controller.hear_of_session()
    await scene.act(DeleteSession())
    assert scene.api.session is None
