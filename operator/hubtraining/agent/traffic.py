"""What goes over the wire to the hub: counted, and watched for uploads that only wait for their next try."""

import logging

from hubtraining.agent.metrics import AgentMetrics
from hubtraining.hub.connection import Exchange

log = logging.getLogger("hubtraining.agent")

UPLOAD = "upload"
"""The client's name for the call that carries a checkpoint."""


class Traffic:
    """Told of every call that ended, and of every piece of a checkpoint that was sent."""

    def __init__(self, metrics: AgentMetrics) -> None:
        self._metrics = metrics
        self.waiting = False
        """The newest try of an upload has failed, and the next one has not begun."""

    def ended(self, exchange: Exchange) -> None:
        """One call ended, well or badly."""
        self._metrics.observe(exchange)
        if exchange.op == UPLOAD:
            self.waiting = True

    def over(self) -> None:
        """An upload has come to its end, well or badly: there is no next try."""
        self.waiting = False

    def sent(self, sent: int, size: int) -> None:
        """So many bytes of a checkpoint are on their way."""
        self.waiting = False
        log.debug("%d of %d bytes sent", sent, size)
