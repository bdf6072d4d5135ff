"""Zigbee2MQTT. https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, scalar, status_of, telemetry_of
from bridges.codec.status_words import is_online, word
from bridges.codec.times import claimed_time
from bridges.sources.convention import Convention, Finding, Gone, Heard, Message, Publish, Rejected, SentCommand
from bridges.sources.conventions.zigbee_exposes import Property, facts_of, properties_of
from devices.errors import Invalid, Refusal
from devices.values import Answer

MAX_MEMBERS = 1_000
"""Devices and groups of a bridge."""
MAX_EARLY = 1_000
"""Messages kept of names that the bridge has not listed yet; the oldest are dropped."""
BRIDGE = "bridge"
"""Address of the bridge itself."""
PERMIT_S = 254
"""How long devices may join, the longest time that Zigbee knows."""

_SUFFIXES = ("availability", "set", "get")
_DEFINED = {"vendor": "vendor", "model": "model", "description": "description"}
_LISTED = {"power_source": "power_source", "software_build_id": "firmware", "ieee_address": "ieee_address"}


@dataclass(slots=True)
class _Member:
    """A device or a group, as its bridge lists it."""

    address: str
    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Property] = field(default_factory=dict)


class Zigbee2MQTT(Convention):
    """`<base>/<friendly name>`, whose names may hold slashes. The address of a device is its `ieee_address`."""

    default_prefix: ClassVar[str] = "zigbee2mqtt"
    max_payload: ClassVar[int] = 4 << 20  # the list of all devices

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._devices: dict[str, _Member] = {}
        self._groups: dict[str, _Member] = {}
        self._of_name: dict[str, _Member] = {}
        self._early: dict[str, Message] = {}
        self._online: bool | None = None
        """The state of the bridge; `None` until it is heard."""
        self._sent: dict[str, str] = {}
        """Address -> the id of the last command, which an error in the bridge's log may be about."""

    def filters(self) -> Collection[str]:
        return [f"{self.prefix}/#"]

    def command_filters(self) -> Collection[str]:
        return [
            f"{self.prefix}/+/set",
            f"{self.prefix}/+/+/set",
            f"{self.prefix}/+/+/+/set",
            f"{self.prefix}/bridge/request/#",
        ]

    def hear(self, message: Message) -> Iterable[Finding]:
        path = message.topic.removeprefix(f"{self.prefix}/")
        levels = path.split("/")
        if levels[0] == "bridge":
            return [] if not message.payload else self._of_bridge("/".join(levels[1:]), message)
        member, rest = self._member(levels)
        if member is not None:
            return self._of_member(member, rest, message)
        if message.payload and levels[-1] not in ("set", "get") and "set" not in levels[-2:-1]:
            self._early.pop(message.topic, None)
            self._early[message.topic] = message
            while len(self._early) > MAX_EARLY:
                self._early.pop(next(iter(self._early)))
        return []

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        if name != "set" or not args:
            raise Invalid("a Zigbee device has no commands but set, with what is to be set")
        if address == BRIDGE:
            return [self._permit_join(args, id)]
        member = self._devices.get(address) or self._groups.get(address)
        if member is None:
            raise Invalid("the bridge does not list this device")
        self._sent.pop(address, None)
        self._sent[address] = id
        if len(self._sent) > 2 * MAX_MEMBERS:
            self._sent.pop(next(iter(self._sent)))
        return [Publish(f"{self.prefix}/{member.name}/set", msgspec.json.encode(_nested(args, member.properties)))]

    def done(self, command: SentCommand, heard: Heard) -> bool:
        """Lamps round what they were set to, by one step."""
        samples = getattr(heard.report, "samples", ())
        reported = {sample.metric: sample.value for sample in samples}
        wanted = {arg: value for arg, value in command.args.items() if arg in reported}
        near = {arg: reported[arg] for arg, value in wanted.items() if _is_near(value, reported[arg])}
        toggled = {arg: reported[arg] for arg, value in wanted.items() if str(value).upper() == "TOGGLE"}
        args = {**command.args, **near, **toggled}
        return super().done(SentCommand(command.id, command.address, command.name, args), heard)

    def _permit_join(self, args: Mapping[str, Any], id: str) -> Publish:
        value = args.get("permit_join")
        on = value if isinstance(value, bool) else word(str(value))
        if on is None or len(args) > 1:
            raise Invalid("the bridge can only be set permit_join, to on or off")
        content = {"value": on, "time": PERMIT_S if on else 0, "transaction": id}  # `value` is for versions before 2.0
        return Publish(f"{self.prefix}/bridge/request/permit_join", msgspec.json.encode(content))

    def _of_bridge(self, path: str, message: Message) -> Iterator[Finding]:
        match path.split("/"):
            case ["state"]:
                yield from self._bridge_state(message)
            case ["info"]:
                yield from _info(_large(message.payload), message)
            case ["devices"]:
                yield from self._listed(_large(message.payload), self._devices, _device, message)
            case ["groups"]:
                yield from self._listed(_large(message.payload), self._groups, _group, message)
            case ["event"]:
                yield from self._event(parse(message.payload))
            case ["logging" | "log"]:
                yield from self._logged(parse(message.payload))
            case ["response", *_]:
                yield from _response(parse(message.payload))

    def _bridge_state(self, message: Message) -> Iterator[Finding]:
        self._online = online = is_online(message.payload)
        facts = {"controls.permit_join": "switch", "type": "Zigbee2MQTT bridge"}
        yield Heard(BRIDGE, status_of(online, message.at, repeated=message.retained), f"Zigbee2MQTT {self.prefix}")
        yield Heard(BRIDGE, attributes_of(facts, repeated=message.retained))
        yield from self._reachable([*self._devices, *self._groups], message)

    def _reachable(self, addresses: Iterable[str], message: Message) -> Iterator[Heard]:
        """The state of the bridge, which counts for each of its devices. It may come before or after their list."""
        if self._online is not None:
            for address in addresses:
                status = status_of(self._online, message.at, repeated=message.retained, via=BRIDGE)
                yield Heard(address, status, via=BRIDGE)

    def _listed(self, content: Any, known: dict[str, _Member], read: Any, message: Message) -> Iterator[Finding]:
        if not isinstance(content, list):
            raise Refusal("invalid_shape", "a list is expected")
        members = {member.address: member for item in content[: MAX_MEMBERS + 1] if (member := read(item)) is not None}
        if len(content) > MAX_MEMBERS:
            yield Rejected("", Refusal("too_many_values", f"{MAX_MEMBERS} are allowed", message.topic))
        before = dict(known)
        known.clear()
        known.update(members)
        self._of_name = {each.name: each for each in [*self._groups.values(), *self._devices.values()]}
        for address, member in members.items():
            if address not in before or (before[address].name, before[address].facts) != (member.name, member.facts):
                yield Heard(address, attributes_of(member.facts, repeated=message.retained), member.name, BRIDGE)
        for address in before.keys() - members.keys():
            yield Gone(address)
        yield from self._reachable([address for address in members if address not in before], message)
        yield from self._heard_early()

    def _heard_early(self) -> Iterator[Finding]:
        for topic, message in list(self._early.items()):
            member, rest = self._member(topic.removeprefix(f"{self.prefix}/").split("/"))
            if member is not None:
                del self._early[topic]
                yield from self._of_member(member, rest, message)

    def _member(self, levels: Sequence[str]) -> tuple[_Member | None, Sequence[str]]:
        """The device or group with the longest name that the levels begin with, and the levels after it."""
        for length in range(len(levels), 0, -1):
            if (member := self._of_name.get("/".join(levels[:length]))) is not None:
                return member, levels[length:]
        return None, levels

    def _of_member(self, member: _Member, rest: Sequence[str], message: Message) -> Iterator[Finding]:
        address = member.address
        try:
            match list(rest):
                case ["availability"] if message.payload:
                    yield Heard(
                        address,
                        status_of(is_online(message.payload), message.at, repeated=message.retained),
                        via=BRIDGE,
                    )
                case [] if message.payload:
                    yield from _state(member, require_object(parse(message.payload)), message)
                case [name] if name not in _SUFFIXES and message.payload:  # the setting `output: attribute`
                    yield from _state(member, {_property(name, member): scalar(message.payload)}, message)
        except Refusal as refusal:
            yield Rejected(address, refusal)

    def _event(self, content: Any) -> Iterator[Finding]:
        match content:
            case {"type": "device_leave", "data": {"ieee_address": str(address)}}:
                yield Gone(address)

    def _logged(self, content: Any) -> Iterator[Finding]:
        """An error that names a device in quotes. There is no other answer to a command that has failed."""
        match content:
            case {"level": "error", "message": str(text)}:
                for quoted in text.split("'")[1::2]:
                    member = self._of_name.get(quoted)
                    if member is not None and (id := self._sent.pop(member.address, None)):
                        yield Heard(member.address, Answer(id, ok=False, error=text[:1_000]), via=BRIDGE)
                        return


