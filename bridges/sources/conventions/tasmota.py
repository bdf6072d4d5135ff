"""Tasmota. https://tasmota.github.io/docs/MQTT/"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from bridges.codec.json_reading import parse
from bridges.codec.reports import require_object, status_of, telemetry_of
from bridges.sources.convention import Convention, Finding, Heard, Message, Publish
from devices.errors import Refusal


class Tasmota(Convention):
    """`tele/<topic>/…`, `stat/<topic>/…` and `cmnd/<topic>/…`."""

    def filters(self) -> Collection[str]:
        return ("tele/#", "stat/#")

    def command_filters(self) -> Collection[str]:
        return ("cmnd/#",)

    def hear(self, message: Message) -> Iterable[Finding]:
        match message.topic.split("/"):
            case ["tele", device, "LWT"]:
                online = message.payload == b"Online"
                yield Heard(device, status_of(online, message.at, repeated=message.retained))
            case ["tele", device, "SENSOR" | "STATE"] | ["stat", device, "RESULT"]:
                values = require_object(parse(message.payload))
                values.pop("Time", None)
                yield Heard(device, telemetry_of(values, message.at))
            case ["stat" | "tele", *_]:
                pass
            case _:
                raise Refusal("bad_topic", key=message.topic)

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        return [Publish(f"cmnd/{address}/{key}", str(value).encode()) for key, value in args.items()]
