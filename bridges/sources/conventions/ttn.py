"""The Things Stack, version 3. https://www.thethingsindustries.com/docs/integrations/other-integrations/mqtt/"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, telemetry_of
from bridges.sources.convention import Convention, Encoded, Finding, Heard, Message, Publish, Rejected, SentCommand
from bridges.sources.conventions.lorawan import payload_of, port_of, radio, time_of
from devices.errors import Invalid, Refusal
from devices.values import Answer

CORRELATION = "hubbub:"
"""Before a command's id, in what the server sends back with each event of the downlink."""
DEFAULT_PORT = 1


class TheThingsStack(Convention):
    """`v3/<application>@<tenant>/devices/<device id>/…`. The hub is a client of that server.

    The address of a device is `<application>@<tenant>/<device id>`.
    """

    default_prefix: ClassVar[str] = "v3"
    answers: ClassVar[bool] = True
    raw_downlinks: ClassVar[bool] = True

    def filters(self) -> Collection[str]:
        return [f"{self._devices}/+/{kind}" for kind in ("up", "join", "down/+", "location/solved", "service/data")]

    def command_filters(self) -> Collection[str]:
        return [f"{self._devices}/+/down/push"]

    @property
    def _devices(self) -> str:
        return f"{self.prefix}/devices" if "/" in self.prefix else f"{self.prefix}/+/devices"

    def hear(self, message: Message) -> Iterable[Finding]:
        match message.topic.split("/"):
            case [_, application, "devices", device, *kind]:
                return self._of_device(f"{application}/{device}", "/".join(kind), message)
        raise Refusal("bad_topic", key=message.topic)

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        application, _, device = address.partition("/")
        downlink = {**_downlink(name, args), "correlation_ids": [f"{CORRELATION}{id}"], "priority": "NORMAL"}
        topic = f"{self.prefix.split('/')[0]}/{application}/devices/{device}/down/push"
        return [Publish(topic, msgspec.json.encode({"downlinks": [downlink]}), qos=0)]

    def done(self, command: SentCommand, heard: Heard) -> bool:
        """Only an acknowledgement shows it: an uplink may have the wanted value by chance."""
        return False

    def _of_device(self, address: str, kind: str, message: Message) -> Iterator[Finding]:
        content = require_object(parse(message.payload))
        match kind:
            case "up" | "service/data":
                yield from uplink(address, content, message.at)
            case "join":
                yield Heard(address, attributes_of(_facts(content)))
            case "location/solved":
                place = content.get("location_solved", {})
                location = place.get("location") if isinstance(place, dict) else None
                if isinstance(location, dict):
                    values = {key: location[key] for key in ("latitude", "longitude", "altitude") if key in location}
                    yield Heard(address, telemetry_of(values, message.at, time_of(content.get("received_at"))))
            case "down/ack" | "down/nack" | "down/failed":
                yield from _answer(address, kind.removeprefix("down/"), content)


def address_of(content: Mapping[str, Any]) -> str:
    """The address of a device in the body of a webhook. Raises `Refusal`."""
    match content.get("end_device_ids"):
        case {"device_id": str(device), "application_ids": {"application_id": str(application)}}:
            return f"{application}/{device}"
    raise Refusal("invalid_shape", "there is no device_id with an application_id", "end_device_ids")


def uplink(address: str, content: Mapping[str, Any], at: int) -> Iterator[Finding]:
    """The values of an uplink, or its bytes where the server has no formatter for them."""
    message = content.get("uplink_message")
    if not isinstance(message, dict):
        raise Refusal("invalid_shape", "an uplink has an uplink_message")
    time = _time(content, address)
    if isinstance(time, Rejected):
        yield time
        time = None
    yield Heard(address, attributes_of(_facts(content)))
    beside = {**radio(message.get("rx_metadata")), "f_cnt": message.get("f_cnt", 0)}
    decoded = message.get("decoded_payload")
    if isinstance(decoded, dict):
        yield Heard(address, telemetry_of({**beside, **decoded}, at, time))
        return
    if decoded is not None:
        yield Rejected(address, Refusal("invalid_shape", "decoded values are an object", "decoded_payload"))
    raw = message.get("frm_payload")
    fallback = telemetry_of({**beside, **({"frm_payload": raw} if raw else {})}, at, time)
    payload = payload_of(raw)
    if payload is None:
        yield Heard(address, fallback)
    else:
        profile = _profile(message)
        yield Heard(address, Encoded(payload, port_of(message.get("f_port")), at, time, profile, fallback=fallback))


def _time(content: Mapping[str, Any], address: str) -> int | Rejected | None:
    try:
        return time_of(content.get("received_at"))
    except Refusal as refusal:
        return Rejected(address, refusal.of("received_at"))


def _profile(message: Mapping[str, Any]) -> str:
    match message.get("version_ids"):
        case {"model_id": str(model)}:
            return model
    return ""


def _facts(content: Mapping[str, Any]) -> dict[str, Any]:
    ids = content.get("end_device_ids")
    return {key: ids[key] for key in ("dev_eui", "device_id") if key in ids} if isinstance(ids, dict) else {}


def _answer(address: str, event: str, content: Mapping[str, Any]) -> Iterator[Finding]:
    """`queued` and `sent` are no answers: only a confirmed downlink is acknowledged by the device."""
    correlations = content.get("correlation_ids")
    for correlation in correlations if isinstance(correlations, list) else ():
        if isinstance(correlation, str) and correlation.startswith(CORRELATION):
            error = "" if event == "ack" else _error(event, content)
            yield Heard(address, Answer(correlation.removeprefix(CORRELATION), ok=event == "ack", error=error))


def _error(event: str, content: Mapping[str, Any]) -> str:
    if event == "nack":
        return "the device did not acknowledge it"
    match content.get("downlink_failed"):
        case {"error": {"name": str(name)}}:
            return f"the server could not send it: {name}"
    return "the server could not send it"


def _downlink(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """`downlink` with bytes in hexadecimal and a port, or `set` with values for the server's formatter."""
    port = args.get("f_port", DEFAULT_PORT)
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 223:
        raise Invalid("f_port is from 1 to 223")
    if name == "downlink":
        payload = hexadecimal(args.get("bytes"))
        return {"f_port": port, "confirmed": True, "frm_payload": base64.b64encode(payload).decode()}
    if name != "set":
        raise Invalid('use set with values for the formatter of the server, or downlink with "bytes" and "f_port"')
    values = {key: value for key, value in args.items() if key != "f_port"}
    return {"f_port": port, "confirmed": True, "decoded_payload": values}


def hexadecimal(text: Any) -> bytes:
    """Raises `Invalid`."""
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        raise Invalid('"bytes" is a text of hexadecimal digits') from None
