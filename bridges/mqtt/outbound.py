"""From queued commands to the devices. The rows are the truth; an event only shortens the wait."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from django.db import Error as DatabaseError

from bridges.codec import payloads
from bridges.mqtt import topics
from bridges.mqtt.backoff import Backoff
from bridges.mqtt.outbound_session import Lost, OpenSession, OutboundSession
from devices.availability import silence
from devices.channel import fanout, groups
from devices.channel.events import Event
from devices.channel.listener import Listener
from devices.commands import lifecycle, lookup
from devices.commands.confirmation import Confirmations
from devices.runtime import database, stats
from devices.values import now_us

logger = logging.getLogger("hubbub.outbound")

SCAN_S = 5.0
"""How often queued rows are looked for without an event; a lost event delays a command by no more than this."""
EXPIRY_S = 0.5
"""How often open commands are checked for their time-out, and for a reported state."""
BATCH = 100


class Outbound:
    """Publishes queued commands for the devices of one broker, and times out the unanswered ones, while it leads.

    Only one of several bridges does so: a command that two of them found would be published twice.
    """

    def __init__(self, broker: str, open_session: OpenSession) -> None:
        """`broker`: its name. `open_session` is called again after each lost session."""
        self._broker = broker
        self._open_session = open_session
        self._wake = asyncio.Event()
        self._leading = False
        self._confirmations = Confirmations()
        self._listener = Listener(self._on_event, self._on_loss)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._expire())
            group.create_task(self._keep_session())

    def lead(self, leading: bool) -> None:
        """Whether this bridge sends the commands from now on. At first it does not."""
        self._leading = leading
        self._wake.set()

    def _on_event(self, event: Event) -> None:
        self._wake.set()

    def _on_loss(self, names: set[str], reason: str) -> None:
        self._wake.set()

    async def _listen(self) -> None:
        """While the channel layer is unavailable, commands wait for the next scan."""
        try:
            await self._listener.start()
            await self._listener.join(groups.COMMANDS)
            await asyncio.Event().wait()
        finally:
            await self._listener.stop()

    async def _keep_session(self) -> None:
        backoff = Backoff()
        while True:
            try:
                async with self._open_session() as session:
                    backoff.reset()
                    await self._send_until_lost(session)
            except (Lost, OSError) as error:  # a certificate that cannot be read just now is an `OSError`
                logger.warning("no outbound session with broker %s: %s", self._broker, error)
            await asyncio.sleep(backoff.next_s())

    async def _send_until_lost(self, session: OutboundSession) -> None:
        while not session.lost.done():
            self._wake.clear()  # before the look, so that what is queued during it is looked at again
            try:
                await database.run(silence.record_listening, now_us())
                while await self._send_queued(session) == BATCH:
                    pass
            except DatabaseError as error:
                logger.error("cannot look for queued commands: %s", error)
            woken: asyncio.Future[Any] = asyncio.create_task(self._wake.wait())
            try:
                await asyncio.wait({woken, session.lost}, timeout=SCAN_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()

    async def _send_queued(self, session: OutboundSession) -> int:
        """Publishes, then marks: a crash in between sends a command again, under the same id, and loses none."""
        waiting = await database.run(lookup.queued, self._broker, BATCH) if self._leading else []
        for command in waiting:
            sent_at = now_us()  # the device may report its new state before the broker acknowledges
            left_us = command.expires_at - sent_at
            if left_us <= 0:
                continue  # while others of the batch were published
            payload = payloads.encode_command(command.name, command.args, command.expires_at)
            await session.publish(topics.command(command.device.uid, command.id), payload, left_us / 1_000_000)
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
