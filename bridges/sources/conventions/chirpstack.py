"""ChirpStack, version 4, with JSON. https://www.chirpstack.io/docs/chirpstack/integrations/events.html"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, telemetry_of
from bridges.sources.convention import Convention, Encoded, Finding, Heard, Message, Publish, Rejected, SentCommand
from bridges.sources.conventions.lorawan import payload_of, port_of, radio, time_of
from bridges.sources.conventions.ttn import DEFAULT_PORT, hexadecimal
from devices.errors import Invalid, Refusal
from devices.values import Answer

MAX_DOWNLINKS = 1_000
"""Downlinks whose acknowledgement is awaited."""


class ChirpStack(Convention):
    """`application/<id>/device/<DevEUI>/event/…`. The address of a device is its DevEUI."""

    default_prefix: ClassVar[str] = "application"
    answers: ClassVar[bool] = True
    raw_downlinks: ClassVar[bool] = True

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._applications: dict[str, str] = {}
        self._commands: dict[str, str] = {}
        """Queue item -> id of the command."""

    def filters(self) -> Collection[str]:
        return [f"{self.prefix}/+/device/+/event/+"]

    def command_filters(self) -> Collection[str]:
        return [f"{self.prefix}/+/device/+/command/down"]

    def hear(self, message: Message) -> Iterable[Finding]:
        match message.topic.removeprefix(f"{self.prefix}/").split("/"):
            case [application, "device", device, "event", event]:
                self._remember(device, application)
                return self._event(device.lower(), event, message)
        raise Refusal("bad_topic", key=message.topic)

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        application = self._applications.get(address)
        if application is None:
            raise Invalid("nothing has been heard of this device yet, so its application is not known")
        item = str(uuid.uuid5(uuid.NAMESPACE_URL, f"hubbub:{id}"))
        self._commands[item] = id
        while len(self._commands) > MAX_DOWNLINKS:
            self._commands.pop(next(iter(self._commands)))
        content = {"id": item, "devEui": address, "confirmed": True, **_downlink(name, args)}
        topic = f"{self.prefix}/{application}/device/{address}/command/down"
        return [Publish(topic, msgspec.json.encode(content))]

    def done(self, command: SentCommand, heard: Heard) -> bool:
        """Only an acknowledgement shows it: an uplink may have the wanted value by chance."""
        return False

    def _remember(self, device: str, application: str) -> None:
        self._applications.pop(device.lower(), None)
        self._applications[device.lower()] = application
        while len(self._applications) > 10 * MAX_DOWNLINKS:
            self._applications.pop(next(iter(self._applications)))

    def _event(self, device: str, event: str, message: Message) -> Iterator[Finding]:
        content = require_object(parse(message.payload))
        match event:
            case "up":
                yield from uplink(device, content, message.at)
            case "status":
                yield from _status(device, content, message.at)
            case "join":
                yield _described(device, content)
            case "location":
                place = content.get("location")
                if isinstance(place, dict):
                    values = {key: place[key] for key in ("latitude", "longitude", "altitude") if key in place}
                    yield Heard(device, telemetry_of(values, message.at, time_of(content.get("time"))))
            case "log" if content.get("level") == "ERROR":
                text = f"{content.get('code', '')}: {content.get('description', '')}"
                yield Rejected(device, Refusal("bridge_error", text[:200]))
            case "ack":
                yield from self._acknowledged(device, content)

    def _acknowledged(self, device: str, content: Mapping[str, Any]) -> Iterator[Finding]:
        """`txack` is no answer: the message has left the gateway, and nobody knows whether it has arrived."""
        id = self._commands.pop(str(content.get("queueItemId")), None)
        if id is not None:
            ok = content.get("acknowledged") is True
            yield Heard(device, Answer(id, ok=ok, error="" if ok else "the device did not acknowledge it"))


def address_of(content: Mapping[str, Any]) -> str:
    """The address of a device in the body of a webhook. Raises `Refusal`."""
    match content.get("deviceInfo"):
        case {"devEui": str(device)} if device:
            return device.lower()
    raise Refusal("invalid_shape", "there is no devEui", "deviceInfo")


def uplink(device: str, content: Mapping[str, Any], at: int) -> Iterator[Finding]:
    """The values of an uplink, or its bytes where the server has no codec for them."""
    if (claimed := address_of(content)) != device:
        raise Refusal("invalid_shape", f"the topic is that of {device}", claimed)
    yield _described(device, content)
    time = None
    try:
        time = time_of(content.get("time"))
    except Refusal as refusal:
        yield Rejected(device, refusal.of("time"))
    beside = {**radio(content.get("rxInfo")), "fCnt": content.get("fCnt", 0)}
    values = content.get("object")
    if isinstance(values, dict):
        yield Heard(device, telemetry_of({**beside, **values}, at, time))
        return
    raw = content.get("data")
    fallback = telemetry_of({**beside, **({"data": raw} if raw else {})}, at, time)
    payload = payload_of(raw)
    if payload is None:
        yield Heard(device, fallback)
    else:
        info = content["deviceInfo"]
        profile = str(info.get("deviceProfileName", ""))
        yield Heard(device, Encoded(payload, port_of(content.get("fPort")), at, time, profile, fallback=fallback))


def _described(device: str, content: Mapping[str, Any]) -> Heard:
    info = content.get("deviceInfo")
    info = info if isinstance(info, dict) else {}
    known = {"application": "applicationName", "profile": "deviceProfileName"}
    facts: dict[str, Any] = {ours: info[theirs] for ours, theirs in known.items() if info.get(theirs)}
    tags = info.get("tags")
    if isinstance(tags, dict):
        facts["tags"] = tags
    name = info.get("deviceName")
    return Heard(device, attributes_of({**facts, "dev_eui": device}), name if isinstance(name, str) else "")


def _status(device: str, content: Mapping[str, Any], at: int) -> Iterator[Finding]:
    values = {
        ours: content[theirs]
        for ours, theirs in (("battery", "batteryLevel"), ("margin", "margin"))
        if theirs in content
    }
    yield _described(device, content)
    yield Heard(device, telemetry_of(values, at, time_of(content.get("time"))))


def _downlink(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """`downlink` with bytes in hexadecimal and a port, or `set` with values for the server's codec."""
    port = args.get("f_port", DEFAULT_PORT)
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 255:
        raise Invalid("f_port is from 1 to 255")
    if name == "downlink":
        return {"fPort": port, "data": base64.b64encode(hexadecimal(args.get("bytes"))).decode()}
    if name != "set":
        raise Invalid('use set with values for the codec of the server, or downlink with "bytes" and "f_port"')
    return {"fPort": port, "object": {key: value for key, value in args.items() if key != "f_port"}}
