"""One pass over a session: look, decide, act, tell, announce."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from hubtraining.controller.actor import Actor
from hubtraining.controller.announcer import Announcer
from hubtraining.controller.cluster.cache import Key, PodCache, SessionCache
from hubtraining.controller.cluster.errors import KubeConflict, KubeError, KubeNotFound, KubeUnavailable
from hubtraining.controller.gatherer import Gatherer
from hubtraining.controller.queue import Later
from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.events import events
from hubtraining.controller.rules.status import status, wait, written
from hubtraining.controller.values.decisions import Decision
from hubtraining.controller.values.world import World
from hubtraining.domain.session import Session
from hubtraining.domain.status import SessionStatus


class StatusWriter(Protocol):
    """Where the status goes."""

    async def write_status(self, session: Session, status: dict[str, Any]) -> dict[str, Any]:
        """Returns the session as it is now. Raises KubeConflict when it changed meanwhile."""


class Reconciler:
    """Brings one session a step further. Any step may be the last before a crash, and may be taken twice."""

    def __init__(
        self,
        gatherer: Gatherer,
        actor: Actor,
        writer: StatusWriter,
        sessions: SessionCache,
        pods: PodCache,
        announcer: Announcer,
        drop: Callable[[Session], None],
    ) -> None:
        self._gatherer = gatherer
        self._actor = actor
        self._writer = writer
        self._sessions = sessions
        self._pods = pods
        self._announcer = announcer
        self._drop = drop
        self._differs_since: dict[Key, float] = {}

    async def __call__(self, key: Key) -> float | None:
        """The pass; returns after how many seconds to come again. Raises Later."""
        try:
            return await self._pass(key)
        except KubeConflict:
            raise Later("the session changed meanwhile") from None
        except KubeUnavailable as error:
            raise Later(str(error), error.retry_after or 0.0) from error
        except KubeError as error:
            raise Later(str(error)) from error

    async def _pass(self, key: Key) -> float | None:
        world = await self._gatherer.gather(key)
        if world is None:
            self._forget(key)
            return None
        decision = decide(world)
        if decision.actions:
            world = await self._actor.act(decision.actions, world)
            decision = decide(world)
        if not decision.conditions:
            self._drop(world.session)
            return decision.again
        left = await self._tell(world, decision)
        return min((due for due in (decision.again, left) if due is not None), default=None)

    async def _tell(self, world: World, decision: Decision) -> float | None:
        """Write the status if it is due; returns after how many seconds it will be."""
        after, key = status(world, decision), world.session.key
        left = wait(world, after, decision.hold, self._waited(key))
        if left is None:
            self._differs_since.pop(key, None)
            return None
        if left > 0:
            self._differs_since.setdefault(key, _time())
            return left
        await self._write(world, after)
        return None

    async def _write(self, world: World, after: SessionStatus) -> None:
        try:
            body = await self._writer.write_status(world.session, written(after))
        except KubeNotFound:
            self._drop(world.session)
            return
        session = Session.from_body(body)
        self._sessions.put(session, sure=True)
        self._differs_since.pop(session.key, None)
        self._announcer.announce(session, events(world.status, after))

    def _waited(self, key: Key) -> float:
        now = _time()
        return now - self._differs_since.get(key, now)

    def _forget(self, key: Key) -> None:
        self._differs_since.pop(key, None)
        self._pods.forget(key)


def _time() -> float:
    return asyncio.get_running_loop().time()
