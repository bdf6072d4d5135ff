"""What happens in rooms, on its way to the connections of this process that are in them or keep an inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from dashboards.live import frames
from dashboards.live.connection import Connection
from dashboards.live.feed import Feed
from dashboards.live.presence.contract import Presence
from dashboards.live.presence.roster import Pace, Roster
from dashboards.live.shown import INBOX, Shown
from dashboards.live.typists import Typists
from devices.channel import groups
from devices.channel.events import DirectStored, Entry, MessagesStored, PresenceChanged, ReadMoved, Typing

INBOX_S = 0.05
"""How long after a message those who keep an inbox are told that somebody spoke: who reads the room is told first."""
MAX_SPOKEN = 1_000
"""Messages that inboxes are told of together; past it at once."""

RoomEvent = MessagesStored | DirectStored | ReadMoved | Typing | PresenceChanged


def last_seq(snapshot: dict[str, Any]) -> int:
    """Up to where the log is known to who has the snapshot of a room."""
    messages = snapshot["messages"]
    return int(messages[-1]["seq"] if messages else snapshot["seq"])


class Rooms:
    """`of_person(user_id)` gives the connections of a person."""

    def __init__(
        self,
        of_person: Callable[[int], Iterable[Connection]],
        presence: Presence,
        clock: Callable[[], float],
        pace: Pace | None = None,
    ) -> None:
        self.roster = Roster(presence, self._tell_presence, pace)
        self.typists = Typists(clock)
        self._of_person = of_person
        self._feeds: dict[int, Feed] = {}
        self._names: dict[tuple[Connection, int], str] = {}
        """The username under which a connection is in a room: it leaves under the same one."""
        self._inboxes: dict[Connection, frozenset[int]] = {}
        """Connection -> ids of the spaces in whose rooms it hears of activity."""
        self._spoken: list[Entry] = []
        """Messages that inboxes have yet to be told of."""

    def show(self, connection: Connection, shown: Shown) -> None:
        """What the stream shows belongs to the connection from now on; its rooms are opened, and settled later."""
        for room_id in shown.rooms:
            self._feeds.setdefault(room_id, Feed(room_id)).open(connection)
            name = self._names[connection, room_id] = connection.person.get_username()
            self.roster.enter(room_id, name)
        if shown.spaces:
            self._inboxes[connection] = shown.spaces

    def hide(self, connection: Connection, shown: Shown) -> None:
        for room_id in shown.rooms:
            feed = self._feeds[room_id]
            feed.close(connection)
            if not feed:
                del self._feeds[room_id]
            self.roster.leave(room_id, self._names.pop((connection, room_id)))
        if shown.spaces:
            self._inboxes.pop(connection, None)

    def settle(self, connection: Connection, room_id: int, snapshot: dict[str, Any]) -> None:
        """Has the pushes of the room follow the snapshot, unless that is the beginning of a longer log."""
        last = last_seq(snapshot)
        if feed := self._feeds.get(room_id):
            feed.settle(connection, last if last >= snapshot["seq"] else None)
        snapshot["presence"] = self.roster.present(room_id)

    def give_up(self, connection: Connection, shown: Shown) -> None:
        """There is no snapshot: the client has been told to ask again."""
        for room_id in shown.rooms & self._feeds.keys():
            self._feeds[room_id].settle(connection, None)

    def take(self, event: RoomEvent) -> None:
        match event:
            case MessagesStored():
                for entry in event.entries:
                    self._tell(entry)
            case DirectStored():
                for connection in self._of_person(event.user_id):
                    connection.push(frames.direct(event))
            case ReadMoved():
                for connection in self._of_person(event.user_id):
                    if INBOX in connection.streams:
                        connection.push(frames.read(event))
            case Typing():
                if feed := self._feeds.get(event.room_id):
                    feed.tell(frames.typing(event.room_id, event.author), but=event.user_id)
            case PresenceChanged():
                self.roster.look_at([event.room_id])

    def lose(self, names: set[str]) -> None:
        """Events of these groups may be missing."""
        lost = [room_id for room_id in self._feeds if groups.rooms(groups.shard_of(room_id)) in names]
        for room_id in lost:
            self._feeds[room_id].lose()
        self.roster.look_at(lost)

    def _tell(self, entry: Entry) -> None:
        if feed := self._feeds.get(entry.room_id):
            feed.take(entry.seq, frames.message(entry))
        if entry.talk and entry.space_id and self._inboxes:
            if not self._spoken:
                asyncio.get_running_loop().call_later(INBOX_S, self._tell_inboxes)
            self._spoken.append(entry)
            if len(self._spoken) >= MAX_SPOKEN:
                self._tell_inboxes()

    def _tell_inboxes(self) -> None:
        spoken, self._spoken = self._spoken, []
        for entry in spoken:
            self._tell_activity(entry)

    def _tell_activity(self, entry: Entry) -> None:
        plain, mentioned = frames.activity(entry, False), frames.activity(entry, True)
        for connection, spaces in self._inboxes.items():
            if entry.space_id in spaces and connection.user_id != entry.by:
                connection.push(mentioned if connection.user_id in entry.mentions else plain)

    def _tell_presence(self, room_id: int, joined: frozenset[str], left: frozenset[str]) -> None:
        if feed := self._feeds.get(room_id):
            feed.tell(frames.presence(room_id, joined, left))
