"""From queued commands to the devices of a source, and messages of the convention's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from bridges.mqtt.command_loop import BATCH, CommandLoop
from bridges.mqtt.outbound_session import Lost, OpenSession, OutboundSession
from bridges.sources.convention import Publish, SentCommand
from bridges.sources.decoders.pool import pool
from bridges.sources.source import Source
from devices.channel import fanout
from devices.channel.events import Event
from devices.commands import lifecycle, lookup
from devices.commands.models import Command
from devices.errors import HubbubError, Refusal
from devices.log.entries import recorded
from devices.runtime import database, stats
from devices.values import Answer, now_us

NO_ENCODER = "no function encodeDownlink"
"""In the refusal of a script that only decodes."""
FAREWELL_S = 2.0
"""How long the broker may take to acknowledge the farewell of a convention."""


class SourceCommands:
    """Publishes for one source: its devices' commands, and what its convention requests."""

    def __init__(self, source: Source, open_session: OpenSession) -> None:
        self._source = source
        self._open_session = open_session
        self._loop = CommandLoop(source.name, self._announced, self._send)
        source.on_request = self._loop.wake

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    @asynccontextmanager
    async def _announced(self) -> AsyncIterator[OutboundSession]:
        """A session that publishes the farewell at its end. It is the will of the session too, which a broker has
        published where an earlier one was lost: each session begins with the greeting."""
        farewell = self._source.convention.farewell()
        async with self._open_session() as session:
            if farewell is None:
                yield session
                return
            for message in self._source.convention.greeting():
                await _publish(session, message, None)
            try:
                yield session
            finally:
                if not session.lost.done():
                    with suppress(Lost, TimeoutError):
                        async with asyncio.timeout(FAREWELL_S):
                            await _publish(session, farewell, None)

    async def _send(self, session: OutboundSession) -> int:
        while self._source.requests:
            await _publish(session, self._source.requests[0], None)
            self._source.requests.popleft()
        waiting = await database.run(lookup.queued_at_source, self._source.id, BATCH)
        for command, address in waiting:
            await self._send_one(session, self._source, command, address)
        return len(waiting)

    async def _send_one(self, session: OutboundSession, source: Source, command: Command, address: str) -> None:
        sent_at = now_us()
        left_us = command.expires_at - sent_at
        if left_us <= 0:
            return
        try:
            name, args = await self._encoded(address, command.name, command.args)
            messages = source.convention.command(address, name, args, command.id)
        except HubbubError as error:
            await fanout.publish(await database.run(_refuse, command, error.message))
            return
        source.sent(SentCommand(command.id, address, command.name, command.args))  # its outcome may be heard at once
        for message in messages:
            await _publish(session, message, left_us / 1_000_000)
        stats.commands_sent.inc()
        await fanout.publish(await database.run(lifecycle.mark_sent, command, sent_at))

    async def _encoded(self, address: str, name: str, args: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A `set` as the bytes that the device's decoder makes of it, if it has one. Raises `Refusal`."""
        decoder = self._source.encoder(address) if name == "set" else None
        if decoder is None:
            return name, args
        values = {key: value for key, value in args.items() if key != "f_port"}
        try:
            downlink = await pool().encode(decoder, values)
            port = args.get("f_port", downlink.f_port or 1)
            return "downlink", {"bytes": bytes(downlink.bytes).hex(), "f_port": port}
        except Refusal as refusal:
            if NO_ENCODER not in refusal.detail:
                raise
            return name, args  # the network may encode it
        except ValueError:
            raise Refusal("decoder_result", "a downlink has bytes from 0 to 255") from None


async def _publish(session: OutboundSession, message: Publish, expires_in_s: float | None) -> None:
    await session.publish(message.topic, message.payload, expires_in_s, qos=message.qos, retain=message.retain)


def _refuse(command: Command, reason: str) -> list[Event]:
    """The device cannot be sent this command: it has failed, with the reason in the device's room."""
    return recorded(lifecycle.answer, command.device, Answer(command.id, ok=False, error=reason))
