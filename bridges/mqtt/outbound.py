"""From queued commands to the devices that use the hub's own topics."""

from __future__ import annotations

import asyncio
import logging

from django.db import Error as DatabaseError

from bridges.codec import payloads
from bridges.mqtt import topics
from bridges.mqtt.command_loop import BATCH, CommandLoop
from bridges.mqtt.outbound_session import OpenSession, OutboundSession
from devices.channel import fanout
from devices.channel.events import Event
from devices.commands import lifecycle, lookup
from devices.commands.confirmation import Confirmations
from devices.runtime import database, stats
from devices.values import now_us

logger = logging.getLogger("hubbub.outbound")

EXPIRY_S = 0.5
"""How often open commands are checked for their time-out, and for a reported state."""


class Outbound:
    """Publishes queued commands for the devices of one broker, and times out the unanswered ones, while it leads.

    Only one of several bridges does so: a command that two of them found would be published twice.
    """

    def __init__(self, broker: str, open_session: OpenSession) -> None:
        """`broker`: its name. `open_session` is called again after each lost session."""
        self._broker = broker
        self._leading = False
        self._confirmations = Confirmations()
        self._loop = CommandLoop(f"broker {broker}", open_session, self._send_queued)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loop.run())
            group.create_task(self._expire())

    def lead(self, leading: bool) -> None:
        """Whether this bridge sends the commands from now on. At first it does not."""
        self._leading = leading
        self._loop.wake()

    async def _send_queued(self, session: OutboundSession) -> int:
        """Publishes, then marks: a crash in between sends a command again, under the same id, and loses none."""
        waiting = await database.run(lookup.queued, self._broker, BATCH) if self._leading else []
        for command in waiting:
            sent_at = now_us()  # the device may report its new state before the broker acknowledges
            left_us = command.expires_at - sent_at
            if left_us <= 0:
                continue  # while others of the batch were published
            payload = payloads.encode_command(command.name, command.args, command.expires_at)
            gateway = command.device.gateway.uid if command.device.gateway else ""
            topic = topics.command(command.device.uid, command.id, gateway)
            await session.publish(topic, payload, left_us / 1_000_000)
            stats.commands_sent.inc()
            await fanout.publish(await database.run(lifecycle.mark_sent, command, sent_at))
        return len(waiting)

    def _end_commands(self) -> list[Event]:
        """What was reported at the last moment counts."""
        return self._confirmations.check() + lifecycle.expire()

    async def _expire(self) -> None:
        while True:
            try:
                if self._leading:
                    await fanout.publish(await database.run(self._end_commands))
            except DatabaseError as error:
                logger.error("cannot end commands: %s", error)
            await asyncio.sleep(EXPIRY_S)
