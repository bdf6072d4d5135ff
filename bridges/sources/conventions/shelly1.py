"""Shelly of the first generation. https://shelly-api-docs.shelly.cloud/gen1/#mqtt-support"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, scalar, status_of, telemetry_of
from bridges.codec.status_words import is_online, word
from bridges.sources.convention import Convention, Finding, Heard, Message, Publish, SentCommand
from devices.errors import Invalid
from devices.values import Telemetry

MAX_CONTROLS = 10_000
"""Relays, lights and rollers of all devices that are remembered as known; past it they are announced again."""

_UNITS = {"power": "W", "energy": "Wmin", "temperature": "°C", "voltage": "V", "current": "A", "humidity": "%"}
_UNITS |= {"battery": "%", "lux": "lx", "pf": "", "total": "Wh"}
_FACTS = {"model": "model", "fw_ver": "firmware", "mac": "mac", "ip": "ip"}
_ROLLER = ("open", "close", "stop")


class Shelly1(Convention):
    """`shellies/<id>/…`: one bare value a topic. A metric is called as the levels below the id, joined by dots."""

    default_prefix: ClassVar[str] = "shellies"

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._described: set[tuple[str, str]] = set()

    def filters(self) -> Collection[str]:
        return [f"{self.prefix}/#"]

    def command_filters(self) -> Collection[str]:
        return [f"{self.prefix}/+/+/+/command", f"{self.prefix}/+/+/+/set", f"{self.prefix}/command"]

    def greeting(self) -> Sequence[Publish]:
        return [Publish(f"{self.prefix}/command", b"announce")]

    def hear(self, message: Message) -> Iterable[Finding]:
        match message.topic.removeprefix(f"{self.prefix}/").split("/"):
            case ["announce"]:
                return self._announced(message)
            case [_, "announce"]:
                return self._announced(message)
            case ["command"] | [_, *_, "command" | "set"]:
                return []  # what the hub, or somebody else, publishes
            case [device, "online"]:
                return [Heard(device, status_of(is_online(message.payload), message.at, repeated=message.retained))]
            case [device, "info"]:
                return [Heard(device)]
            case [device, *levels] if levels:
                return self._reported(device, levels, message)
        return []

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        if name in ("announce", "update"):
            return [Publish(f"{self.prefix}/{address}/command", name.encode())]
        if name != "set":
            raise Invalid(f"a Shelly has no command {name!r}; use set, announce or update")
        return [self._setting(address, arg, value) for arg, value in args.items()]

    def done(self, command: SentCommand, heard: Heard) -> bool:
        """A toggled relay has reported either state."""
        if isinstance(heard.report, Telemetry):
            reported = {sample.metric for sample in heard.report.samples}
            toggled = [arg for arg, value in command.args.items() if str(value).lower() == "toggle"]
            if toggled and reported.issuperset(toggled):
                return True
        return super().done(command, heard)

    def _setting(self, device: str, arg: str, value: Any) -> Publish:
        below = f"{self.prefix}/{device}/"
        match arg.split("."):
            case ["relay" | "light" | "color" | "white" as kind, number]:
                return Publish(f"{below}{kind}/{number}/command", _switch(value).encode())
            case ["light" | "color" | "white" as kind, number, key]:
                return Publish(f"{below}{kind}/{number}/set", msgspec.json.encode({key: value}))
            case ["roller", number] if value in _ROLLER:
                return Publish(f"{below}roller/{number}/command", str(value).encode())
            case ["roller", number, "pos"]:
                return Publish(f"{below}roller/{number}/command/pos", str(value).encode())
        raise Invalid(f"{arg} cannot be set; relay.0, light.0, roller.0 and the like can")

    def _announced(self, message: Message) -> Iterator[Finding]:
        content = require_object(parse(message.payload))
        device = content.get("id")
        if isinstance(device, str) and device:
            facts = {ours: content[theirs] for theirs, ours in _FACTS.items() if theirs in content}
            yield Heard(device, attributes_of(facts, repeated=message.retained))

    def _reported(self, device: str, levels: list[str], message: Message) -> Iterator[Finding]:
        if not message.payload:
            return  # a retained message was deleted
        name = ".".join(levels)
        if facts := self._new_facts(device, levels):
            yield Heard(device, attributes_of(facts, repeated=message.retained))
        yield Heard(device, telemetry_of(_values(name, levels, message.payload), message.at))

    def _new_facts(self, device: str, levels: list[str]) -> dict[str, str]:
        """Unit and control of a value that is heard for the first time."""
        name = ".".join(levels)
        if (device, name) in self._described:
            return {}
        if len(self._described) >= MAX_CONTROLS:
            self._described.clear()
        self._described.add((device, name))
        facts = {f"units.{name}": unit} if (unit := _UNITS.get(levels[-1])) else {}
        if len(levels) == 2 and levels[0] in ("relay", "light") and levels[1].isdecimal():
            facts[f"controls.{name}"] = "switch"
        elif len(levels) == 2 and levels[0] == "roller":
            facts[f"controls.{name}"] = f"choice {' '.join(_ROLLER)}"
        return facts


def _values(name: str, levels: list[str], payload: bytes) -> dict[str, Any]:
    if levels[-1] == "status":
        return {name.removesuffix(".status"): require_object(parse(payload))}
    if levels[0] == "input_event":
        return {name: require_object(parse(payload))}
    value = scalar(payload)
    if levels[0] in ("input", "longpush") or levels[-1] in ("overtemperature", "flood", "motion", "smoke", "vibration"):
        return {name: bool(value) if value in (0, 1) else value}
    if value == "overpower":
        return {name: False, f"{name}.overpower": True}
    return {name: value}


def _switch(value: Any) -> str:
    text = str(value).lower()
    if text == "toggle":
        return text
    on = value if isinstance(value, bool) else word(text)
    if on is None:
        raise Invalid(f"{value!r} is neither on, off nor toggle")
    return "on" if on else "off"
