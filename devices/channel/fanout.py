"""The only sender to the channel layer. Write, commit, then `publish`.

Every message carries this process's `source` and a number that runs without a hole per group, and for some seconds
after the last one the number is announced again. So a receiver notices whatever the layer lost, the last message
before a quiet hour too.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from devices.channel.events import Event, to_message
from devices.runtime import stats

logger = logging.getLogger("hubbub.fanout")

SOURCE = secrets.token_hex(4)
"""Tells this process's running numbers from those of others and of its own earlier life."""
NUMBERS = "numbers"
"""Type of the messages that announce a group's last number; not an event."""
ANNOUNCE_S = 1.0
"""Pause between announcements; how long a lost last event goes unnoticed."""
ANNOUNCEMENTS = 5
"""How often a number is announced: a receiver takes seconds to find back to a layer that was away."""
SEND_S = 2.0
"""A layer that takes longer has failed: a frozen Redis must not stop the storing of what devices send."""

_numbers: defaultdict[str, int] = defaultdict(int)
_unannounced: dict[str, int] = {}
"""Group -> how often its number is still to be announced."""
_untaken: set[str] = set()
"""Groups of which the layer did not take the last message. The next one says so as `lost`: who came to listen in the
meantime has no earlier number by which to tell."""
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Lock]] = WeakKeyDictionary()
_frozen_until: WeakKeyDictionary[asyncio.AbstractEventLoop, float] = WeakKeyDictionary()
"""Until then nothing is sent: everybody in the queue of a group would wait for `SEND_S` in vain."""
_announcing_on: asyncio.AbstractEventLoop | None = None
_announcement: asyncio.Task[None] | None = None


async def publish(events: Iterable[Event]) -> None:
    """Sends the events to their groups: those of one group in order, the groups side by side.

    The rows are committed by now: a layer that fails is counted and logged, never raised. What it lost shows as a
    jump in the running numbers, and viewers are told to look again at the database.
    """
    by_group: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_group[event.group].append(event)
    if not by_group:
        return
    await asyncio.gather(*[_send_all(group, its_events) for group, its_events in by_group.items()])
    _announce_later()


async def _send_all(group: str, events: list[Event]) -> None:
    loop = asyncio.get_running_loop()
    # Two publishers must not overtake each other between taking a number and sending it.
    async with _turn(group):
        for event in events:
            _numbers[group] += 1
            _unannounced[group] = ANNOUNCEMENTS
            if loop.time() < _frozen_until.get(loop, 0.0):
                stats.layer_failures.labels(event.type).inc()
                _untaken.add(group)
                continue
            error = await _send(group, {**to_message(event), "source": SOURCE, "n": _numbers[group]})
            if isinstance(error, TimeoutError):
                _frozen_until[loop] = loop.time() + SEND_S


def _turn(group: str) -> asyncio.Lock:
    """Whose turn it is to send to the group, first come first served."""
    turns = _turns.setdefault(asyncio.get_running_loop(), {})
    return turns.setdefault(group, asyncio.Lock())


def publish_from_sync(events: Iterable[Event]) -> None:
    """`publish` for synchronous code: signal receivers, management commands."""
    async_to_sync(publish)(list(events))


async def _send(group: str, message: dict[str, Any]) -> Exception | None:
    """What kept the layer from taking the message; `None` where it took it."""
    if group in _untaken:
        message["lost"] = True
    try:
        async with asyncio.timeout(SEND_S):
            await get_channel_layer().group_send(group, message)
    except Exception as error:
        stats.layer_failures.labels(message["type"]).inc()
        logger.warning("the channel layer did not take a message of type %s: %r", message["type"], error)
        _untaken.add(group)
        return error
    _untaken.discard(group)
    stats.layer_sent.labels(message["type"]).inc()
    return None


def _announce_later() -> None:
    """Plans one round of announcements for all that is published until then."""
    global _announcing_on
    loop = asyncio.get_running_loop()
    if _announcing_on is not loop:  # also when the loop it was planned on has ended in the meantime
        _announcing_on = loop
        loop.call_later(ANNOUNCE_S, _begin_announcement, loop)


def _begin_announcement(loop: asyncio.AbstractEventLoop) -> None:
    global _announcing_on, _announcement
    if _announcing_on is loop:
        _announcing_on = None
    _announcement = loop.create_task(_announce(), name="announcement")


async def _announce() -> None:
    """Sends the last numbers of the groups that had events lately."""
    for group in sorted(_unannounced):
        message = {"type": NUMBERS, "group": group, "source": SOURCE, "n": _numbers[group]}
        if await _send(group, message):
            break  # the others would fail as well; all have their turn again
        left = _unannounced.get(group, 1) - 1  # another round may run, where the layer is slow
        if left > 0:
            _unannounced[group] = left
        else:
            _unannounced.pop(group, None)
    if _unannounced:
        _announce_later()
