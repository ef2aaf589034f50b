"""Keeps board and journal in step with the session: what the hub has acknowledged, and how it gets on with us."""

import asyncio

from hubtraining.agent.journal import Journal
from hubtraining.agent.ledger import Entry, Named
from hubtraining.agent.metrics import AgentMetrics
from hubtraining.agent.state import Board
from hubtraining.agent.uploads import Uploads
from hubtraining.hub.session import HubTrainingSession

SECONDS = 1.0


class Mirror:
    """Copies from the session, never to it."""

    def __init__(
        self, session: HubTrainingSession, uploads: Uploads, journal: Journal, board: Board, metrics: AgentMetrics
    ) -> None:
        self._session = session
        self._uploads = uploads
        self._journal = journal
        self._board = board
        self._metrics = metrics

    async def run(self) -> None:
        """Copy again and again."""
        while True:
            await self.copy()
            await asyncio.sleep(SECONDS)

    async def copy(self) -> None:
        """One copy."""
        ledger, waiting = self._journal.ledger, self._session.state.metrics
        acknowledged = ledger.gone(set(waiting.queued) | set(waiting.failed))
        entries: list[Entry] = [acknowledged] if acknowledged.epochs else []
        if self._session.agent_id != ledger.agent_id:
            entries.append(Named(self._session.agent_id))
        await self._journal.add(*entries)
        health = self._session.health
        self._metrics.waiting.set(len(waiting))
        self._board.update_hub(
            agent_id=self._session.agent_id,
            last_heartbeat_time=health.last_heartbeat,
            consecutive_failures=health.failures,
            buffered_updates=len(waiting) + self._uploads.pending,
            message=health.message,
        )
