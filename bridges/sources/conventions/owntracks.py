"""OwnTracks. https://owntracks.org/booklet/tech/json/"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, status_of, telemetry_of
from bridges.sources.convention import Convention, Finding, Heard, Message, Publish, Rejected, SentCommand
from devices.errors import Invalid, Refusal
from devices.values import Telemetry

_NAMES = {
    "lat": "latitude",
    "lon": "longitude",
    "acc": "accuracy",
    "alt": "altitude",
    "vel": "velocity",
    "cog": "course",
    "batt": "battery",
    "p": "pressure",
    "vac": "vertical_accuracy",
}
_TEXTS = {"conn": "connection", "t": "trigger"}
_UNITS = {
    "units.accuracy": "m",
    "units.altitude": "m",
    "units.velocity": "km/h",
    "units.course": "°",
    "units.battery": "%",
    "units.pressure": "kPa",
}
_ACTIONS = ("reportLocation", "waypoints", "status", "reportSteps", "restart", "reconnect", "dump")


class OwnTracks(Convention):
    """`owntracks/<user>/<device>`. The address of a phone is `<user>/<device>`."""

    default_prefix: ClassVar[str] = "owntracks"

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._described: set[str] = set()

    def filters(self) -> Collection[str]:
        return [f"{self.prefix}/+/+", f"{self.prefix}/+/+/event", f"{self.prefix}/+/+/status"]

    def command_filters(self) -> Collection[str]:
        return [f"{self.prefix}/+/+/cmd"]

    def device_filters(self) -> Collection[str]:
        """A phone also publishes its waypoints, and subscribes to those of its friends."""
        return [f"{self.prefix}/#"]

    def hear(self, message: Message) -> Iterable[Finding]:
        match message.topic.removeprefix(f"{self.prefix}/").split("/"):
            case [user, device, *rest] if rest != ["cmd"] and message.payload:
                return self._reported(f"{user}/{device}", message)
        return []

    def _reported(self, address: str, message: Message) -> Iterator[Finding]:
        if address not in self._described and len(self._described) < 10_000:
            self._described.add(address)
            yield Heard(address, attributes_of(_UNITS, repeated=message.retained))
        yield from reported(address, require_object(parse(message.payload)), message.at, repeated=message.retained)

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        if name not in _ACTIONS:
            raise Invalid(f"a phone has the commands {', '.join(_ACTIONS)}")
        content = {"_type": "cmd", "action": name, **args}
        return [Publish(f"{self.prefix}/{address}/cmd", msgspec.json.encode(content))]

    def done(self, command: SentCommand, heard: Heard) -> bool:
        """A location that was asked for says so; it may come much later."""
        samples = heard.report.samples if isinstance(heard.report, Telemetry) else ()
        asked = any(sample.metric == "trigger" and sample.value == "r" for sample in samples)
        return command.name == "reportLocation" and asked


def address_of(content: Mapping[str, Any]) -> str:
    """The address of a phone in a request over HTTP, which names its topic. Raises `Refusal`."""
    topic = content.get("topic")
    levels = topic.split("/") if isinstance(topic, str) else []
    if len(levels) < 3:
        raise Refusal("invalid_shape", "the request names no topic of a user and a device", "topic")
    return "/".join(levels[1:3])


def reported(address: str, content: Mapping[str, Any], at: int, *, repeated: bool = False) -> Iterator[Finding]:
    """What an object shows, by its `_type`. Other types than these are ignored."""
    match content.get("_type"):
        case "location":
            values: dict[str, Any] = {name: content[key] for key, name in (_NAMES | _TEXTS).items() if key in content}
            regions = content.get("inregions")
            if isinstance(regions, list):
                values["regions"] = ", ".join(map(str, regions))[:1_000]
            yield Heard(address, telemetry_of(values, at, _time(content)))
        case "transition":
            values = {"region": content.get("desc"), "transition": content.get("event")}
            yield Heard(address, telemetry_of(values, at, _time(content)))
        case "lwt":
            yield Heard(address, status_of(False, at, repeated=repeated))
        case "encrypted":
            yield Rejected(address, Refusal("not_readable", "the phone encrypts its messages: turn that off there"))


def _time(content: Mapping[str, Any]) -> int | None:
    """Seconds since 1970."""
    seconds = content.get("tst")
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    return int(seconds * 1_000_000) if is_number and 0 < seconds < 253_402_300_800 else None  # type: ignore[operator]