def _state(member: _Member, values: dict[str, Any], message: Message) -> Iterator[Finding]:
    last_seen = values.pop("last_seen", None)
    time = None
    if last_seen is not None:
        try:
            time = claimed_time(last_seen)
        except Refusal as refusal:
            yield Rejected(member.address, refusal.of("last_seen"))
    kept = {name: _value(name, value, member) for name, value in values.items() if value not in (None, "")}
    report = telemetry_of(kept, message.at, time)
    if report.samples or report.skipped:
        yield Heard(member.address, report, via=BRIDGE)


def _property(name: str, member: _Member) -> str:
    """With `output: attribute`, a part of a property is named `color-x`."""
    dotted = name.replace("-", ".")
    return dotted if dotted in member.properties else name


def _value(name: str, value: Any, member: _Member) -> Any:
    """True or false for one of the two words of a property."""
    known = member.properties.get(name)
    if known is not None and known.type == "binary" and value in (known.on, known.off):
        return bool(value == known.on)
    if known is None and value in ("ON", "OFF"):
        return value == "ON"
    return value


def _device(item: Any) -> _Member | None:
    """A listed device; the coordinator is none."""
    if not isinstance(item, dict) or item.get("type") == "Coordinator":
        return None
    address, name = item.get("ieee_address"), item.get("friendly_name")
    if not isinstance(address, str) or not isinstance(name, str):
        return None
    definition = item.get("definition")
    definition = definition if isinstance(definition, dict) else {}
    properties = properties_of(definition.get("exposes"))
    facts: dict[str, Any] = {ours: definition[theirs] for theirs, ours in _DEFINED.items() if definition.get(theirs)}
    facts |= {ours: item[theirs] for theirs, ours in _LISTED.items() if item.get(theirs)}
    return _Member(address, name, {**facts, **facts_of(properties)}, properties)


