"""The domain's plain values. Pure: no Django, no protocol.

Times are whole microseconds since 1970 UTC wherever a name or type does not say otherwise; browsers and the
HTTP API see milliseconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import msgspec

from devices.errors import SkippedValues

Value = bool | int | float | str

_UID = re.compile(r"[A-Za-z0-9_-]{1,64}")

MAX_NAME = 128
"""Most characters of the name of a metric, an attribute or a command."""
MAX_TEXT = 1024
"""Most characters of a string value."""


def is_uid(text: str) -> bool:
    """Whether `text` is a valid uid of a device."""
    # `fullmatch`, since `$` would accept a trailing newline.
    return _UID.fullmatch(text) is not None


def is_storable(text: str) -> bool:
    """Whether the database can hold `text`; ask before a query that compares with what somebody sent.

    PostgreSQL fails on the NUL character, and its driver on half of a surrogate pair.
    """
    return "\0" not in text and (text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text))


def now_us() -> int:
    """The current time in microseconds."""
    return time.time_ns() // 1000


CLOCK_SET_US = 365 * 86_400 * 1_000_000
"""1971: an earlier time comes from a clock that was never set, or was given in seconds."""
_NEAR_US = 366 * 86_400 * 1_000_000


def looks_like_seconds(time: int, now: int) -> bool:
    """Whether a time (in microseconds) would be about now if it had been given in seconds."""
    return abs(time * 1000 - now) < _NEAR_US


class Role(IntEnum):
    """The rights of a member in a space; each role includes those of the lower ones."""

    VIEWER = 1
    OPERATOR = 2
    MANAGER = 3


class Availability(StrEnum):
    UNKNOWN = "unknown"
    ONLINE = "online"
    OFFLINE = "offline"
    STALE = "stale"


class Clock(StrEnum):
    """Whose clock gives the times of a device's readings: its own, where it sends times, or always the hub's."""

    DEVICE = "device"
    RECEIPT = "receipt"


class CommandStatus(StrEnum):
    """`queued` and `sent` are open; the others are final. `unconfirmed` is sent to a device that never answers and has
    not reported the wanted state in time."""

    QUEUED = "queued"
    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    UNCONFIRMED = "unconfirmed"


class MessageKind(StrEnum):
    """Kinds of entries in a room's log.

    `chat`: a message of a person or a bot. `command`, `answer`: a command to the device, and its outcome. `note`: the
    reply of a chat command. `chart`: a live chart. `availability`: a change of the device's availability. `joined`: a
    new member of the space. `edit`, `removal`: a change of an earlier message, which is named by its seq.
    """

    CHAT = "chat"
    COMMAND = "command"
    ANSWER = "answer"
    NOTE = "note"
    CHART = "chart"
    AVAILABILITY = "availability"
    JOINED = "joined"
    EDIT = "edit"
    REMOVAL = "removal"


class Origin(StrEnum):
    """The kind of author of a message."""

    PERSON = "person"
    BOT = "bot"
    DEVICE = "device"
    HUB = "hub"


# Tens of thousands are made each second: a frozen dataclass would cost ten times as much.
class Sample(msgspec.Struct, frozen=True, gc=False):
    """One value as the device reports it. `time` is `None` if the device did not send one."""

    metric: str
    value: Value
    time: int | None = None


class LocalSample(Sample, frozen=True, gc=False):
    """A sample whose device gave no offset from UTC: `time` is what its clock showed, as if that were UTC."""


class Telemetry(msgspec.Struct, frozen=True, gc=False):
    """The decoded content of one telemetry message. `skipped`: what it contained that cannot be a sample.

    `claimed` is the newest time in it, as the device's clock showed it, even if no sample was left with that time.
    `local`: there are local times among them. `repeated`: a retained message sent to a new subscriber.
    """

    samples: tuple[Sample, ...]
    received_at: int
    skipped: SkippedValues | None = None
    claimed: int | None = None
    local: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The availability that a device, or its will, reports. `repeated`: a retained message sent to a new subscriber.

    `via`: the gateway whose state this is, for one of the devices behind it: they cannot be reached without it.
    """

    availability: Availability
    received_at: int
    repeated: bool = False
    via: str = ""


@dataclass(frozen=True, slots=True)
class Attributes:
    """Slow facts of a device (firmware, model), merged into the known ones in their order.

    `None` removes a fact, and the elements of an array of that name. `repeated`: as in `StatusReport`; `skipped`: as in
    `Telemetry`.
    """

    facts: Mapping[str, Value | None]
    repeated: bool = False
    skipped: SkippedValues | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A device's answer to a command. `skipped`: as in `Telemetry`."""

    command_id: str
    ok: bool
    result: object = None
    error: str = ""
    skipped: SkippedValues | None = None


Report = Telemetry | StatusReport | Attributes | Answer
"""The decoded content of any message of a device."""
