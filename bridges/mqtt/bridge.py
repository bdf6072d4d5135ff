"""A whole bridge: inbound, pipeline and outbound against one broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from django.db import Error as DatabaseError

from bridges.ingest.batches import shared_processor
from bridges.ingest.pipeline import Pipeline
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.client_id import ClaimedClientId
from bridges.mqtt.inbound import Inbound
from bridges.mqtt.leadership import compete_for_lead
from bridges.mqtt.outbound import Outbound
from bridges.mqtt.outbound_session import OutboundSessions
from bridges.mqtt.retired_session import end_retired
from bridges.mqtt.session_name import SessionName, retired
from devices.registry import bridge_secrets
from devices.registry.bridge_secrets import BridgeSecrets
from devices.runtime import database

logger = logging.getLogger("hubbub.bridge")

DEFAULT_NAME = "hubbub-bridge"
FAREWELL_S = 2.0
"""How long the outbound session may take to disconnect from the broker."""
RETRY_S = 2.0
"""Pause between attempts to read the bridge's secret while the database is unavailable."""


async def run_bridges(addresses: Mapping[str, BrokerAddress], stop: asyncio.Event, ready: asyncio.Event) -> None:
    """One bridge for each broker, until `stop` is set or one of them breaks, which ends the others in order.

    `ready` is set once all brokers have granted the subscriptions. Raises as `run_bridge` does.
    """
    each_ready = [asyncio.Event() for _ in addresses]
    bridges = [
        asyncio.create_task(run_bridge(name, address, [DEFAULT_NAME], stop, one_ready), name=f"bridge {name}")
        for (name, address), one_ready in zip(addresses.items(), each_ready, strict=True)
    ]
    waiting = asyncio.create_task(_set_after_all(each_ready, ready))
    try:
        await asyncio.wait(bridges, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        stop.set()
        waiting.cancel()
        ended = await asyncio.gather(*bridges, return_exceptions=True)
    for error in ended:
        if error is not None:
            raise error


async def _set_after_all(events: Sequence[asyncio.Event], all_set: asyncio.Event) -> None:
    for event in events:
        await event.wait()
    all_set.set()


async def run_bridge(
    broker: str,
    address: BrokerAddress,
    names: Sequence[str],
    stop: asyncio.Event,
    ready: asyncio.Event | None = None,
    *,
    shared: bool = False,
    secret: bool = True,
) -> None:
    """Bridges until `stop` is set; what was received by then is stored and acknowledged first.

    Uses the first of `names` that no other bridge of this broker has; `shared`: the bridges with the other names share
    the load. `secret`: the client id is the name and a part that nobody can guess, otherwise the name as it is. `ready`
    is set once the broker has granted the subscriptions. Waits for a broker or database that is unavailable.

    Raises `ClientIdTaken` where none is free, before it connects to the broker, or where it was lost; anything else
    only where the bridge itself is broken.
    """
    claiming = asyncio.create_task(_claim(broker, names))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({claiming, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        claiming.cancel()  # a database that is unavailable must not hold up the end
        await asyncio.wait({claiming})
    if claiming.cancelled():
        return
    client_id, secrets = claiming.result()
    session, earlier = _sessions(client_id.name, secrets, secret)
    try:
        await _run(broker, address, client_id, session, earlier, stop, ready or asyncio.Event(), shared)
    finally:
        await client_id.release()


async def _claim(broker: str, names: Sequence[str]) -> tuple[ClaimedClientId, BridgeSecrets]:
    """A free name, and the secrets of the broker's bridges. Raises `ClientIdTaken`."""
    claimed = await ClaimedClientId.claim(broker, names)
    try:
        while True:
            try:
                return claimed, await database.run(bridge_secrets.of, broker)
            except DatabaseError as error:
                logger.warning("the secret of this bridge cannot be read yet: %s", error)
                await asyncio.sleep(RETRY_S)
    except BaseException:
        await claimed.release()
        raise


def _sessions(name: str, secrets: BridgeSecrets, secret: bool) -> tuple[SessionName, list[SessionName]]:
    """The session of the bridge of this name, and those that it may have left at the broker earlier."""
    current = SessionName.of(name, secrets.current)
    if not secret:
        return SessionName(name, current.group), []
    return current, retired(name, secrets.retired)


async def _run(
    broker: str,
    address: BrokerAddress,
    client_id: ClaimedClientId,
    session: SessionName,
    earlier: Sequence[SessionName],
    stop: asyncio.Event,
    ready: asyncio.Event,
    shared: bool,
) -> None:
    # What a bridge may have unacknowledged is shared by all devices, 2,000 messages in our configuration of Mosquitto.
    pipeline = Pipeline(shared_processor(), holds_back=False)
    group = session.group if shared else None
    inbound = Inbound(address, session.client_id, pipeline, ready.set, broker=broker, group=group)
    outbound = Outbound(broker, OutboundSessions(address, session.outbound_client_id).open)

    def on_lead(leading: bool) -> None:
        outbound.lead(leading)
        if shared:
            inbound.lead(leading)

    processing = asyncio.create_task(pipeline.run(), name="pipeline")
    beside = {
        asyncio.create_task(outbound.run(), name="outbound"),
        asyncio.create_task(compete_for_lead(broker, on_lead), name="lead"),
        asyncio.create_task(client_id.keep(), name="client id"),
    }
    stopping = asyncio.create_task(stop.wait())
    retiring = asyncio.create_task(_end_earlier(address, earlier, pipeline, broker, ready), name="earlier sessions")
    receiving = inbound.start()
    try:
        await asyncio.wait({processing, receiving, stopping, *beside}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        for task in beside:
            task.cancel()
        pipeline.close()
        # Outbound has nothing to finish, and a broker that is unavailable must not hold up the end.
        await asyncio.gather(asyncio.wait({processing}), asyncio.wait(beside, timeout=FAREWELL_S))
        retiring.cancel()  # only now: what it has received is stored, and it acknowledges that
        await asyncio.gather(inbound.stop(), asyncio.wait({retiring}, timeout=FAREWELL_S))
    for task in (processing, receiving, *beside):
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error


async def _end_earlier(
    address: BrokerAddress, earlier: Iterable[SessionName], pipeline: Pipeline, broker: str, ready: asyncio.Event
) -> None:
    """Ends the sessions that the bridge has left at the broker. First it has its subscriptions, so that none is missed.

    An error in it must not end the bridge: the sessions stay as they are until its next start.
    """
    await ready.wait()
    for session in earlier:
        try:
            await end_retired(address, session, pipeline, broker)
        except Exception:
            logger.exception("an earlier session of this bridge at %s cannot be ended", address)
