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

from dashboards.live import frames, pushes
from dashboards.live.audiences import Audiences
from dashboards.live.connection import Clock, Connection
from dashboards.live.connection_monitor import ConnectionMonitor, MonitorIntervals
from dashboards.live.errors import CloseCode
from dashboards.live.frames import Frame
from dashboards.live.group_membership import GroupMembership
from dashboards.live.penalties import Penalties
from dashboards.live.presence import backend
from dashboards.live.presence.contract import Presence
from dashboards.live.presence.roster import RosterIntervals
from dashboards.live.rooms import Rooms
from dashboards.live.stream_contents import INBOX, StreamContents
from dashboards.live.streams import Watchable
from dashboards.live.telemetry import TelemetryFanout
from devices.channel import follower, groups
from devices.channel.events import (
    AvailabilityChanged,
    CommandChanged,
    DeviceMoved,
    DirectStored,
    Event,
    LoginEnded,
    MessagesStored,
    MetricsChanged,
    PresenceChanged,
    ReadMoved,
    StreamChanged,
    TelemetryStored,
    Typing,
)
from devices.channel.listener import Listener
from devices.runtime import stats

logger = logging.getLogger("hubbub.live")

CLOSE_S = 3.0
"""How long `close_all` waits for sockets that take their last frame slowly."""


