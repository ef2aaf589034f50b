"""Posts events beside the passes: bounded, each once, and never a reason for a pass to fail."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from hubtraining.controller.cluster.errors import AlreadyExists, KubeError
from hubtraining.controller.rules.events import Event
from hubtraining.controller.values.messages import short
from hubtraining.domain.names import API_VERSION, FIELD_MANAGER, KIND
from hubtraining.domain.session import Session

MOST_WAITING = 10_000
POSTERS = 4

logger = logging.getLogger("hubtraining.controller.announcer")

Post = Callable[[dict[str, Any]], Awaitable[None]]


class Announcer:
    """A bounded queue of events and the tasks that post them."""

    def __init__(self, post: Post, now: Callable[[], datetime], dropped: Callable[[], None]) -> None:
        self._post = post
        self._now = now
        self._dropped = dropped
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)

    def announce(self, session: Session, told: tuple[Event, ...]) -> None:
        """Have events posted soon; when too many wait, they are only logged and counted."""
        for event in told:
            logger.info("%s/%s: %s: %s", session.namespace, session.name, event.reason, event.message)
            try:
                self._waiting.put_nowait(body(session, event, self._now()))
            except asyncio.QueueFull:
                self._dropped()
                logger.warning("too many events wait; %s of %s is not posted", event.reason, session.name)

    async def run(self) -> None:
        """Post until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(POSTERS):
                tasks.create_task(self._poster())

    async def _poster(self) -> None:
        while True:
            event = await self._waiting.get()
            try:
                await self._post(event)
            except AlreadyExists:
                logger.debug("the event %s was posted before", event["metadata"]["name"])
            except KubeError as error:
                logger.warning("the event %s could not be posted: %s", event["reason"], error)


def body(session: Session, event: Event, now: datetime) -> dict[str, Any]:
    """The core/v1 Event. The same thing told twice has the same name, so the API server keeps one;
    told again after another write, it is another event."""
    moment = now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    told = f"{session.uid}/{session.resource_version}/{event.reason}/{event.message}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{session.name}.{hashlib.sha256(told.encode()).hexdigest()[:16]}",
            "namespace": session.namespace,
        },
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": session.namespace,
            "name": session.name,
            "uid": session.uid,
            "resourceVersion": session.resource_version,
        },
        "reason": event.reason.value,
        "message": short(event.message),
        "type": "Warning" if event.warning else "Normal",
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": FIELD_MANAGER,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
