"""The only reader: puts everything that is known about one session into a world."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

from hubtraining.controller.cluster.cache import Key, PodCache, SessionCache
from hubtraining.controller.cluster.errors import KubeNotFound
from hubtraining.controller.hubs.questions import Hubs
from hubtraining.controller.reporting.mailbox import Mailbox
from hubtraining.controller.rules.status import read
from hubtraining.controller.values import pods
from hubtraining.controller.values.messages import short
from hubtraining.controller.values.pods import PodView
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Problem, World
from hubtraining.domain.names import CONTAINER_AGENT
from hubtraining.domain.report import Outcome
from hubtraining.domain.session import InlineApiKey, InvalidSpec, Session, SessionSpec, parse
from hubtraining.domain.status import AttemptStatus

logger = logging.getLogger("hubtraining.controller.gatherer")


class PodReader(Protocol):
    """Looks at a pod as it is now."""

    async def get_pod(self, namespace: str, name: str) -> dict[str, Any]:
        """Raises KubeNotFound."""


class Gatherer:
    """Reads caches, mailbox and answers of hubs; asks the API server only before it believes that a pod is gone."""

    def __init__(
        self,
        sessions: SessionCache,
        pods: PodCache,
        mailbox: Mailbox,
        hubs: Hubs,
        kube: PodReader,
        now: Callable[[], datetime],
    ) -> None:
        self._sessions = sessions
        self._pods = pods
        self._mailbox = mailbox
        self._hubs = hubs
        self._kube = kube
        self._now = now
        self._since = now()

    async def gather(self, key: Key) -> World | None:
        """The world of a session; None when there is no such session. Raises msgspec.ValidationError, KubeError."""
        session = self._sessions.get(key)
        if session is None:
            return None
        status = read(session.status)
        spec, problem = understood(session)
        attempt = status.attempts[-1] if status.attempts else None
        number = attempt.number if attempt else 0
        current = await self._current(session, attempt)
        gone = tuple(pod for pod in self._pods.last(key, session.uid) if pod.attempt == number)
        owned = self._pods.of(session.uid)
        world = World(
            now=self._now(),
            since=self._since,
            running=len(self._mailbox),
            session=session,
            status=status,
            spec=spec,
            problem=problem,
            pods=current,
            gone=gone,
            stray=tuple(pod for pod in owned if pod.attempt < number),
            later=tuple(pod for pod in owned if pod.attempt > number),
            sure=self._sessions.is_sure(session),
            record=self._hubs.record(session, number),
            heard=self._mailbox.get(session.uid, number) if attempt else None,
        )
        prepared = self._hubs.prepared(session, world.number)
        return msgspec.structs.replace(world, prepared=prepared, outcome=outcome(world.lead))

    async def _current(self, session: Session, attempt: AttemptStatus | None) -> tuple[PodView, ...]:
        """The newest attempt's pods; those that should be there and are not known are looked for."""
        if attempt is None:
            return ()
        if attempt.is_open and (attempt.pod_uids or attempt.reason):
            for name in attempt.pods:
                await self._look_for(session, attempt, name)
        return tuple(pod for pod in self._pods.of(session.uid) if pod.attempt == attempt.number)

    async def _look_for(self, session: Session, attempt: AttemptStatus, name: str) -> None:
        """A watch may be late, and a creation that nobody answered may have been heard all the same."""
        known = (*self._pods.of(session.uid), *self._pods.last(session.key, session.uid))
        if any(pod.name == name and pod.attempt == attempt.number for pod in known):
            return
        try:
            pod = pods.view(await self._kube.get_pod(session.namespace, name))
        except KubeNotFound:
            return
        if pod.session_uid == session.uid and (not attempt.pod_uids or pod.uid in attempt.pod_uids):
            self._pods.put(pod)


def understood(session: Session) -> tuple[SessionSpec | None, Problem | None]:
    """The spec, or why it cannot be used."""
    try:
        return parse(session.spec), None
    except InlineApiKey as error:
        return None, Problem(Reason.INLINE_API_KEY, f"{error}.")
    except InvalidSpec as error:
        return None, Problem(Reason.INVALID_SPEC, short(f"{error}."))


def outcome(pod: PodView | None) -> Outcome | None:
    """The agent's last words, if it had any that we understand."""
    agent = pod.containers.get(CONTAINER_AGENT) if pod else None
    if agent is None or agent.state != "terminated" or not agent.message:
        return None
    try:
        return msgspec.json.decode(agent.message, type=Outcome)
    except (msgspec.DecodeError, RecursionError):
        logger.warning("the agent of pod %s left no outcome that can be read", pod.name if pod else "")
        return None
