"""The topics of `docs/protocol/mqtt.md`: `devices/<uid>/<kind>[/<command id>]`, and those of gateways, which speak for
other devices: `gateways/<uid>/<child uid>/<kind>[/<command id>]`."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from devices.errors import Refusal
from devices.values import is_uid

ALL = "devices/#"
"""The subscription of the only bridge of a broker: everything, so that a misspelt topic is refused and not missed."""
GATEWAYS = "gateways/#"
"""The same of gateways."""
STATUS, STATUS_OF_CHILDREN = "devices/+/status", "gateways/+/+/status"
"""Further subscriptions of one of several bridges: a shared subscription gets no retained messages."""
EARLIER = ("devices/+/telemetry", STATUS, "devices/+/attributes", "devices/+/answers/+")
"""Subscriptions of bridges of version 0.1; their sessions may still be at the broker."""

_REPORTED = ("telemetry", "status", "attributes", "answers")
_COMMAND_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class TopicAddress:
    """The device that sent a message, and the kind of message; `ref` is the command id of an answer.

    `uid` is `<gateway>/<child>` where a gateway speaks for the device.
    """

    uid: str
    kind: str
    ref: str = ""


def parse(topic: str) -> TopicAddress:
    """Raises `Refusal("bad_topic")` for a topic on which a bridge expects nothing."""
    match topic.split("/"):
        case ["devices", uid, ("telemetry" | "status" | "attributes") as kind] if is_uid(uid):
            return TopicAddress(uid, kind)
        case ["devices", uid, "answers", ref] if is_uid(uid) and _COMMAND_ID.fullmatch(ref):
            return TopicAddress(uid, "answer", ref)
        case ["gateways", gateway, uid, *rest] if is_uid(gateway) and is_uid(uid):
            found = parse("/".join(["devices", uid, *rest]))
            return TopicAddress(f"{gateway}/{uid}", found.kind, found.ref)
    raise Refusal("bad_topic", key=topic)


@dataclass(frozen=True, slots=True)
class SetAddress:
    """Where a program publishes what a device is to be set to; `arg` is empty if the payload names the arguments."""

    uid: str
    arg: str = ""


def parse_set(topic: str) -> SetAddress | None:
    """The address in `devices/<uid>/set` or `devices/<uid>/set/<arg>`."""
    match topic.split("/"):
        case ["devices", uid, "set"] if is_uid(uid):
            return SetAddress(uid)
        case ["devices", uid, "set", arg] if is_uid(uid) and arg:
            return SetAddress(uid, arg)
    return None


def reported_by(topic: str) -> str | None:
    """The uid of the device that reports something on this topic: telemetry, status, attributes, answers."""
    try:
        return parse(topic).uid
    except Refusal:
        return None


def may_match_reports(topic_filter: str, uids: Container[str]) -> bool:
    """Whether the filter can match topics on which a device reports. One that names a device needs one of `uids`."""
    match topic_filter.split("/"):
        case ["#"] | ["devices" | "+", "#"]:
            return True
        case ["devices" | "+", uid, kind, *_]:
            return (uid == "+" or uid in uids) and kind in ("+", "#", *_REPORTED)
    return False


def is_command(topic: str) -> bool:
    """Whether it is the topic of a command: the hub publishes there itself, and a bridge receives it back."""
    match topic.split("/"):
        case ["devices", uid, "commands", ref] | ["gateways", _, uid, "commands", ref]:
            return is_uid(uid) and _COMMAND_ID.fullmatch(ref) is not None
    return False


def gateway_of_report(topic: str) -> str | None:
    """The gateway that reports something on this topic for another device."""
    try:
        gateway, is_gateway, _ = parse(topic).uid.partition("/")
    except Refusal:
        return None
    return gateway if is_gateway else None


def gateway_of_commands(topic_or_filter: str) -> str | None:
    """The gateway for whose children all of the commands of this topic or filter are."""
    match topic_or_filter.split("/"):
        case ["gateways", gateway, child, "commands", _] if is_uid(gateway) and (child == "+" or is_uid(child)):
            return gateway
    return None


def sender(topic: str) -> str:
    """The uid of the account that has published on this topic, whatever it is; empty if it shows none."""
    match topic.split("/", 2):
        case ["devices" | "gateways", uid, _] if is_uid(uid):
            return uid
    return ""


def owner(topic_or_filter: str) -> str | None:
    """The uid of the device below which all of a topic or filter lies; `None` where it reaches further."""
    parts = topic_or_filter.split("/", 2)
    if len(parts) == 3 and parts[0] == "devices" and is_uid(parts[1]):
        return parts[1]
    return None


def shared(group: str, everything: str = ALL) -> str:
    """`ALL`, or `GATEWAYS`, for bridges that split the load (MQTT 5): each message goes to one member of the group.

    Only bridges may know the name of the group. A broker without rights for subscribing, such as Mosquitto with an ACL
    file, lets any client join, and discards the share of one that may not read it: messages that were acknowledged.
    """
    return f"$share/{group}/{everything}"


def command(uid: str, command_id: str, gateway: str = "") -> str:
    """The topic on which the device `uid`, or its gateway, receives a command."""
    base = f"gateways/{gateway}/{uid}" if gateway else f"devices/{uid}"
    return f"{base}/commands/{command_id}"
