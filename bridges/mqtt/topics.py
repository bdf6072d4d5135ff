"""The topics of `docs/protocol.md`: `devices/<uid>/<kind>[/<command id>]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from devices.errors import Refusal
from devices.values import is_uid

FILTERS: tuple[tuple[str, int], ...] = (
    ("devices/+/telemetry", 1),
    ("devices/+/status", 1),
    ("devices/+/attributes", 1),
    ("devices/+/answers/+", 1),
)
"""What an inbound bridge subscribes to, each with its QoS."""

_COMMAND_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Address:
    """Whom a message is from and what it is about; `ref` is the command's id of an answer."""

    uid: str
    kind: str
    ref: str = ""


def parse(topic: str) -> Address:
    """Raises `Refusal("bad_topic")` for a topic on which a bridge expects nothing."""
    parts = topic.split("/")
    if len(parts) == 3 and parts[0] == "devices" and is_uid(parts[1]):
        if parts[2] in ("telemetry", "status", "attributes"):
            return Address(parts[1], parts[2])
    elif (
        len(parts) == 4
        and parts[0] == "devices"
        and is_uid(parts[1])
        and parts[2] == "answers"
        and _COMMAND_ID.fullmatch(parts[3])
    ):
        return Address(parts[1], "answer", parts[3])
    raise Refusal("bad_topic", ascii(topic[:128]))


def owner(topic_or_filter: str) -> str | None:
    """The uid of the device below which all of a topic or filter lies; `None` where it reaches further."""
    parts = topic_or_filter.split("/", 2)
    if len(parts) == 3 and parts[0] == "devices" and is_uid(parts[1]):
        return parts[1]
    return None


def command(uid: str, command_id: str) -> str:
    """Where the device `uid` hears of a command."""
    return f"devices/{uid}/commands/{command_id}"
