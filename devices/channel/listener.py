"""The only receiver from the channel layer: one channel a process, whatever the number of groups."""

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
from devices.runtime import stats

logger = logging.getLogger("hubbub.listener")

TICK_S = 1.0
"""Pause between two signs of life that a listener sends itself."""
PATIENCE_S = 2.0
"""How long one may take; a layer that takes longer has failed."""
REPEAT_S = 0.1
"""A sign of life is sent again after this: Redis may see it before it sees the subscription that it proves."""
RENEW_S = 3600.0
"""Memberships are renewed so often: layers let them expire after a day."""

_PROBE = "probe"


class Listener:
    """Takes events of the groups it has joined and hands them to `on_event`, in order.

    `on_loss(names, reason)` is called when events of the groups of these names may be missing:

    - "gap": the running numbers of a source jumped in one group, or it says that the layer did not take its last
      message.
    - "layer": the layer was away and is back. `names` holds all groups that are listened to.

    A layer recovers without a word about what it lost, so once a second a sign of life goes through it and has to
    come back. Both callbacks run on the loop.
    """

    def __init__(
        self,
        on_event: Callable[[Event], None],
        on_loss: Callable[[set[str], str], None],
        *,
        tick_s: float = TICK_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._on_event = on_event
        self._on_loss = on_loss
        self._tick_s = tick_s
        self._patience_s = patience_s
        self._layer = get_channel_layer()
        self._own_group = f"listener.{secrets.token_hex(8)}"
        self._channel = ""
        self._wanted: set[str] = set()
        self._heard: set[str] = set()
        self._numbers: dict[tuple[str, str], int] = {}
        self._probes: dict[str, asyncio.Event] = {}
        self._lock = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._down = False
        self._renewed_at = 0.0

    async def start(self) -> None:
        """Opens the channel. A layer that cannot be reached is tried again until it can."""
        self._renewed_at = asyncio.get_running_loop().time()
        await self._look()
        self._tasks.append(asyncio.create_task(self._watch(), name="listener watchdog"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._channel and not self._down:
            with suppress(Exception):
                async with asyncio.timeout(self._patience_s):
                    for group in (self._own_group, *self._heard):
                        await self._layer.group_discard(group, self._channel)
        self._channel = ""
        self._heard.clear()

    async def join(self, group: str) -> None:
        """Returns once all that is published to the group from now on is heard.

        Where the layer is away it returns without that: the group is joined when the layer is back, and `on_loss`
        tells of it.
        """
        self._wanted.add(group)
        if group in self._heard or self._down:
            return
        async with self._lock:
            if self._channel and not self._down and group in self._wanted:
                try:
                    await self._add(group)
                except Exception as error:
                    self._fail(error)

    async def leave(self, group: str) -> None:
        self._wanted.discard(group)
        self._heard.discard(group)
        for key in [key for key in self._numbers if key[0] == group]:
            del self._numbers[key]  # the next number will have jumped
        async with self._lock:
            if self._channel and not self._down and group not in self._wanted:
                try:
                    await self._within(self._layer.group_discard(group, self._channel))
                except Exception as error:
                    self._fail(error)

    async def _add(self, group: str) -> None:
        if group not in self._heard:
            await self._within(self._layer.group_add(group, self._channel))
            await self._prove(group)
            self._heard.add(group)

    async def _prove(self, group: str) -> None:
        """Returns when what is sent to the group comes back. Raises `TimeoutError`, and what the layer raises."""
        async with asyncio.timeout(self._patience_s):
            while not await self._comes_back(group, REPEAT_S):
                pass

    async def _comes_back(self, group: str, within_s: float) -> bool:
        """Whether a message to the group is heard in time."""
        token = secrets.token_hex(8)
        came_back = self._probes[token] = asyncio.Event()
        try:
            await self._within(self._layer.group_send(group, {"type": _PROBE, "token": token}))
            async with asyncio.timeout(within_s):  # `wait_for` of Python 3.11 may swallow a cancellation
                await came_back.wait()
        except TimeoutError:
            return False
        finally:
            del self._probes[token]
        return True

    async def _within(self, call: Awaitable[None]) -> None:
        async with asyncio.timeout(self._patience_s):
            await call

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            await self._look()

    async def _look(self) -> None:
        """One sign of life; after a failure also the way back."""
        async with self._lock:
            was_down = self._down
            try:
                if not self._channel:
                    await self._open()
                if was_down:
                    await self._within(self._layer.group_add(self._own_group, self._channel))
                    await self._prove(self._own_group)
                elif not await self._comes_back(self._own_group, self._patience_s):
                    raise TimeoutError("a sign of life did not come back")
                await self._renew()
                # Last, and until none is missing: a group that is asked for meanwhile must not be left out.
                while missing := self._wanted - self._heard:
                    await self._add(min(missing))
            except Exception as error:
                self._fail(error)
                return
            # Asked anew: the receiver may have met a failure while we looked.
            is_back, self._down = self._down, False
        if is_back:
            logger.info("the channel layer is back")
            self._lose(set(self._wanted), "layer")

    async def _open(self) -> None:
        async with asyncio.timeout(self._patience_s):
            channel = await self._layer.new_channel("hubbub")
            await self._layer.group_add(self._own_group, channel)
        self._channel = channel
        self._tasks.append(asyncio.create_task(self._receive(channel), name="listener"))

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._renewed_at >= RENEW_S:
            self._renewed_at = now
            for group in (self._own_group, *self._heard):
                await self._within(self._layer.group_add(group, self._channel))

    def _fail(self, error: Exception) -> None:
        if not self._down:
            logger.warning("the channel layer failed: %r", error)
        self._down = True
        # The numbers stay. A source may find back to the layer later than we: what it lost after we told of the loss
        # shows as a jump alone. So one loss may be told twice, but none is left out.
        self._heard.clear()

    async def _receive(self, channel: str) -> None:
        while True:
            try:
                message = await self._layer.receive(channel)
            except Exception as error:
                self._fail(error)
                await asyncio.sleep(self._tick_s)
                continue
            try:
                self._take(message)
            except (KeyError, TypeError) as error:
                logger.error("a foreign message on the channel layer: %r", error)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == _PROBE:
            if message["token"] in self._probes:
                self._probes[message["token"]].set()
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
            logger.exception("a %s event was not dealt with", event.type)

    def _compare(self, group: str, source: str, n: int, *, expected: int, lost: bool) -> None:
        """Tells of a loss unless `n` is `expected` past the last number of this source in the group.

        Where that is not known, the source's own word counts: it may have lost something after the group was joined.
        What still comes of a group that was left does not count: the numbers go on without us.
        """
        if group not in (self._wanted if self._down else self._heard):
            return
        last = self._numbers.get((group, source))
        self._numbers[group, source] = n
        jumped = lost if last is None else n != last + expected
        if jumped and not self._down:  # when it is back, all groups are told of a loss
            self._lose({group}, "gap")

    def _lose(self, names: set[str], reason: str) -> None:
        stats.layer_gaps.inc()
        try:
            self._on_loss(names, reason)
        except Exception:
            logger.exception("a loss on the channel layer was not dealt with")
