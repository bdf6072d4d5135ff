"""Events that travel through the channel layer, and their form as its messages. Pure."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass, replace
from typing import Any, ClassVar

import msgspec

from devices.channel import groups


# Thousands are made for each batch: a frozen dataclass would cost ten times as much.
class EncodedReadings(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One device's share of a batch, encoded once: `{"temperature": [[MS, 21.5], …], …}`."""

    device_id: int
    uid: str
    json: str


@dataclass(frozen=True, slots=True)
class TelemetryStored:
    """The readings of a batch that belong to one shard.

    `received_at`: when the batch's oldest message was received, in microseconds by the receiver's clock; 0: not known.
    """

    type: ClassVar[str] = "telemetry"
    shard: int
    parts: tuple[EncodedReadings, ...]
    received_at: int = 0

    @property
    def group(self) -> str:
        return groups.telemetry(self.shard)


@dataclass(frozen=True, slots=True)
class AvailabilityChanged:
    """A device became `status` (an `Availability`) `at` a time in microseconds.

    `via`: the gateway because of which it cannot be reached.
    """

    type: ClassVar[str] = "availability"
    device_id: int
    uid: str
    status: str
    at: int
    via: str = ""

    @property
    def group(self) -> str:
        return groups.telemetry(groups.shard_of(self.device_id))


@dataclass(frozen=True, slots=True)
class CommandChanged:
    """A command has a new status, or a late answer. `result` is the device's answer, `error` why it failed."""

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
    expires_at: int
    late: bool

    @property
    def group(self) -> str:
        return groups.telemetry(groups.shard_of(self.device_id))


@dataclass(frozen=True, slots=True)
class CommandsQueued:
    """There are queued commands. The rows are the truth; the event only wakes the outbound bridge."""

    type: ClassVar[str] = "commands_queued"

    @property
    def group(self) -> str:
        return groups.COMMANDS


@dataclass(frozen=True, slots=True)
class LoginEnded:
    """A login of this person ended, or their rights changed: their connections check the database again."""

    type: ClassVar[str] = "login_ended"
    user_id: int

    @property
    def group(self) -> str:
        return groups.person(self.user_id)


@dataclass(frozen=True, slots=True)
class DeviceMoved:
    """A device was moved to another space or deleted: connections that watch it check the database again."""

    type: ClassVar[str] = "device_moved"
    device_id: int

    @property
    def group(self) -> str:
        return groups.RIGHTS


@dataclass(frozen=True, slots=True)
class MetricsChanged:
    """A metric of the device has another name or was deleted: whoever shows the device reads its values again."""

    type: ClassVar[str] = "metrics_changed"
    device_id: int

    @property
    def group(self) -> str:
        return groups.telemetry(groups.shard_of(self.device_id))


@dataclass(frozen=True, slots=True)
class StreamChanged:
    """The stream of this name now shows something else: connections that watch it are to subscribe again."""

    type: ClassVar[str] = "stream_changed"
    stream: str

    @property
    def group(self) -> str:
        return groups.RIGHTS


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a room, encoded once. `space_id` is 0 for a private conversation.

    `talk`: a person or a bot wrote it, as opposed to what devices and the hub log. `by` and `mentions` are ids of
    people, `excerpt` is the beginning of the text, `author` a name, `at` in microseconds.
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
    """A private message, for every connection of one of its two people. `to` and `author` are usernames."""

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
    """A person has read a room up to `seq`; their other connections update their counts.

    `unread` and `mentions` are counted up to the seq `newest`.
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
    """A person is typing. It is not stored, and nobody misses it if it gets lost."""

    type: ClassVar[str] = "typing"
    room_id: int
    user_id: int
    author: str

    @property
    def group(self) -> str:
        return groups.rooms(groups.shard_of(self.room_id))


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """People came into the room or left it: those who show its presence read it again."""

    type: ClassVar[str] = "presence"
    room_id: int

    @property
    def group(self) -> str:
        return groups.rooms(groups.shard_of(self.room_id))


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """A device is new, was deleted or has a new secret: brokers load it and disconnect clients with the old one.

    Nobody is disconnected for a new one (`is_new`): it may have connected before a broker receives this. Nothing that a
    broker holds of one that was deleted (`is_deleted`) may reach a later device of the same uid.
    """

    type: ClassVar[str] = "account"
    uid: str
    is_new: bool = False
    is_deleted: bool = False

    @property
    def group(self) -> str:
        return groups.ACCOUNTS


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person has other rights or tokens than before: brokers check what the person's programs may still do."""

    type: ClassVar[str] = "person_changed"
    user_id: int

    @property
    def group(self) -> str:
        return groups.ACCOUNTS


@dataclass(frozen=True, slots=True)
class SourcesChanged:
    """A source, a broker, a login or an address of a device was added, changed or deleted: bridges read them again."""

    type: ClassVar[str] = "sources_changed"

    @property
    def group(self) -> str:
        return groups.SOURCES


@dataclass(frozen=True, slots=True)
class DecodersChanged:
    """A decoder was changed or deleted, or a device has another one: whoever decodes reads them again."""

    type: ClassVar[str] = "decoders"

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
    | MetricsChanged
    | StreamChanged
    | AccountChanged
    | PersonChanged
    | SourcesChanged
    | DecodersChanged
    | MessagesStored
    | DirectStored
    | ReadMoved
    | Typing
    | PresenceChanged
)

_read_parts = msgspec.msgpack.Decoder(tuple[EncodedReadings, ...]).decode
_TYPES: dict[str, type[Event]] = {kind.type: kind for kind in Event.__args__}


def to_message(event: Event) -> dict[str, Any]:
    """The event as a channel-layer message."""
    if isinstance(event, TelemetryStored):
        # A single value, since layers walk through a message: the memory layer copies each list for each receiver.
        parts = msgspec.msgpack.encode(event.parts)
        return {"type": event.type, "shard": event.shard, "parts": parts, "received_at": event.received_at}
    if isinstance(event, MessagesStored):
        return {"type": event.type, "shard": event.shard, "entries": [list(astuple(entry)) for entry in event.entries]}
    return {"type": event.type, **asdict(event)}


def from_message(message: dict[str, Any]) -> Event:
    """The event that `to_message` turned into this. Raises `KeyError` or `TypeError` for a foreign message."""
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
    entry = Entry(*values)
    return replace(entry, mentions=tuple(entry.mentions))  # Redis carries the tuple as a list
