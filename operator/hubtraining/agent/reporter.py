"""Reports to the controller: the whole state each time, so none needs to be kept or repeated."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import httpx
import msgspec

from hubtraining.agent.metrics import AgentMetrics
from hubtraining.agent.state import Board, RunState, report
from hubtraining.domain.layout import Assignment
from hubtraining.hub.credentials import Provider
from hubtraining.hub.errors import HubUnauthorized

log = logging.getLogger("hubtraining.agent")

SECONDS = 10.0
"""For one report."""
MOST = 60.0
"""Seconds between two tries, at most."""

RESULTS = {204: "taken", 200: "taken", 409: "superseded", 401: "refused", 403: "refused"}
"""By status; everything else is "unavailable" and tried again."""


class Superseded(Exception):
    """A newer attempt has taken over: nobody wants our reports any more."""


class Reporter:
    """Tells the controller when something changed: at once when the stage did, else at the assignment's pace."""

    def __init__(
        self,
        assignment: Assignment,
        board: Board,
        token: Provider,
        http: httpx.AsyncClient,
        metrics: AgentMetrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._assignment = assignment
        self._board = board
        self._token = token
        self._http = http
        self._metrics = metrics
        self._clock = clock
        self._sequence = 0
        self._failures = 0
        self._told: RunState | None = None
        self._newest: datetime | None = None
        """Time of the newest report."""

    async def run(self) -> None:
        """Report until a newer attempt takes over."""
        if not self._assignment.reports_url:
            return
        try:
            while True:
                await self._once()
        except Superseded:
            log.warning("a newer attempt of this session has taken over: no more reports")

    async def last(self) -> None:
        """One try to tell the newest state, where it has not been told."""
        if self._assignment.reports_url and self._told != self._board.state:
            try:
                await self._tell(self._board.state)
            except Superseded:
                log.info("the last report was not wanted: a newer attempt has taken over")

    async def _once(self) -> None:
        state = self._board.state
        if await self._tell(state):
            self._failures = 0
            await self._until_worth_telling(state)
        else:
            self._failures += 1
            await asyncio.sleep(min(2.0 ** min(self._failures, 10), MOST))

    async def _until_worth_telling(self, told: RunState) -> None:
        """Until the stage changes, or anything else did and the pace allows it, or a sign of life is due."""
        now = asyncio.get_running_loop().time()
        pace, alive = now + self._assignment.report_seconds, now + self._assignment.heartbeat_seconds
        with suppress(TimeoutError):  # the timer is the only judge: it may fire a clock tick before the clock says so
            async with asyncio.timeout_at(alive):
                state = await self._board.change_from(told)
            async with asyncio.timeout_at(pace):
                while state.stage == told.stage:
                    state = await self._board.change_from(state)

    async def _tell(self, state: RunState) -> bool:
        self._sequence += 1
        body = report(self._assignment, state, self._sequence, self._now())
        result = await self._post(msgspec.json.encode(body))
        self._metrics.reports.labels(result).inc()
        if result == "superseded":
            raise Superseded
        if result == "taken":
            self._told = state
        return result == "taken"

    def _now(self) -> datetime:
        """By the wall clock, which may be set back: the controller takes no report that is older than one it knows."""
        now = self._clock()
        self._newest = now if self._newest is None else max(now, self._newest)
        return self._newest

    async def _post(self, body: bytes) -> str:
        """What became of a report; every failure is a result."""
        try:
            credential = await self._token()
            headers = {**credential.headers(), "content-type": "application/json"}
            async with asyncio.timeout(SECONDS):
                answer = await self._http.post(self._assignment.reports_url, content=body, headers=headers)
        except (HubUnauthorized, httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            log.info("the controller could not be told: %s", type(error).__name__)
            return "unavailable"
        return RESULTS.get(answer.status_code, "unavailable")
