"""The only receiver from the channel layer: one channel per process, however many groups it has joined."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer

from devices.channel.events import Event, from_message
from devices.channel.fanout import NUMBERS
from devices.channel.probes import PROBE, Probes
from devices.channel.running_numbers import RunningNumbers
from devices.runtime import stats

logger = logging.getLogger("hubbub.listener")

PROBE_EVERY_S = 1.0
"""Pause between two probes of a listener."""
TIMEOUT_S = 2.0
"""A layer that takes longer to answer, or to deliver a probe, has failed."""
RENEW_S = 3600.0
"""Pause between renewals of the memberships: layers let them expire after a day."""


class Listener:
    """Receives the events of the groups it has joined and passes them to `on_event`, in order.

    `on_loss(names, reason)` is called when events of the groups of these names may be missing:

    - "gap": the running numbers of a source jumped in one group, or the source reports that the layer did not accept
      its last message.
    - "layer": the layer was unavailable and is back. `names` holds all groups that are listened to.

    A layer recovers without reporting what it lost, so a probe goes through it every second and has to come back. Both
    callbacks run on the event loop.
    """

    def __init__(
        self,
        on_event: Callable[[Event], None],
        on_loss: Callable[[set[str], str], None],
        *,
        probe_every_s: float = PROBE_EVERY_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._on_event = on_event
        self._on_loss = on_loss
        self._probe_every_s = probe_every_s
        self._timeout_s = timeout_s
        self._layer = get_channel_layer()
        self._own_group = f"listener.{secrets.token_hex(8)}"
        self._channel = ""
        self._wanted: set[str] = set()
        self._joined: set[str] = set()
        self._numbers = RunningNumbers()
        self._probes = Probes(self._layer, timeout_s)
        self._lock = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._down = False
        self._renewed_at = 0.0

    async def start(self) -> None:
        """Opens the channel. A layer that cannot be reached is tried again until it can."""
        self._renewed_at = asyncio.get_running_loop().time()
        await self._check()
        self._tasks.append(asyncio.create_task(self._watch(), name="listener watchdog"))

    async def stop(self) -> None:
        """Leaves all groups and receives nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._channel and not self._down:
            with suppress(Exception):
                async with asyncio.timeout(self._timeout_s):
                    for group in (self._own_group, *self._joined):
                        await self._layer.group_discard(group, self._channel)
        self._channel = ""
        self._joined.clear()

    async def join(self, group: str) -> None:
        """Returns once everything that is published to the group from now on is received.

        If the layer is unavailable, it returns without that: the group is joined when the layer is back, and `on_loss`
        is called for it.
        """
        self._wanted.add(group)
        if group in self._joined or self._down:
            return
        async with self._lock:
            if self._channel and not self._down and group in self._wanted:
                try:
                    await self._add(group)
                except Exception as error:
                    self._mark_down(error)

    async def leave(self, group: str) -> None:
        """No event of the group is missing from now on. Events that are under way may still be passed on."""
        self._wanted.discard(group)
        self._joined.discard(group)
        self._numbers.forget(group)
        async with self._lock:
            if self._channel and not self._down and group not in self._wanted:
                try:
                    await self._in_time(self._layer.group_discard(group, self._channel))
                except Exception as error:
                    self._mark_down(error)

    async def _add(self, group: str) -> None:
        if group not in self._joined:
            await self._in_time(self._layer.group_add(group, self._channel))
            await self._probes.confirm(group)
            self._joined.add(group)

    async def _in_time(self, call: Awaitable[None]) -> None:
        async with asyncio.timeout(self._timeout_s):
            await call

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._probe_every_s)
            await self._check()

    async def _check(self) -> None:
        """Sends one probe; after a failure it joins all groups again."""
        async with self._lock:
            was_down = self._down
            try:
                if not self._channel:
                    await self._open()
                await (self._reconnect() if was_down else self._probes.check(self._own_group))
                await self._renew()
                # Last, and until none is missing: a group that is joined in the meantime must not be left out.
                while missing := self._wanted - self._joined:
                    await self._add(min(missing))
            except Exception as error:
                self._mark_down(error)
                return
            # Not `was_down`: the receiver may have met a failure during the check.
            is_back, self._down = self._down, False
        if is_back:
            logger.info("the channel layer is back")
            self._report_loss(set(self._wanted), "layer")

    async def _open(self) -> None:
        async with asyncio.timeout(self._timeout_s):
            channel = await self._layer.new_channel("hubbub")
            await self._layer.group_add(self._own_group, channel)
        self._channel = channel
        self._tasks.append(asyncio.create_task(self._receive(channel), name="listener"))

    async def _reconnect(self) -> None:
        await self._in_time(self._layer.group_add(self._own_group, self._channel))
        await self._probes.confirm(self._own_group)

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._renewed_at >= RENEW_S:
            self._renewed_at = now
            for group in (self._own_group, *self._joined):
                await self._in_time(self._layer.group_add(group, self._channel))

    def _mark_down(self, error: Exception) -> None:
        if not self._down:
            logger.warning("the channel layer failed: %r", error)
        self._down = True
        # The numbers stay. A source may reconnect to the layer later than we do: what it lost after we have reported
        # the loss shows only as a jump. So one loss may be reported twice, but none is left out.
        self._joined.clear()

    async def _receive(self, channel: str) -> None:
        while True:
            try:
                message = await self._layer.receive(channel)
            except Exception as error:
                self._mark_down(error)
                await asyncio.sleep(self._probe_every_s)
                continue
            try:
                self._handle(message)
            except (KeyError, TypeError) as error:
                logger.error("a foreign message on the channel layer: %r", error)

    def _handle(self, message: dict[str, Any]) -> None:
        if message["type"] == PROBE:
            self._probes.receive(message["token"])
            return
        source, n, lost = message.pop("source"), message.pop("n"), message.pop("lost", False)
        if message["type"] == NUMBERS:
            self._compare(message["group"], source, n, expected=0, lost=lost)
            return
        event = from_message(message)
        self._compare(event.group, source, n, expected=1, lost=lost)
        try:
            self._on_event(event)
        except Exception:
            logger.exception("a %s event could not be handled", event.type)

    def _compare(self, group: str, source: str, n: int, *, expected: int, lost: bool) -> None:
        # The numbers of a group that was left go on without us: a message that arrives late is not recorded.
        if group not in (self._wanted if self._down else self._joined):
            return
        has_gap = self._numbers.has_gap(group, source, n, expected=expected, lost=lost)
        if has_gap and not self._down:  # when the layer is back, a loss is reported for all groups
            self._report_loss({group}, "gap")

    def _report_loss(self, names: set[str], reason: str) -> None:
        stats.layer_gaps.inc()
        try:
            self._on_loss(names, reason)
        except Exception:
            logger.exception("a loss on the channel layer could not be handled")
