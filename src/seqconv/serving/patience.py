"""The protocol of a connection, with a limit to how slowly a client may send the head of a request."""

import asyncio
from typing import Any

HEAD_S = 20.0  # for the head of a request to come, from its first byte on, or from the connection's beginning


class Impatient:
    """What is added to uvicorn's protocol, which waits for ever for a head that has begun."""

    head_s = HEAD_S
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)  # type: ignore[misc]
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait no longer once a request is there, and anew where another one begins."""
        super().data_received(data)  # type: ignore[misc]
        cycle: Any = getattr(self, "cycle", None)
        if cycle is not None and not cycle.response_complete:
            self._rest()
        elif self._late is None:
            self._wait()

    def connection_lost(self, error: Exception | None) -> None:
        """Wait no longer."""
        self._rest()
        super().connection_lost(error)  # type: ignore[misc]

    def on_response_complete(self) -> None:
        """The client may take its time until it asks again: uvicorn closes a connection that is idle."""
        self._rest()
        super().on_response_complete()  # type: ignore[misc]

    def _wait(self) -> None:
        loop: asyncio.AbstractEventLoop = self.loop  # type: ignore[attr-defined]
        self._late = loop.call_later(self.head_s, self._give_up)

    def _rest(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        transport: asyncio.Transport = self.transport  # type: ignore[attr-defined]
        if not transport.is_closing():
            transport.abort()


def create_protocol() -> type[asyncio.Protocol]:
    """uvicorn's own protocol with the limit, also next to httptools, which ends connections of odd methods."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    return type("ImpatientProtocol", (Impatient, H11Protocol), {})
