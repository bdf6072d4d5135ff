"""From queued commands to the devices. The rows are the truth; an event only shortens the wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from django.db import Error as DatabaseError

from bridges.codec import payloads
from bridges.mqtt import topics
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.backoff import Backoff
from bridges.mqtt.session import Lost, outbound_session
from devices.availability import silence
from devices.channel import fanout, groups
from devices.channel.events import Event
from devices.channel.listener import Listener
from devices.commands import lifecycle, lookup
from devices.models import Command
from devices.runtime import database, stats
from devices.values import now_us

logger = logging.getLogger("hubbub.outbound")

SCAN_S = 5.0
"""How often queued rows are looked for without an event: what a lost event delays a command by, at most."""
EXPIRY_S = 0.5
"""How often open commands are checked for their time-out."""
BATCH = 100

Publish = Callable[[str, bytes], Awaitable[None]]


class Outbound:
    """Publishes queued commands for the devices of one broker, and times out the unanswered ones, while it leads.

    Of several bridges one does: a command that two of them find is published twice.
    """

    def __init__(self, broker: str, address: BrokerAddress, client_id: str) -> None:
        self._broker = broker
        self._address = address
        self._client_id = client_id
        self._wake = asyncio.Event()
        self._leading = False
        self._listener = Listener(self._on_event, self._on_loss)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._expire())
            group.create_task(self._keep_session())

    def lead(self, leading: bool) -> None:
        """Whether the commands are ours to send from now on. At first they are not."""
        self._leading = leading
        self._wake.set()

    def _on_event(self, event: Event) -> None:
        self._wake.set()

    def _on_loss(self, names: set[str], reason: str) -> None:
        self._wake.set()

    async def _listen(self) -> None:
        """While the layer is away, commands wait for the next scan."""
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
                async with outbound_session(self._address, self._client_id) as (publish, lost):
                    backoff.reset()
                    await self._send_until(lost, publish)
            except (Lost, OSError) as error:  # a certificate that cannot be read just now is an `OSError`
                logger.warning("no outbound session with %s: %s", self._address, error)
            await asyncio.sleep(backoff.next_s())

    async def _send_until(self, lost: asyncio.Task[None], publish: Publish) -> None:
        while not lost.done():
            self._wake.clear()  # before the look, so that what is queued during it is looked at again
            try:
                await database.run(silence.record_listening, now_us())
                while await self._send_queued(publish) == BATCH:
                    pass
            except DatabaseError as error:
                logger.error("cannot look for queued commands: %s", error)
            woken = asyncio.create_task(self._wake.wait())
            try:
                await asyncio.wait({woken, lost}, timeout=SCAN_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()

    async def _send_queued(self, publish: Publish) -> int:
        """Publishes, then marks: a crash in between sends a command again, under the same id, and loses none."""
        waiting = await database.run(lookup.queued, self._broker, BATCH) if self._leading else []
        for command in waiting:
            await publish(topics.command(command.device.uid, command.id), _payload(command))
            stats.commands_sent.inc()
            await fanout.publish(await database.run(lifecycle.mark_sent, command))
        return len(waiting)

    async def _expire(self) -> None:
        while True:
            try:
                if self._leading:
                    await fanout.publish(await database.run(lifecycle.expire))
            except DatabaseError as error:
                logger.error("cannot time commands out: %s", error)
            await asyncio.sleep(EXPIRY_S)


def _payload(command: Command) -> bytes:
    return payloads.encode_command(command.name, command.args)
