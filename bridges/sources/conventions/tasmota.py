"""Tasmota, with its native discovery.

https://tasmota.github.io/docs/MQTT/, and `xdrv_12_discovery.ino` of the firmware for the messages of discovery.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, status_of, telemetry_of
from bridges.codec.status_words import word
from bridges.codec.texts import read_text
from bridges.sources.convention import Convention, Finding, Gone, Heard, Message, Publish, SentCommand
from devices.errors import Invalid, Refusal
from devices.values import Telemetry

MAX_DEVICES = 1_000
"""Devices whose announcements are remembered, the newest."""

MAX_DESCRIBED = 100_000
"""Metrics of all devices whose unit or control was given; past it they are given again."""

_DISCOVERY = "tasmota/discovery"
_PLAIN = ("cmnd", "stat", "tele")
_RELAY, _LIGHT = 1, 2
_SWITCH = re.compile(r"POWER\d*", re.ASCII)
_POSITION = re.compile(r"Shutter(\d+)\.Position", re.ASCII)
_UNITS = {
    "Temperature": "°C",
    "Humidity": "%",
    "DewPoint": "°C",
    "Pressure": "hPa",
    "Illuminance": "lx",
    "Power": "W",
    "ApparentPower": "VA",
    "ReactivePower": "var",
    "Voltage": "V",
    "Current": "A",
    "Total": "kWh",
    "Today": "kWh",
    "Yesterday": "kWh",
    "Signal": "dBm",
    "CarbonDioxide": "ppm",
}
_LEFT_OUT = ("Time", "TempUnit", "TotalStartTime", "Uptime", "UptimeSec", "SleepMode", "Sleep", "Berry", "Command")


@dataclass(frozen=True, slots=True)
class _Announced:
    """What a device has announced: the form of its topics, and the words it uses.

    `address`: the middle of them. `answers_apart`: an answer is on the topic of its command, not on `RESULT`
    (`SetOption4`). `sleeps`: it is offline most of the time, on purpose.
    """

    address: str
    full_topic: str = "%prefix%/%topic%/"
    prefixes: tuple[str, str, str] = _PLAIN
    online: str = "Online"
    offline: str = "Offline"
    off: str = "OFF"
    on: str = "ON"
    answers_apart: bool = False
    sleeps: bool = False

    def topic(self, prefix: int) -> str:
        """Without the last level. `prefix`: 0 commands, 1 states, 2 telemetry."""
        made = self.full_topic.replace("%prefix%", self.prefixes[prefix]).replace("%topic%", self.address)
        return made if made.endswith("/") else f"{made}/"


class Tasmota(Convention):
    """`tele/<topic>/…`, `stat/<topic>/…` and `cmnd/<topic>/…`, or as a device announces its topics.

    The address of a device is its own topic, which its owner chooses. With a prefix, all topics of the source lie below
    it: `FullTopic` is then `<prefix>/%prefix%/%topic%/`.
    """

    default_prefix: ClassVar[str] = ""

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._below = f"{self.prefix}/" if self.prefix else ""
        self._of_mac: dict[str, str] = {}
        self._announced: dict[str, _Announced] = {}
        self._beginnings: dict[str, tuple[str, int]] = {}
        """Beginning of a topic -> address, and which of the prefixes it has."""
        self._described: set[tuple[str, str]] = set()

    def filters(self) -> Collection[str]:
        usual = [f"{self._below}tele/#", f"{self._below}stat/#", f"{_DISCOVERY}/#"]
        others = (one.topic(prefix) for one in self._announced.values() for prefix in (1, 2))
        return [*usual, *(f"{topic}#" for topic in others if not topic.startswith((usual[0][:-1], usual[1][:-1])))]

    def command_filters(self) -> Collection[str]:
        return [f"{self._below}cmnd/#", *(f"{each.topic(0)}#" for each in self._announced.values() if self._odd(each))]

    def hear(self, message: Message) -> Iterable[Finding]:
        if message.topic.startswith(f"{_DISCOVERY}/"):
            return self._discovery(message)
        found = self._of_topic(message.topic)
        if found is None:
            return []
        address, prefix, last = found
        match (prefix, last):
            case (2, "LWT"):
                return self._status(address, message)
            case (2, "SENSOR" | "STATE") | (1, "RESULT" | "STATE"):
                return self._object(address, message)
            case (1, name) if name.startswith("POWER"):
                return self._bare(address, name, message)
            case (1, _) if self._answers_apart(address) and message.payload[:1] == b"{" and "STATUS" not in last:
                return self._object(address, message)
        return []

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        known = self._announced.get(address) or _Announced(address, f"{self._below}%prefix%/%topic%/")
        if name != "set":  # any command of the firmware, such as TelePeriod
            if not name.isalnum() or len(args) > 1:
                raise Invalid("a command of Tasmota is one word, and has one argument at most")
            payload = next(iter(args.values()), "")
            return [Publish(f"{known.topic(0)}{name}", _payload(payload))]
        return [
            Publish(f"{known.topic(0)}{_command_word(arg)}", _payload(_word(arg, value))) for arg, value in args.items()
        ]

    def done(self, command: SentCommand, heard: Heard) -> bool:
        """A relay that was toggled has reported either state. `POWER` and `POWER1` are one and the same."""
        if not isinstance(heard.report, Telemetry) or command.name != "set":
            return False
        reported = {sample.metric for sample in heard.report.samples}
        toggled = [arg for arg, value in command.args.items() if str(value).upper() == "TOGGLE"]
        if toggled:
            return reported.issuperset(toggled)
        same = {"POWER1": "POWER", "POWER": "POWER1"}
        args = {arg if arg in reported else same.get(arg, arg): value for arg, value in command.args.items()}
        return super().done(SentCommand(command.id, command.address, command.name, args), heard)

    def _answers_apart(self, address: str) -> bool:
        known = self._announced.get(address)
        return known is not None and known.answers_apart

    def _odd(self, announced: _Announced) -> bool:
        return not announced.topic(0).startswith(f"{self._below}cmnd/")

    def _of_topic(self, topic: str) -> tuple[str, int, str] | None:
        """The address, which of the prefixes it is, and the last level."""
        beginning, _, last = topic.rpartition("/")
        if found := self._beginnings.get(f"{beginning}/"):
            return (*found, last)
        levels = beginning.removeprefix(self._below).split("/") if beginning.startswith(self._below) else []
        if len(levels) >= 2 and levels[0] in _PLAIN[1:]:
            return "/".join(levels[1:]), _PLAIN.index(levels[0]), last
        return None

    def _discovery(self, message: Message) -> Iterator[Finding]:
        match message.topic.split("/"):
            case [_, _, mac, "config"] if not message.payload:
                if address := self._of_mac.pop(mac, None):
                    self._forget(address)
                    yield Gone(address)
            case [_, _, mac, "config"]:
                yield from self._config(mac, require_object(parse(message.payload)), message)

    def _config(self, mac: str, content: dict[str, Any], message: Message) -> Iterator[Finding]:
        announced = _announced(content)
        self._remember(mac, announced)
        relays, names = content.get("rl"), content.get("fn")
        kinds = [kind for kind in relays if kind] if isinstance(relays, list) else []
        own = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
        name = content.get("dn") or own
        facts: dict[str, Any] = {"model": content.get("md"), "firmware": content.get("sw"), "mac": content.get("mac")}
        for number, kind in enumerate(kinds, 1):
            if kind in (_RELAY, _LIGHT):  # the relays of a shutter have numbers too
                facts[f"controls.{_power(number, len(kinds))}"] = "switch"
        if _LIGHT in kinds and content.get("lt_st"):
            facts["controls.Dimmer"] = "slider 0 100 1"
        if announced.sleeps:
            facts["sleeps"] = True
        known = {key: value for key, value in facts.items() if value not in (None, "")}
        report = attributes_of(known, repeated=message.retained)
        yield Heard(announced.address, report, name if isinstance(name, str) else "")

    def _remember(self, mac: str, announced: _Announced) -> None:
        if before := self._of_mac.pop(mac, None):
            self._forget(before)
        while len(self._of_mac) >= MAX_DEVICES:
            self._forget(self._of_mac.pop(next(iter(self._of_mac))))
        self._of_mac[mac] = announced.address
        self._announced[announced.address] = announced
        for prefix in (1, 2):
            self._beginnings[announced.topic(prefix)] = announced.address, prefix

    def _forget(self, address: str) -> None:
        if (known := self._announced.pop(address, None)) is not None:
            for prefix in (1, 2):
                self._beginnings.pop(known.topic(prefix), None)

    def _status(self, address: str, message: Message) -> Iterator[Finding]:
        if not message.payload:
            return  # a retained message was deleted
        known = self._announced.get(address) or _Announced(address)
        text = read_text(message.payload)
        if known.sleeps and text == known.offline:
            return
        if text not in (known.online, known.offline):
            raise Refusal("invalid_shape", f"{known.online} or {known.offline} is expected, not {text[:40]!a}")
        yield Heard(address, status_of(text == known.online, message.at, repeated=message.retained))

    def _object(self, address: str, message: Message) -> Iterator[Finding]:
        values = require_object(parse(message.payload))
        unit = values.get("TempUnit")
        known = self._announced.get(address)
        kept = {name: self._value(name, value, known) for name, value in values.items() if name not in _LEFT_OUT}
        report = telemetry_of(kept, message.at)
        if facts := self._new_facts(address, [sample.metric for sample in report.samples], unit):
            yield Heard(address, attributes_of(facts, repeated=message.retained))
        if report.samples or report.skipped:
            yield Heard(address, report)

    def _value(self, name: str, value: Any, known: _Announced | None) -> Any:
        if isinstance(value, dict):
            return {key: inner for key, inner in value.items() if key not in _LEFT_OUT}
        return _switched(value, known) if name.startswith("POWER") else value

    def _bare(self, address: str, name: str, message: Message) -> Iterator[Finding]:
        """With `SetOption4` it is the answer to a command, in JSON."""
        if message.payload[:1] == b"{":
            yield from self._object(address, message)
        elif message.payload:
            value = _switched(read_text(message.payload), self._announced.get(address))
            yield Heard(address, telemetry_of({name: value}, message.at))

    def _new_facts(self, address: str, metrics: Iterable[str], temperature: Any) -> dict[str, str]:
        """Units and controls of metrics that are heard for the first time. Not every device announces itself."""
        facts: dict[str, str] = {}
        for metric in metrics:
            found = _fact(metric, temperature)
            if found is not None and (address, metric) not in self._described:
                if len(self._described) >= MAX_DESCRIBED:
                    self._described.clear()
                self._described.add((address, metric))
                facts |= dict([found])
        return facts


def _fact(metric: str, temperature: Any) -> tuple[str, str] | None:
    if _SWITCH.fullmatch(metric):
        return f"controls.{metric}", "switch"
    if _POSITION.fullmatch(metric):
        return f"controls.{metric}", "slider 0 100 1"
    unit = _UNITS.get(next((level for level in reversed(metric.split(".")) if not level.isdecimal()), ""))
    return None if unit is None else (f"units.{metric}", "°F" if unit == "°C" and temperature == "F" else unit)


def _announced(content: Mapping[str, Any]) -> _Announced:
    """Raises the `Refusal` of an announcement without a topic."""
    topic, full, prefixes, words = (content.get(key) for key in ("t", "ft", "tp", "state"))
    if not isinstance(topic, str) or not topic or set(topic) & set("+#"):
        raise Refusal("invalid_shape", "the device announces no topic", "t")
    known = _Announced(topic)
    if isinstance(full, str) and "%topic%" in full and "%prefix%" in full and not set(full) & set("+#"):
        known = replace(known, full_topic=full)
    if isinstance(prefixes, list) and len(prefixes) == 3 and all(isinstance(each, str) for each in prefixes):
        known = replace(known, prefixes=tuple(prefixes))
    if isinstance(words, list) and len(words) >= 2:
        known = replace(known, off=str(words[0]), on=str(words[1]))
    options = content.get("so")
    return replace(
        known,
        online=str(content.get("onln", "Online")),
        offline=str(content.get("ofln", "Offline")),
        answers_apart=isinstance(options, dict) and bool(options.get("4")),
        sleeps=bool(content.get("dslp")),
    )


def _power(number: int, count: int) -> str:
    return "POWER" if count == 1 else f"POWER{number}"


def _switched(value: Any, known: _Announced | None) -> Any:
    """True or false for the device's words, or the usual ones."""
    if known is not None and value in (known.on, known.off):
        return bool(value == known.on)
    found = word(value) if isinstance(value, str) else None
    return value if found is None else found


def _command_word(arg: str) -> str:
    """A metric's path ends with the word of the command, such as `Dimmer`."""
    if shutter := _POSITION.fullmatch(arg):
        return f"ShutterPosition{shutter[1]}"
    last = arg.rsplit(".", 1)[-1]
    if not last.isalnum():
        raise Invalid(f"{arg!r} is not a command of Tasmota")
    return last


def _word(arg: str, value: Any) -> Any:
    if not arg.startswith("POWER"):
        return value
    if str(value).upper() in ("TOGGLE", "BLINK", "HOLD"):
        return str(value).upper()
    on = value if isinstance(value, bool) else word(str(value))
    if on is None:
        raise Invalid(f"{value!r} is neither on, off nor toggle")
    return "ON" if on else "OFF"


def _payload(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)
