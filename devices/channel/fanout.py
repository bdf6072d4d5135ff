"""The only sender to the channel layer. Write, commit, then `publish`.

Every message carries the `source` it comes from and a number that runs without a gap per group. For some seconds after
its last message a source announces the number again. So a receiver notices every message that the layer loses, even
the last one before a quiet hour.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary, ref

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from devices.channel import outside_events
from devices.channel.events import Event, to_message
from devices.runtime import stats

logger = logging.getLogger("hubbub.fanout")

NUMBERS = "numbers"
"""Type of the messages that announce a group's last number; not an event."""
ANNOUNCE_S = 1.0
"""Pause between announcements: a lost last event goes unnoticed for this long."""
ANNOUNCEMENTS = 5
"""How often a number is announced: a receiver takes seconds to reconnect to a layer that was unavailable."""
SEND_S = 2.0
"""A layer that takes longer has failed: a frozen Redis must not stop ingest from storing."""


async def publish(events: Iterable[Event]) -> None:
    """Sends the events through the configured channel layer, as `Fanout.publish` does."""
    await _fanout_of(get_channel_layer()).publish(events)


def publish_from_sync(events: Iterable[Event]) -> None:
    """`publish` for synchronous code: signal receivers, management commands. It reaches a hub in another process, too,
    where the channel layer is in memory."""
    published = list(events)
    async_to_sync(publish)(published)
    outside_events.store(published)


class Fanout:
    """Sends events through one channel layer, from every event loop of the process, with running numbers of its own."""

    def __init__(self, layer: Any) -> None:
        self.source = secrets.token_hex(4)
        """Distinguishes these running numbers from those of other processes and of this one before a restart."""
        self._layer: Callable[[], Any] = ref(layer)  # the table of fanouts must not keep a layer alive
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._unannounced: dict[str, int] = {}
        """Group -> how many announcements of its number are still to be sent."""
        self._undelivered: set[str] = set()
        """Groups whose last message the layer did not accept. Their next message is marked `lost`: a receiver that has
        joined in the meantime has no earlier number to compare with."""
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopState] = WeakKeyDictionary()
        self._announcements: set[asyncio.Task[None]] = set()

    async def publish(self, events: Iterable[Event]) -> None:
        """Sends the events to their groups: those of one group in order, the groups concurrently.

        The rows are committed by now, so a layer that fails is counted and logged, never raised. The events that it
        lost show as a jump in the running numbers, and receivers look at the database again.
        """
        by_group: defaultdict[str, list[Event]] = defaultdict(list)
        for event in events:
            by_group[event.group].append(event)
        if not by_group:
            return
        await asyncio.gather(*[self._publish_to(group, its_events) for group, its_events in by_group.items()])
        self._plan_announcement()

    async def _publish_to(self, group: str, events: list[Event]) -> None:
        loop, state = asyncio.get_running_loop(), self._state()
        # Two publishers must not overtake each other between numbering a message and sending it.
        async with state.locks[group]:
            for event in events:
                self._numbers[group] = n = self._numbers[group] + 1
                self._unannounced[group] = ANNOUNCEMENTS
                if loop.time() < state.frozen_until:
                    stats.layer_failures.labels(event.type).inc()
                    self._undelivered.add(group)
                    continue
                error = await self._send(group, {**to_message(event), "source": self.source, "n": n})
                if isinstance(error, TimeoutError):
                    state.frozen_until = loop.time() + SEND_S

    def _state(self) -> _LoopState:
        loop = asyncio.get_running_loop()
        return self._loops.get(loop) or self._loops.setdefault(loop, _LoopState())

    async def _send(self, group: str, message: dict[str, Any]) -> Exception | None:
        """The error with which the layer failed; `None` if it accepted the message."""
        if group in self._undelivered:
            message["lost"] = True
        try:
            async with asyncio.timeout(SEND_S):
                await self._layer().group_send(group, message)
        except Exception as error:
            stats.layer_failures.labels(message["type"]).inc()
            logger.warning("the channel layer did not accept a message of type %s: %r", message["type"], error)
            self._undelivered.add(group)
            return error
        self._undelivered.discard(group)
        stats.layer_sent.labels(message["type"]).inc()
        return None

    def _plan_announcement(self) -> None:
        """Plans one round of announcements for everything that is published until then."""
        state = self._state()
        if not state.announcement_planned:
            state.announcement_planned = True
            asyncio.get_running_loop().call_later(ANNOUNCE_S, self._start_announcement)

    def _start_announcement(self) -> None:
        self._state().announcement_planned = False
        task = asyncio.get_running_loop().create_task(self._announce(), name="announcement")
        self._announcements.add(task)  # the loop itself keeps only a weak reference to a task
        task.add_done_callback(self._announcements.discard)

    async def _announce(self) -> None:
        """Sends the last numbers of the groups that had events recently."""
        if self._layer() is None:
            return  # replaced by another layer, as between two tests: nobody listens to this one
        for group in sorted(self._unannounced):
            message = {"type": NUMBERS, "group": group, "source": self.source, "n": self._numbers[group]}
            if await self._send(group, message):
                break  # the others would fail as well; all of them are announced in the next round
            left = self._unannounced.get(group, 1) - 1  # another round may run at the same time if the layer is slow
            if left > 0:
                self._unannounced[group] = left
            else:
                self._unannounced.pop(group, None)
        if self._unannounced:
            self._plan_announcement()


class _LoopState:
    """Locks and times of one event loop."""

    def __init__(self) -> None:
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.frozen_until = 0.0
        """Nothing is sent until this loop time: every publisher that waits for a group would wait `SEND_S` in vain."""
        self.announcement_planned = False


_fanouts: WeakKeyDictionary[Any, Fanout] = WeakKeyDictionary()


def _fanout_of(layer: Any) -> Fanout:
    return _fanouts.get(layer) or _fanouts.setdefault(layer, Fanout(layer))
