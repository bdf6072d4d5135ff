"""From the channel layer to the connections: one relay per process and event loop.

It joins a group only while a local connection wants it, and writes to connections directly: no dispatch, no group
and no encoding per connection.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import Counter
from collections.abc import Container, Iterable
from contextlib import suppress
from weakref import WeakKeyDictionary

from dashboards.live import frames
from dashboards.live.audiences import Audience, Audiences
from dashboards.live.connection import Clock, Connection
from dashboards.live.errors import CloseCode
from dashboards.live.keeper import Keeper, Times
from dashboards.live.presence import backend
from dashboards.live.presence.contract import Presence
from dashboards.live.presence.roster import Pace
from dashboards.live.rooms import Rooms
from dashboards.live.shown import INBOX, Shown
from dashboards.live.streams import Watched
from dashboards.live.window import Frame
from devices.channel import groups
from devices.channel.events import (
    AvailabilityChanged,
    CommandChanged,
    DeviceMoved,
    DirectStored,
    Event,
    LoginEnded,
    MessagesStored,
    Part,
    PresenceChanged,
    ReadMoved,
    StreamChanged,
    TelemetryStored,
    Typing,
)
from devices.channel.listener import Listener
from devices.runtime import stats
from devices.values import now_us

logger = logging.getLogger("hubbub.live")

CLOSE_S = 3.0
"""How long `close_all` waits for sockets that take their last frame slowly."""
GAP_S, MAX_GAP_S = 0.01, 0.1
"""Least pause between two frames. After a lull the first leaves at once; under load the pause is twice what it took to
write the last one to everybody, so that writing takes half of the process's time at most. 100 frames a second leave a
viewer a third of a second to acknowledge before its window is full."""


class Relay:
    """Knows every connection of the process."""

    def __init__(
        self,
        times: Times | None = None,
        clock: Clock = time.monotonic,
        presence: Presence | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.clock = clock
        self.connections: set[Connection] = set()
        self.closing = False
        """No new connections are taken."""
        self.keeper = Keeper(self.connections, self._allow, clock, times or Times())
        self._listener = Listener(self._on_event, self._on_loss)
        self._started: asyncio.Task[None] | None = None
        self._audiences = Audiences()
        self.rooms = Rooms(self._of_person, presence or backend.make(), clock, pace)
        self._people: Counter[int] = Counter()
        self._wanted: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self._pending: dict[int, list[Part]] = {}
        self._oldest = 0
        self._flushed_at = 0.0
        self._gap_s = GAP_S
        self._leaving: set[asyncio.Task[None]] = set()
        self._emptied = asyncio.Event()

    def number(self) -> int:
        """The next running number of a telemetry frame. They rise; a connection sees some of them."""
        return next(self._numbers)

    def connections_of(self, user_id: int) -> int:
        """How many connections the person has in this process."""
        return self._people[user_id]

    async def add(self, connection: Connection) -> None:
        """Takes a connection in; returns once it hears of logins that end."""
        self.connections.add(connection)
        self._people[connection.user_id] += 1
        stats.connections.set(len(self.connections))
        if self._started is None:
            self._started = asyncio.create_task(self._start(), name="relay")
        group = groups.person(connection.user_id)
        self._wanted[group] += 1
        await asyncio.shield(self._started)
        await self._listener.join(group)

    def remove(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._people[connection.user_id] -= 1
        stats.connections.set(len(self.connections))
        for stream in list(connection.streams):
            self.unwatch(connection, stream)
        self._audiences.remove(connection)
        self._release([groups.person(connection.user_id)])
        if not self.connections:
            self._people.clear()
            self._emptied.set()

    async def watch(self, connection: Connection, stream: str, shown: Shown) -> None:
        """Shows all this to the connection; returns once all that is published from now on reaches it."""
        self._show(connection, stream, shown)
        await asyncio.gather(
            *[self._listener.join(group) for group in shown.groups],
            *[self.rooms.roster.known(room) for room in shown.rooms],
        )

    def unwatch(self, connection: Connection, stream: str) -> None:
        shown = connection.streams.pop(stream, None)
        if shown is not None:
            self.rooms.hide(connection, shown)
            self._narrow(connection)
            self._release(shown.groups)

    async def close_all(self, code: CloseCode = CloseCode.RESTART) -> None:
        """Takes no new connections, closes the open ones with `code` and waits until they are gone."""
        self.closing = True
        self._emptied.clear()
        for connection in list(self.connections):
            connection.close(code)
        if self.connections:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._emptied.wait()
        await self.stop()

    async def stop(self) -> None:
        """Leaves the channel layer."""
        if self._started is not None:
            await self._started
            await self.keeper.stop()
            await self.rooms.roster.stop()
            await self._listener.stop()
            self._started = None

    async def _start(self) -> None:
        await self._listener.start()
        await self._listener.join(groups.RIGHTS)
        self.keeper.start()
        self.rooms.roster.start()

    def _of_person(self, user_id: int) -> list[Connection]:
        return [connection for connection in self.connections if connection.user_id == user_id]

    def _show(self, connection: Connection, stream: str, shown: Shown) -> None:
        before = connection.streams.get(stream)
        connection.streams[stream] = shown
        if before is not None:
            self.rooms.hide(connection, before)
        self.rooms.show(connection, shown)
        self._audiences.note(connection)
        self._wanted.update(shown.groups)
        if before is not None:
            self._release(before.groups)

    def _narrow(self, connection: Connection) -> None:
        self._audiences.note(connection)
        if connection.window.kept:
            connection.window.keep_only(connection.devices)

    def _release(self, names: Iterable[str]) -> None:
        for name in names:
            self._wanted[name] -= 1
            if not self._wanted[name]:
                del self._wanted[name]
                task = asyncio.create_task(self._leave(name), name=f"leaving {name}")
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)

    async def _leave(self, group: str) -> None:
        if not self._wanted[group]:  # nobody has come to want it since
            await self._listener.leave(group)

    def _on_event(self, event: Event) -> None:
        match event:
            case TelemetryStored():
                self._collect(event)
            case AvailabilityChanged():
                self._tell(event.device_id, frames.availability(event))
            case CommandChanged():
                self._tell(event.device_id, frames.command(event))
            case DeviceMoved():
                # Who keeps an inbox may have lost a room with something unread in it.
                self.keeper.look_at(self._concerned(event.device_id), {INBOX})
            case StreamChanged():
                self.keeper.look_at([c for c in self.connections if event.stream in c.streams], {event.stream})
            case LoginEnded():
                self.keeper.look_at(self._of_person(event.user_id))
            case MessagesStored() | DirectStored() | ReadMoved() | Typing() | PresenceChanged():
                self.rooms.take(event)

    def _concerned(self, device_id: int) -> set[Connection]:
        """Who shows the device; and whoever is in a room or keeps an inbox, since a device's room moves with it."""
        in_rooms = (c for c in self.connections if any(shown.rooms or shown.spaces for shown in c.streams.values()))
        return {*self._audiences.connections_of(device_id), *in_rooms}

    def _collect(self, event: TelemetryStored) -> None:
        """What arrives within a pause goes out as one frame: a batch of the bridge has an event for each shard."""
        if not self._pending:
            asyncio.get_running_loop().call_at(self._flushed_at + self._gap_s, self._flush)
        if event.received_at:
            self._oldest = min(self._oldest or event.received_at, event.received_at)
        for part in event.parts:
            self._pending.setdefault(part.device_id, []).append(part)

    def _flush(self) -> None:
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        oldest, self._oldest = self._oldest, 0
        loop = asyncio.get_running_loop()
        self._flushed_at = loop.time()
        shown: dict[Audience, list[Part]] = {}
        for device_id, parts in pending.items():
            audiences = self._audiences.of(device_id)
            if audiences:
                part = parts[0] if len(parts) == 1 else frames.concatenate(parts)
                for audience in audiences:
                    shown.setdefault(audience, []).append(part)
        for audience, its_parts in shown.items():
            frame = Frame(self.number(), its_parts)
            for connection in tuple(audience.connections):
                connection.telemetry(frame)
        # After the writers that have been woken just now.
        loop.call_soon(self._written, oldest if shown else 0)

    def _written(self, oldest: int) -> None:
        """`oldest`: receipt of the oldest message that was written of; 0: nothing was, or it is not known."""
        if oldest:  # the bridge's clock may be ahead of ours
            stats.frame_lag.observe(max(0, now_us() - oldest) / 1_000_000)
        took_s = asyncio.get_running_loop().time() - self._flushed_at
        self._gap_s = min(max(GAP_S, 2 * took_s), MAX_GAP_S)

    def _tell(self, device_id: int, text: str) -> None:
        if device_id in self._pending:
            self._flush()  # telemetry that came before stays before
        for connection in self._audiences.connections_of(device_id):
            connection.push(text)

    def _on_loss(self, names: set[str], reason: str) -> None:
        logger.warning("events may have been lost (%s) in the groups %s", reason, ", ".join(sorted(names)))
        self._flush()
        self.rooms.lose(names)
        if reason == "layer":
            self.rooms.roster.doubt()
        for connection in list(self.connections):
            own = _is_of(connection, names)
            concerned = [
                stream
                for stream, shown in connection.streams.items()
                if not names.isdisjoint(shown.groups) or (own and stream == INBOX)
            ]
            if concerned:
                connection.push(frames.resync(concerned, reason))
        # The end of a login may have been among what was lost.
        suspect = self.connections if groups.RIGHTS in names else [c for c in self.connections if _is_of(c, names)]
        self.keeper.look_at(suspect)

    def _allow(self, connection: Connection, asked: Iterable[str], watched: Watched, changed: Container[str]) -> None:
        """Takes note of what the connection may still watch of the streams that were asked about."""
        for stream in asked:
            before, now = connection.streams.get(stream), watched.get(stream)
            if before is None or (before == now and stream not in changed):
                continue
            if now is None:
                self.unwatch(connection, stream)
                connection.push(frames.unsubscribed(stream, "forbidden"))
            else:
                # The client asks for the stream again, and with that the groups of new devices are joined.
                self._show(connection, stream, now)
                self._narrow(connection)
                connection.push(frames.resync([stream], "changed"))


def _is_of(connection: Connection, names: set[str]) -> bool:
    return groups.person(connection.user_id) in names


_relays: WeakKeyDictionary[asyncio.AbstractEventLoop, Relay] = WeakKeyDictionary()


def current() -> Relay:
    """The relay of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _relays:
        _relays[loop] = Relay()
    return _relays[loop]


def use(relay: Relay) -> None:
    """Makes `relay` that of the running event loop: one with other times, say."""
    _relays[asyncio.get_running_loop()] = relay


async def close_all(code: CloseCode = CloseCode.RESTART) -> None:
    """Closes every connection of the process, as before it ends; returns when they are gone."""
    await current().close_all(code)
