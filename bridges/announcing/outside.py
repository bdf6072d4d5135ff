"""Announcements at a broker that the hub connects to: one of its bridges makes them."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from bridges.announcing.announcer import Announcer
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.backoff import Backoff
from bridges.mqtt.leadership import compete_for_lead
from bridges.mqtt.outbound_session import Lost, OutboundSession, OutboundSessions
from bridges.mqtt.session_name import SessionName
from devices.registry import bridge_secrets
from devices.runtime import database

logger = logging.getLogger("hubbub.announcing")


async def announce(broker: str, address: BrokerAddress) -> None:
    """Announces the devices of the broker of this name, while this process leads, until cancelled."""
    leads = asyncio.Event()
    competing = asyncio.create_task(
        compete_for_lead(f"{broker} (announcing)", lambda leading: leads.set() if leading else leads.clear())
    )
    try:
        await _keep_announcing(broker, address, leads)
    finally:
        competing.cancel()
        await asyncio.wait({competing})


async def _keep_announcing(broker: str, address: BrokerAddress, leads: asyncio.Event) -> None:
    backoff = Backoff()
    sessions: OutboundSessions | None = None
    while True:
        await leads.wait()
        try:
            if sessions is None:
                secrets = await database.run(bridge_secrets.of, broker)
                sessions = OutboundSessions(address, SessionName.of("hubbub-announcer", secrets.current).client_id)
            async with sessions.open() as session:
                backoff.reset()
                await _while_leading(Announcer(broker, partial(_publish, session)), leads)
        except (Lost, OSError, *database.UNAVAILABLE_ERRORS) as error:
            logger.warning("devices cannot be announced at broker %s: %s", broker, error)
        await asyncio.sleep(backoff.next_s())


async def _while_leading(announcer: Announcer, leads: asyncio.Event) -> None:
    announcing = asyncio.create_task(announcer.run())
    try:
        while leads.is_set() and not announcing.done():
            await asyncio.wait({announcing}, timeout=1.0)
    finally:
        announcing.cancel()
        await asyncio.wait({announcing})
    if not announcing.cancelled():
        announcing.result()


async def _publish(session: OutboundSession, topic: str, payload: bytes) -> None:
    await session.publish(topic, payload, None, retain=True)
