"""A controller that dies after any of its writes: the end is the same, and no pod is made twice."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from builders.pod import stamp
from builders.session import a_spec
from builders.world import an_outcome
from support.little_cluster import KEY, Api, Clock, Controller, LittleHub

from hubtraining.controller.cluster.errors import KubeUnavailable
from hubtraining.controller.queue import Later
from hubtraining.controller.rules.status import read
from hubtraining.domain.status import SessionStatus

pytestmark = pytest.mark.looptime

Body = dict[str, Any]
SOON_SECONDS = 5
RETRY = {"retry": {"limit": 1, "backoffSeconds": 5, "maxBackoffSeconds": 5}}
CLAIM = {"claimTemplate": {"spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}}}
SEVERAL: Body = {**RETRY, "nodes": 2, "trainer": {"command": ["torchrun"]}, "workspace": CLAIM}


class Life:
    """One session from its creation to its end, with a controller that may die after its k-th write."""

    def __init__(self, dies_after: int | None = None, answered: bool = True, **stanzas: Any) -> None:
        self.clock = Clock()
        self.api, self.hub = Api(self.clock), LittleHub(self.clock)
        self._left, self._answered = dies_after, answered
        self.api.fault = self._fault
        self.spec = a_spec(**stanzas)
        self.api.apply(self.spec)
        self.controller = Controller(self.api, self.hub, self.clock)

    def _fault(self) -> Exception | None:
        if self._left is None:
            return None
        self._left -= 1
        if self._left != 0:
            return None
        self._left = None
        return KubeUnavailable("no answer") if not self._answered else _Death()

    def change(self, **stanzas: Any) -> None:
        self.spec = {**self.spec, **stanzas}
        self.api.apply(self.spec)
        self.controller.hear_of_session()

    async def settle(self) -> None:
        """Passes until two in a row have nothing to do, over the next due time if that is near."""
        quiet = 0
        while quiet < 3:
            writes = self.api.writes
            again = await self._pass()
            soon = again is not None and again <= SOON_SECONDS
            if soon and again:
                self.clock.now += timedelta(seconds=again)
                await asyncio.sleep(again)
            quiet = quiet + 1 if writes == self.api.writes and not soon else 0

    async def _pass(self) -> float | None:
        self.hub.answer()
        self.controller.hear_of_session()
        self.controller.hear_of_pods()
        try:
            return await self.controller.reconcile(KEY)
        except Later:
            return 1.0
        except _Death:
            self.hub.forget()
            self.controller = Controller(self.api, self.hub, self.clock)
            return 1.0

    # the kubelet

    def train(self) -> None:
        moment = stamp(self.clock.now.replace(microsecond=0))
        for name in self.api.pods:
            self._tell(name, "Running", {"running": {"startedAt": moment}}, {"running": {"startedAt": moment}})

    def end(self, code: int) -> None:
        for name in list(self.api.pods):
            going = "deletionTimestamp" in self.api.pods[name]["metadata"]
            self._finish(name, code)
            if going:
                self.api.remove(name)

    def _finish(self, name: str, code: int) -> None:
        moment = stamp(self.clock.now.replace(microsecond=0))
        ended = {"exitCode": code, "message": "", "startedAt": moment, "finishedAt": moment}
        last = {"terminated": {"exitCode": 0, "message": an_outcome(exit_code=code)}}
        self._tell(name, "Succeeded" if code == 0 else "Failed", {"terminated": ended}, last)

    def _tell(self, name: str, phase: str, trainer: Body, agent: Body) -> None:
        inits = [{"name": "agent", "state": agent}, {"name": "fetch", "state": {"terminated": {"exitCode": 0}}}]
        listed = {"initContainerStatuses": inits, "containerStatuses": [{"name": "trainer", "state": trainer}]}
        self.api.change(name, spec={"nodeName": "node-1"}, status={"phase": phase, **listed})

    # what became of it

    def status(self) -> SessionStatus:
        return read((self.api.session or {}).get("status") or {})

    def outcome(self) -> Body:
        """Everything but times and the names that the API server gives."""
        raw = msgspec.to_builtins(self.status())
        return dict(_without_times(raw)) | {"made": sorted(each[:2] for each in self.api.created)}


class _Death(BaseException):
    """Nothing catches a SIGKILL."""


_VARIES = ("Time", "UIDs", "message", "observedGeneration")


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(each) for key, each in value.items() if not key.endswith(_VARIES)}
    return [_without_times(each) for each in value] if isinstance(value, list | tuple) else value


async def success(life: Life) -> None:
    await life.settle()
    life.train()
    await life.settle()
    life.end(0)
    await life.settle()


async def retry(life: Life) -> None:
    await life.settle()
    life.train()
    await life.settle()
    life.end(3)
    await life.settle()
    life.train()
    await life.settle()
    life.end(4)
    await life.settle()


async def suspend(life: Life) -> None:
    await life.settle()
    life.train()
    await life.settle()
    life.change(suspend=True)
    await life.settle()
    life.end(143)
    await life.settle()
    life.change(suspend=False)
    await life.settle()
    life.train()
    await life.settle()
    life.end(0)
    await life.settle()


Story = Callable[[Life], Any]
STORIES: dict[str, tuple[Story, Body]] = {
    "success": (success, {}),
    "retry": (retry, RETRY),
    "suspend": (suspend, {}),
    "several nodes": (retry, SEVERAL),
}


async def told(story: str, **how: Any) -> Life:
    run, stanzas = STORIES[story]
    life = Life(**how, **stanzas)
    async with asyncio.timeout(3600):
        await run(life)
    return life


@pytest.mark.parametrize("answered", [True, False], ids=["killed", "unanswered"])
@pytest.mark.parametrize("story", STORIES)
async def test_whichever_write_is_its_last_the_end_is_the_same(story: str, answered: bool) -> None:
    undisturbed = await told(story)
    writes = undisturbed.api.writes
    assert writes > 3
    for k in range(1, writes + 1):
        disturbed = await told(story, dies_after=k, answered=answered)
        assert disturbed.outcome() == undisturbed.outcome(), f"after write {k} of {writes}"


async def test_a_hundred_suspends_end_like_none() -> None:
    once = await told("suspend")
    life = Life()
    await life.settle()
    life.train()
    await life.settle()
    for _ in range(100):
        life.change(suspend=True)
        await life.settle()
        life.end(143)
        await life.settle()
        assert life.status().phase == "Suspended"
        life.change(suspend=False)
        await life.settle()
        life.train()
        await life.settle()
    life.end(0)
    await life.settle()
    status, other = life.status(), once.status()
    assert (status.failures, status.preemptions, status.attempt) == (0, 0, 101)
    assert len(status.attempts) == 10
    assert [(each.type, each.status, each.reason) for each in status.conditions] == [
        (each.type, each.status, each.reason) for each in other.conditions
    ]
    assert len(life.api.created) == 101
