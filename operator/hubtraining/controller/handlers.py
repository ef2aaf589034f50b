"""kopf's edge: it authenticates and watches sessions; what it hears goes into the cache and wakes the key.

Nothing of kopf's is kept on the sessions: only ``on.event`` is used, which writes nothing.
"""

from collections.abc import Callable
from typing import Any

import aiohttp
import kopf

from hubtraining.controller.cluster.cache import Key, SessionCache
from hubtraining.controller.queue import Backoff
from hubtraining.domain.names import FIELD_MANAGER, GROUP, PLURAL, VERSION
from hubtraining.domain.session import Session

WATCH_CONNECTIONS = 16
PREFIX = f"{FIELD_MANAGER}.kopf"


class Edge:
    """What kopf calls."""

    def __init__(self, sessions: SessionCache, wake: Callable[[Key], None], drop: Callable[[Session], None]) -> None:
        self._sessions = sessions
        self._wake = wake
        self._drop = drop

    def hear(self, kind: str | None, body: dict[str, Any]) -> None:
        """One event of the watch; ``kind`` is None for what a list found."""
        session = Session.from_body(body)
        if kind == "DELETED":
            if self._sessions.remove(session.key, session.uid):
                self._drop(session)
                self._wake(session.key)
        elif self._sessions.put(session):
            self._wake(session.key)


def registry(
    edge: Edge,
    login: Callable[[], tuple[str, aiohttp.ClientSession]],
    started: Callable[[], None],
    stopping: Callable[[], None],
) -> kopf.OperatorRegistry:
    """Handlers in a registry of their own, so that importing has no effect.

    ``stopping`` is called before kopf waits for whatever still runs in its loop: it should run no more.
    """
    handlers = kopf.OperatorRegistry()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)
    async def hear(event: kopf.RawEvent, **_: Any) -> None:
        edge.hear(event["type"], dict(event["object"]))

    @kopf.on.login(registry=handlers)
    async def log_in(**_: Any) -> kopf.AiohttpSession:
        server, http = login()
        return kopf.AiohttpSession(server=server, aiohttp_session=http)

    @kopf.on.startup(registry=handlers)
    async def start(**_: Any) -> None:
        started()

    @kopf.on.cleanup(registry=handlers)
    async def stop(**_: Any) -> None:
        stopping()

    return handlers


def settings() -> kopf.OperatorSettings:
    """kopf tuned for many objects and few of its own doings."""
    wanted = kopf.OperatorSettings()
    wanted.peering.standalone = True
    wanted.scanning.disabled = True  # the CRD is ours and does not change while we run
    wanted.posting.enabled = False
    wanted.queueing.idle_timeout = 0.5
    wanted.watching.chunk_size = 500
    wanted.watching.connect_timeout = 5
    wanted.networking.request_timeout = 30
    wanted.networking.error_backoffs = _Patience()
    wanted.persistence.finalizer = f"{GROUP}/unused"
    wanted.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=PREFIX, v1=False)
    wanted.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=PREFIX, v1=False)
    wanted.execution.max_workers = 2
    wanted.process.ultimate_exiting_timeout = None  # the kubelet kills what does not leave
    return wanted


class _Patience:
    """About five minutes of tries; then the process ends and is started anew."""

    def __iter__(self) -> Any:
        delays = Backoff(base=1.0, limit=30.0)
        return iter([delays(number) for number in range(15)])
