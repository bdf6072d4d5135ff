"""Events that travel through the channel layer. Pure: plain values in, plain dicts out and back."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass, replace
from typing import Any, ClassVar

import msgspec

from devices.channel import groups


# Made by the thousand for each batch: a frozen dataclass costs ten times as much.
class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One device's share of a batch, encoded once: `{"temperature": [[MS, 21.5], …], …}`."""

    device_id: int
    uid: str
    json: str


@dataclass(frozen=True, slots=True)
class TelemetryStored:
    """The readings of a batch that fall into one shard.

    `received_at`: when the batch's oldest message was received, in microseconds by the clock of who received it; 0: not
    told.
    """

    type: ClassVar[str] = "telemetry"
    shard: int
    parts: tuple[Part, ...]
    received_at: int = 0

    @property
    def group(self) -> str:
        return groups.telemetry(self.shard)


@dataclass(frozen=True, slots=True)
class AvailabilityChanged:
    type: ClassVar[str] = "availability"
    device_id: int
    uid: str
    status: str
    at: int

    @property
    def group(self) -> str:
        return groups.telemetry(groups.shard_of(self.device_id))


@dataclass(frozen=True, slots=True)
class CommandChanged:
    """A command took a new status. `result` is what the device answered, `error` why it failed."""

    type: ClassVar[str] = "command"
    device_id: int
    uid: str
    id: str
    name: str
    args: Any
    status: str
    result: Any
    error: str
    by: str
    at: int

    @property
    def group(self) -> str:
        return groups.telemetry(groups.shard_of(self.device_id))


@dataclass(frozen=True, slots=True)
class CommandsQueued:
    """There are queued commands; the rows are the truth, this only wakes the outbound bridge."""

    type: ClassVar[str] = "commands_queued"

    @property
    def group(self) -> str:
        return groups.COMMANDS


@dataclass(frozen=True, slots=True)
class LoginEnded:
    """A login of this person ended, or their rights changed: connections look again at the database."""

    type: ClassVar[str] = "login_ended"
    user_id: int

    @property
    def group(self) -> str:
        return groups.person(self.user_id)


@dataclass(frozen=True, slots=True)
class DeviceMoved:
    """A device is in another space, or gone: connections that watch it look again at the database."""

    type: ClassVar[str] = "device_moved"
    device_id: int

    @property
    def group(self) -> str:
        return groups.RIGHTS


@dataclass(frozen=True, slots=True)
class StreamChanged:
    """A stream of this name shows other devices from now on: connections that watch it look again at the database."""

    type: ClassVar[str] = "stream_changed"
    stream: str

    @property
    def group(self) -> str:
        return groups.RIGHTS


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a room, encoded once. `space_id` is 0 for a conversation of two people.

    `talk`: somebody said something, as opposed to what devices and the hub log. `by` and `mentions` are people's ids;
    `excerpt` is the beginning of the text, `author` a name, `at` microseconds.
    """

    room_id: int
    space_id: int
    seq: int
    at: int
    talk: bool
    by: int
    author: str
    excerpt: str
    mentions: tuple[int, ...]
    json: str


@dataclass(frozen=True, slots=True)
class MessagesStored:
    """Rooms of one shard have new messages."""

    type: ClassVar[str] = "messages"
    shard: int
    entries: tuple[Entry, ...]

    @property
    def group(self) -> str:
        return groups.rooms(self.shard)


@dataclass(frozen=True, slots=True)
class DirectStored:
    """A private message, for one of its two people: every connection of theirs is told. `to` and `author` are names."""

    type: ClassVar[str] = "direct"
    user_id: int
    room_id: int
    seq: int
    at: int
    author: str
    to: str
    text: str

    @property
    def group(self) -> str:
        return groups.person(self.user_id)


@dataclass(frozen=True, slots=True)
class ReadMoved:
    """Somebody has read a room up to `seq`; their other connections count anew.

    `newest`: up to this seq `unread` and `mentions` have been counted.
    """

    type: ClassVar[str] = "read"
    user_id: int
    room_id: int
    seq: int
    unread: int
    mentions: int
    newest: int

    @property
    def group(self) -> str:
        return groups.person(self.user_id)


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody is writing. Not stored, and not missed where it gets lost."""

    type: ClassVar[str] = "typing"
    room_id: int
    user_id: int
    author: str

    @property
    def group(self) -> str:
        return groups.rooms(groups.shard_of(self.room_id))


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """Who is in the room has changed: whoever shows it looks again."""

    type: ClassVar[str] = "presence"
    room_id: int

    @property
    def group(self) -> str:
        return groups.rooms(groups.shard_of(self.room_id))


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """A device is new or has a new secret: brokers let it in by that, and whoever came with an old one has to go."""

    type: ClassVar[str] = "account"
    uid: str

    @property
    def group(self) -> str:
        return groups.ACCOUNTS


Event = (
    TelemetryStored
    | AvailabilityChanged
    | CommandChanged
    | CommandsQueued
    | LoginEnded
    | DeviceMoved
    | StreamChanged
    | AccountChanged
    | MessagesStored
    | DirectStored
    | ReadMoved
    | Typing
    | PresenceChanged
)

_read_parts = msgspec.msgpack.Decoder(tuple[Part, ...]).decode
_TYPES: dict[str, type[Event]] = {kind.type: kind for kind in Event.__args__}


def to_message(event: Event) -> dict[str, Any]:
    """The event as a channel-layer message."""
    if isinstance(event, TelemetryStored):
        # One value, as layers go through all that is in a message: a copy of each list for each receiver, in memory.
        parts = msgspec.msgpack.encode(event.parts)
        return {"type": event.type, "shard": event.shard, "parts": parts, "received_at": event.received_at}
    if isinstance(event, MessagesStored):
        return {"type": event.type, "shard": event.shard, "entries": [list(astuple(entry)) for entry in event.entries]}
    return {"type": event.type, **asdict(event)}


def from_message(message: dict[str, Any]) -> Event:
    """The event that `to_message` made this from. Raises `KeyError` or `TypeError` on a foreign message."""
    fields = dict(message)
    kind = _TYPES[fields.pop("type")]
    if kind is TelemetryStored:
        try:
            fields["parts"] = _read_parts(fields["parts"])
        except msgspec.DecodeError as error:
            raise TypeError(str(error)) from None
    elif kind is MessagesStored:
        fields["entries"] = tuple(_entry(*entry) for entry in fields["entries"])
    return kind(**fields)


def _entry(*values: Any) -> Entry:
    """A layer may have made a list of the tuple."""
    entry = Entry(*values)
    return replace(entry, mentions=tuple(entry.mentions))
