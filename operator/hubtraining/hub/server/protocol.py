"""HTTP as the hub speaks it: what cannot be parsed is refused in the envelope, and heads of requests must arrive."""

import asyncio
from typing import Any

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from hubtraining.hub import wire
from hubtraining.hub.refusals import Malformed, Refusal, TooSlow


class HubProtocol(H11Protocol):
    """One connection. The library waits for ever for the rest of a head, and refuses in plain text.

    ``seconds``: from the connection's beginning, a head's first byte or an early answer, to the next head's last byte.
    """

    def __init__(self, *args: Any, seconds: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._seconds = seconds
        self._giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there; its request may take so long to begin."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Pieces of requests."""
        super().data_received(data)
        answered = self.conn.our_state is h11.DONE  # what still comes of this request's body is thrown away
        if (answered or self.conn.their_state is h11.IDLE) and not self.transport.is_closing():
            self._expect_head()
        else:
            self._stop_expecting()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_expecting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse(Malformed("this is no HTTP request that can be read"))

    def _expect_head(self) -> None:
        if self._giving_up is None:
            self._giving_up = self.loop.call_later(self._seconds, self._give_up)

    def _stop_expecting(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _give_up(self) -> None:
        begun, _ = self.conn.trailing_data
        if begun:
            self._refuse(TooSlow(f"the request's head did not arrive within {self._seconds:g} s"))
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer instead of the app, and close; silent where an answer is under way already."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = msgspec.json.encode(wire.Envelope(message=refusal.message))
        headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            head = h11.Response(status_code=refusal.status, headers=list(headers.items()))
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