class Relay:
    """Knows every connection of the process."""

    def __init__(
        self,
        intervals: MonitorIntervals | None = None,
        clock: Clock = time.monotonic,
        presence: Presence | None = None,
        roster_intervals: RosterIntervals | None = None,
    ) -> None:
        self.clock = clock
        self.connections: set[Connection] = set()
        self.penalties = Penalties(clock)
        self.closing = False
        """No new connections are admitted."""
        self.monitor = ConnectionMonitor(self.connections, self._apply_rights, clock, intervals or MonitorIntervals())
        self.rooms = Rooms(self._of_person, presence or backend.make(), clock, roster_intervals)
        self._listener = Listener(self._on_event, self._on_loss)
        self._groups = GroupMembership(self._listener)
        self._started: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._audiences = Audiences()
        self._telemetry = TelemetryFanout(self._audiences, self.number)
        self._people: Counter[int] = Counter()
        self._emptied = asyncio.Event()

    def number(self) -> int:
        """The next running number of a telemetry frame. They rise; a connection sees some of them."""
        return next(self._numbers)

    def connections_of(self, user_id: int) -> int:
        """How many connections the person has in this process."""
        return self._people[user_id]

    async def add(self, connection: Connection) -> None:
        """Adds a connection; returns once the end of its login would be reported to it."""
        self.connections.add(connection)
        self._people[connection.user_id] += 1
        stats.connections.set(len(self.connections))
        if self._started is None:
            self._started = asyncio.create_task(self._start(), name="relay")
        own = [groups.person(connection.user_id)]
        self._groups.want(own)
        await asyncio.shield(self._started)
        await self._groups.join(own)

    def remove(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._people[connection.user_id] -= 1
        stats.connections.set(len(self.connections))
        for stream in list(connection.streams):
            self.unwatch(connection, stream)
        self._audiences.remove(connection)
        self._groups.release([groups.person(connection.user_id)])
        if not self.connections:
            self._people.clear()
            self._emptied.set()

    async def watch(self, connection: Connection, stream: str, contents: StreamContents) -> None:
        """Shows the contents to the connection; returns once everything that is published from now on reaches it."""
        self._show(connection, stream, contents)
        known = [self.rooms.roster.known(room) for room in contents.rooms]
        await asyncio.gather(self._groups.join(contents.groups), *known)

    def unwatch(self, connection: Connection, stream: str) -> None:
        contents = connection.streams.pop(stream, None)
        if contents is not None:
            self.rooms.hide(connection, contents)
            self._narrow(connection)
            self._groups.release(contents.groups)

    async def close_all(self, code: CloseCode = CloseCode.RESTART) -> None:
        """Admits no new connections, closes the open ones with `code` and waits until they are gone."""
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
            await self.monitor.stop()
            await self.rooms.roster.stop()
            await self._listener.stop()
            await follower.unfollow()
            self._started = None

    async def _start(self) -> None:
        follower.follow()
        await self._listener.start()
        await self._listener.join(groups.RIGHTS)
        self.monitor.start()
        self.rooms.roster.start()

    def _of_person(self, user_id: int) -> list[Connection]:
        return [connection for connection in self.connections if connection.user_id == user_id]

    def _show(self, connection: Connection, stream: str, contents: StreamContents) -> None:
        before = connection.streams.get(stream)
        connection.streams[stream] = contents
        if before is not None:
            self.rooms.hide(connection, before)
        self.rooms.show(connection, contents)
        self._audiences.note(connection)
        self._groups.want(contents.groups)
        if before is not None:
            self._groups.release(before.groups)

    def _narrow(self, connection: Connection) -> None:
        self._audiences.note(connection)
        if connection.window.kept:
            connection.window.keep_only(connection.devices)

    def _on_event(self, event: Event) -> None:
        match event:
            case TelemetryStored():
                self._telemetry.add(event)
            case AvailabilityChanged():
                self._push_to_viewers(event.device_id, pushes.availability(event))
            case CommandChanged():
                self._push_to_viewers(event.device_id, pushes.command(event))
            case DeviceMoved():
                # A connection with an inbox may have lost a room with unread messages.
                self.monitor.check_soon(self._concerned(event.device_id), {INBOX})
            case MetricsChanged():
                self._resync_viewers(event.device_id)
            case StreamChanged():
                self.monitor.check_soon([c for c in self.connections if event.stream in c.streams], {event.stream})
            case LoginEnded():
                self.monitor.check_soon(self._of_person(event.user_id))
            case MessagesStored() | DirectStored() | ReadMoved() | Typing() | PresenceChanged():
                self.rooms.receive(event)

    def _concerned(self, device_id: int) -> set[Connection]:
        """Connections that show the device, a room or an inbox: a device's room moves with it."""
        in_rooms = (c for c in self.connections if any(shown.rooms or shown.spaces for shown in c.streams.values()))
        return {*self._audiences.connections_of(device_id), *in_rooms}

    def _push_to_viewers(self, device_id: int, frame: Frame) -> None:
        if self._telemetry.holds(device_id):
            self._telemetry.flush()  # earlier telemetry stays before it
        for connection in self._audiences.connections_of(device_id):
            connection.push(frame)

    def _resync_viewers(self, device_id: int) -> None:
        self._telemetry.flush()
        for connection in self._audiences.connections_of(device_id):
            concerned = [stream for stream, shown in connection.streams.items() if device_id in shown.devices]
            connection.push(frames.resync(concerned, "changed"))

    def _on_loss(self, names: set[str], reason: str) -> None:
        logger.warning("events may have been lost (%s) in the groups %s", reason, ", ".join(sorted(names)))
        self._telemetry.flush()
        self.rooms.lose(names)
        if reason == "layer":
            self.rooms.roster.doubt()
        for connection in list(self.connections):
            concerned = _streams_in(connection, names)
            if concerned:
                connection.push(frames.resync(concerned, reason))
        # The end of a login may have been among the lost events.
        suspect = self.connections if groups.RIGHTS in names else [c for c in self.connections if _is_of(c, names)]
        self.monitor.check_soon(suspect)

    def _apply_rights(
        self, connection: Connection, asked: Iterable[str], watchable: Watchable, changed: Container[str]
    ) -> None:
        """Applies what the connection may still watch of the streams that were asked about."""
        for stream in asked:
            before, now = connection.streams.get(stream), watchable.get(stream)
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


def _streams_in(connection: Connection, names: set[str]) -> list[str]:
    """The streams of the connection of which events come through these groups."""
    own = _is_of(connection, names)
    return [
        stream
        for stream, contents in connection.streams.items()
        if not names.isdisjoint(contents.groups) or (own and stream == INBOX)
    ]
