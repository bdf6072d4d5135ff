"""Events of rooms on their way to the connections of this process that are in them or keep an inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from dashboards.live import pushes
from dashboards.live.connection import Connection
from dashboards.live.presence.contract import Presence
from dashboards.live.presence.roster import Roster, RosterIntervals
from dashboards.live.room_log import RoomLog
from dashboards.live.stream_contents import INBOX, StreamContents
from dashboards.live.typing_limit import TypingLimit
from devices.channel import groups
from devices.channel.events import DirectStored, Entry, MessagesStored, PresenceChanged, ReadMoved, Typing

INBOX_S = 0.05
"""How long after a message its activity is pushed to inboxes: the readers of the room get the message first."""
MAX_ACTIVITY = 1_000
"""Messages whose activity is pushed together; past it at once."""

RoomEvent = MessagesStored | DirectStored | ReadMoved | Typing | PresenceChanged


def last_seq(snapshot: dict[str, Any]) -> int:
    """The seq up to which a client that has this snapshot of a room knows the log."""
    messages = snapshot["messages"]
    return int(messages[-1]["seq"] if messages else snapshot["seq"])


class Rooms:
    """`of_person(user_id)` gives the connections of a person."""

    def __init__(
        self,
        of_person: Callable[[int], Iterable[Connection]],
        presence: Presence,
        clock: Callable[[], float],
        intervals: RosterIntervals | None = None,
    ) -> None:
        self.roster = Roster(presence, self._push_presence, intervals)
        self.typing_limit = TypingLimit(clock)
        self._of_person = of_person
        self._logs: dict[int, RoomLog] = {}
        self._names: dict[tuple[Connection, int], str] = {}
        """The username under which a connection is in a room: it leaves under the same one."""
        self._inboxes: dict[Connection, frozenset[int]] = {}
        """Connection -> ids of the spaces in whose rooms it is sent activity."""
        self._activity: list[Entry] = []
        """Messages whose activity is still to be pushed to inboxes."""

    def show(self, connection: Connection, contents: StreamContents) -> None:
        """The connection shows these contents from now on; their rooms are opened, and settled later."""
        for room_id in contents.rooms:
            self._logs.setdefault(room_id, RoomLog(room_id)).open(connection)
            name = self._names[connection, room_id] = connection.person.get_username()
            self.roster.enter(room_id, name)
        if contents.spaces:
            self._inboxes[connection] = contents.spaces

    def hide(self, connection: Connection, contents: StreamContents) -> None:
        for room_id in contents.rooms:
            log = self._logs[room_id]
            log.close(connection)
            if not log:
                del self._logs[room_id]
            self.roster.leave(room_id, self._names.pop((connection, room_id)))
        if contents.spaces:
            self._inboxes.pop(connection, None)

    def settle(self, connection: Connection, room_id: int, snapshot: dict[str, Any]) -> None:
        """Has the pushes of the room follow the snapshot, unless that is the beginning of a longer log."""
        last = last_seq(snapshot)
        if log := self._logs.get(room_id):
            log.settle(connection, last if last >= snapshot["seq"] else None)
        snapshot["presence"] = self.roster.present(room_id)

    def abandon(self, connection: Connection, contents: StreamContents) -> None:
        """There is no snapshot: the client has to ask again."""
        for room_id in contents.rooms & self._logs.keys():
            self._logs[room_id].settle(connection, None)

    def receive(self, event: RoomEvent) -> None:
        match event:
            case MessagesStored():
                for entry in event.entries:
                    self._add(entry)
            case DirectStored():
                frame = pushes.direct(event)
                for connection in self._of_person(event.user_id):
                    connection.push(frame)
            case ReadMoved():
                frame = pushes.read(event)
                for connection in self._of_person(event.user_id):
                    if INBOX in connection.streams:
                        connection.push(frame)
            case Typing():
                if log := self._logs.get(event.room_id):
                    log.push(pushes.typing(event.room_id, event.author), but=event.user_id)
            case PresenceChanged():
                self.roster.look_at([event.room_id])

    def lose(self, names: set[str]) -> None:
        """Events of these groups may be missing."""
        lost = [room_id for room_id in self._logs if groups.rooms(groups.shard_of(room_id)) in names]
        for room_id in lost:
            self._logs[room_id].lose()
        self.roster.look_at(lost)

    def _add(self, entry: Entry) -> None:
        if log := self._logs.get(entry.room_id):
            log.add(pushes.message(entry))
        if entry.talk and entry.space_id and self._inboxes:
            if not self._activity:
                asyncio.get_running_loop().call_later(INBOX_S, self._push_activity)
            self._activity.append(entry)
            if len(self._activity) >= MAX_ACTIVITY:
                self._push_activity()

    def _push_activity(self) -> None:
        entries, self._activity = self._activity, []
        for entry in entries:
            plain, mentioned = pushes.activity(entry, False), pushes.activity(entry, True)
            for connection, spaces in self._inboxes.items():
                if entry.space_id in spaces and connection.user_id != entry.by:
                    connection.push(mentioned if connection.user_id in entry.mentions else plain)

    def _push_presence(self, room_id: int, joined: frozenset[str], left: frozenset[str]) -> None:
        if log := self._logs.get(room_id):
            log.push(pushes.presence(room_id, joined, left))
