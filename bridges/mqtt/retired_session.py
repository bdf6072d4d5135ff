"""Sessions that a bridge has left at its broker under earlier names: what waits in them is stored, then they end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import Pipeline
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.inbound import Inbound
from bridges.mqtt.inbound_connection import InboundConnection
from bridges.mqtt.inbound_session import WantedSubscription
from bridges.mqtt.outbound_session import Lost, outbound_session
from bridges.mqtt.session_name import SessionName

logger = logging.getLogger("hubbub.bridge")

QUIET_S = 5.0
"""A session that is read, and has sent nothing for so long, is empty."""
EMPTY_S = 300.0
"""How long to receive from a session. One that is never empty has a subscription which no bridge made: a device that
knew the client id has put it there, and all that it receives would be stored a second time."""
CONNECT_S = 30.0
"""How long to try to reach a session. A broker may refuse its client id; the next start of the bridge tries again."""


async def end_retired(address: BrokerAddress, session: SessionName, pipeline: Pipeline, broker: str) -> None:
    """Receives what waits in the session, and ends it at the broker once all of that is stored.

    Cancelled, it leaves the session at the broker, with the messages that are not acknowledged yet.
    """
    inbound = _RetiredInbound(address, session, pipeline, broker)
    inbound.start()
    kept = False
    try:
        async with asyncio.timeout(CONNECT_S):
            kept = await inbound.connected
        if kept:
            async with asyncio.timeout(EMPTY_S):
                await inbound.emptied()
    except TimeoutError:
        problem = "is never empty: end it there, if a device made it" if kept else "does not accept its client id"
        logger.warning("an earlier session of this bridge at %s %s", address, problem)
        return
    finally:
        await inbound.stop()
    await _end(address, session)
    if kept:
        logger.info("ended an earlier session of this bridge at %s; what waited in it is stored", address)


class _RetiredInbound(Inbound):
    """Gives up all subscriptions, so that nothing is added to what waits. `connected`: whether there was a session."""

    def __init__(self, address: BrokerAddress, session: SessionName, pipeline: Pipeline, broker: str) -> None:
        self.connected: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._unsettled = 0
        self._changed = asyncio.Event()
        super().__init__(address, session.client_id, pipeline, lambda: None, broker=broker, group=session.group)

    async def emptied(self) -> None:
        """Returns once it has been read for `QUIET_S` without a message and all earlier ones are settled."""
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._changed.wait()
            except TimeoutError:
                if self.is_reading and not self._unsettled:
                    return

    def pause_reading(self) -> None:
        super().pause_reading()
        self._changed.set()

    def resume_reading(self) -> None:
        super().resume_reading()
        self._changed.set()

    def _wanted(self, group: str | None) -> list[WantedSubscription]:
        return []

    def _on_connected(self, connection: InboundConnection, kept: bool) -> None:
        super()._on_connected(connection, kept)
        self._changed.set()
        if not self.connected.done():
            self.connected.set_result(kept)

    def _offer(self, delivery: Delivery) -> None:
        self._changed.set()
        if (settle := delivery.settle) is not None:
            self._unsettled += 1
            delivery.settle = lambda: self._settle(settle)
        super()._offer(delivery)

    def _settle(self, settle: Callable[[], object]) -> None:
        self._unsettled -= 1
        settle()


async def _end(address: BrokerAddress, session: SessionName) -> None:
    """A client that connects with a clean session, and leaves, ends what was kept under its client id."""
    try:
        async with outbound_session(address, session.client_id):
            pass
    except (Lost, OSError) as error:
        logger.warning("an earlier session of this bridge is still at %s: %s", address, error)