def _group(item: Any) -> _Member | None:
    match item:
        case {"id": int(id), "friendly_name": str(name)}:
            return _Member(f"group-{id}", name, {"type": "Zigbee group", "controls.state": "switch"})
    return None


def _info(content: Any, message: Message) -> Iterator[Finding]:
    facts = require_object(content)
    version, permit_join = facts.get("version"), facts.get("permit_join")
    if isinstance(version, str):
        yield Heard(BRIDGE, attributes_of({"firmware": version}, repeated=message.retained))
    if isinstance(permit_join, bool):
        yield Heard(BRIDGE, telemetry_of({"permit_join": permit_join}, message.at))


def _response(content: Any) -> Iterator[Finding]:
    match content:
        case {"status": str(status), "transaction": str(id), **rest}:
            error = rest.get("error")
            yield Heard(BRIDGE, Answer(id, ok=status == "ok", result=rest.get("data"), error=str(error or "")[:1_000]))


def _large(payload: bytes) -> Any:
    """The lists of a bridge are larger than what a device may send."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("invalid_json", str(error)[:100]) from None


def _nested(args: Mapping[str, Any], properties: Mapping[str, Property]) -> dict[str, Any]:
    """`{"color.x": 0.4}` as `{"color": {"x": 0.4}}`, and words for true and false."""
    nested: dict[str, Any] = {}
    for arg, value in args.items():
        *outer, last = arg.split(".")
        inside = nested
        for level in outer:
            inside = inside.setdefault(level, {})
            if not isinstance(inside, dict):
                raise Invalid(f"{arg} and a part of it cannot be set at once")
        inside[last] = _to_word(arg, value, properties.get(arg))
    return nested


def _to_word(arg: str, value: Any, known: Property | None) -> Any:
    if known is None or known.type != "binary":
        known = Property("binary") if arg == "state" else None
    if known is None:
        return value
    on = value if isinstance(value, bool) else word(str(value))
    return value if on is None else known.on if on else known.off


def _is_near(wanted: Any, reported: Any) -> bool:
    numbers = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (wanted, reported))
    return numbers and abs(wanted - reported) <= 1 and abs(wanted) > 20
