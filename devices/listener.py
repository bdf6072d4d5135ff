"""The only receiver from the channel layer: one channel a process, whatever the number of groups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from channels.layers import get_channel_layer

from devices import stats
from devices.events import Event, TelemetryStored, from_message

logger = logging.getLogger("hubbub.listener")

RETRY_S = 1.0
"""Pause after the layer failed."""


class Listener:
    """Takes events of the groups it has joined and hands them to `on_event`, in order.

    `on_loss(shards, reason)` is called when events may be missing: a jump in a source's running numbers (the
    shards concerned), or a layer that failed (all shards joined). Both callbacks run on the loop and must not raise.
    """

    def __init__(self, on_event: Callable[[Event], None], on_loss: Callable[[set[int], str], None]) -> None:
        self._on_event = on_event
        self._on_loss = on_loss
        self._layer = get_channel_layer()
        self._channel = ""
        self._groups: set[str] = set()
        self._numbers: dict[tuple[str, int], int] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens the channel. Raises what the layer raises when it cannot be reached."""
        self._channel = await self._layer.new_channel("hubbub")
        self._task = asyncio.create_task(self._receive(), name="listener")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def join(self, group: str) -> None:
        if group not in self._groups:
            await self._layer.group_add(group, self._channel)
            self._groups.add(group)

    async def leave(self, group: str) -> None:
        if group in self._groups:
            self._groups.discard(group)
            await self._layer.group_discard(group, self._channel)

    def forget(self, shard: int) -> None:
        """Drops the numbers of a shard that is no longer listened to, whose next number will have jumped."""
        for key in [key for key in self._numbers if key[1] == shard]:
            del self._numbers[key]

    async def _receive(self) -> None:
        while True:
            try:
                message = await self._layer.receive(self._channel)
                event = from_message(message)
            except (KeyError, TypeError) as error:
                logger.error("a foreign message on the channel layer: %r", error)
            except Exception as error:
                logger.warning("the channel layer failed: %s", error)
                self._lose({shard for _, shard in self._numbers}, "layer")
                await asyncio.sleep(RETRY_S)
            else:
                if isinstance(event, TelemetryStored):
                    self._count(event)
                self._on_event(event)

    def _count(self, event: TelemetryStored) -> None:
        """Compares the running number with the last one of its source and shard."""
        key = (event.source, event.shard)
        last = self._numbers.get(key)
        self._numbers[key] = event.n
        if last is not None and event.n != last + 1:
            self._lose({event.shard}, "gap")

    def _lose(self, shards: set[int], reason: str) -> None:
        stats.layer_gaps.inc()
        self._on_loss(shards, reason)
