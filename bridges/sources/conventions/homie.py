"""Homie 4 and 5. https://homieiot.github.io/specification/"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, status_of, telemetry_of
from bridges.sources.convention import Convention, Finding, Gone, Heard, Message, Publish, Rejected
from devices.errors import Invalid, Refusal

MAX_DEVICES = 1_000
"""Devices that are remembered; the messages of further ones are refused."""
MAX_PROPERTIES = 500
"""Properties of a device that are remembered."""

_REACHABLE = ("ready", "init", "alert")
_EMPTY = b"\0"
"""An empty text: a payload without any byte deletes."""


@dataclass(slots=True)
class _Property:
    datatype: str = "string"
    unit: str = ""
    settable: bool = False
    format: str = ""


@dataclass(slots=True)
class _Device:
    """`root`, in version 5: the device of which this is a child."""

    state: str = ""
    root: str = ""
    properties: dict[str, _Property] = field(default_factory=dict)


class Homie(Convention):
    """`<prefix>/<device>/<node>/<property>`, in version 5 below `<prefix>/5/`.

    A metric is called `<node>.<property>`.
    """

    default_prefix: ClassVar[str] = "homie"

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._devices: dict[str, _Device] = {}

    def filters(self) -> Collection[str]:
        return [f"{self.prefix}/#"]

    def command_filters(self) -> Collection[str]:
        return [f"{self.prefix}/+/+/+/set", f"{self.prefix}/5/+/+/+/set"]

    def hear(self, message: Message) -> Iterable[Finding]:
        levels = message.topic.removeprefix(f"{self.prefix}/").split("/")
        is_v5 = levels[0] == "5"
        match levels[1:] if is_v5 else levels:
            case [id, "$state"]:
                return self._state(_address(id, is_v5), message)
            case [id, "$description"] if is_v5:
                return self._described(id, message)
            case [id, "$name"]:
                return [Heard(_address(id, is_v5), name=_text(message.payload))] if message.payload else []
            case [id, node, property, attribute] if attribute.startswith("$") and not is_v5:
                return self._attribute(id, f"{node}.{property}", attribute, message)
            case [id, "$alert", alert]:
                return self._alert(_address(id, is_v5), alert, message)
            case [id, node, property] if not node.startswith("$") and not property.startswith("$"):
                return self._value(_address(id, is_v5), f"{node}.{property}", message)
        return []

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        if name != "set":
            raise Invalid("a Homie device has no commands but set")
        return [self._setting(address, arg, value) for arg, value in args.items()]

    def _setting(self, address: str, arg: str, value: Any) -> Publish:
        device = self._devices.get(address)
        known = device.properties.get(arg) if device is not None else None
        if known is None:
            raise Invalid(f"{address} has no property {arg!r}")
        if not known.settable:
            raise Invalid(f"{arg} of {address} can only be read")
        return Publish(f"{self.prefix}/{address}/{arg.replace('.', '/', 1)}/set", _payload(value))

    def _device(self, address: str) -> _Device:
        device = self._devices.get(address)
        if device is None:
            if len(self._devices) >= MAX_DEVICES:
                raise Refusal("too_many_values", f"a source has up to {MAX_DEVICES} Homie devices", address)
            device = self._devices[address] = _Device()
        return device

    def _state(self, address: str, message: Message) -> Iterator[Finding]:
        if not message.payload:
            self._devices.pop(address, None)
            yield Gone(address)
            return
        device = self._device(address)
        device.state = _text(message.payload)
        online = device.state in _REACHABLE
        yield Heard(address, status_of(online, message.at, repeated=message.retained), via=device.root)
        yield Heard(address, attributes_of({"state": device.state}, repeated=message.retained), via=device.root)
        for child, known in self._devices.items():
            if known.root == address:
                reachable = status_of(device.state != "lost", message.at, repeated=message.retained, via=address)
                yield Heard(child, reachable, via=address)

    def _described(self, id: str, message: Message) -> Iterator[Finding]:
        if not message.payload:
            return
        content = require_object(parse(message.payload))
        address = _address(id, True)
        device = self._device(address)
        root = content.get("root") or content.get("parent")
        device.root = _address(str(root), True) if root else ""
        for child in content.get("children") or ():
            self._device(_address(str(child), True)).root = address
        device.properties = dict(_properties(content.get("nodes")))
        facts = _facts(device.properties)
        name = content.get("name")
        shown = name if isinstance(name, str) else ""
        yield Heard(address, attributes_of(facts, repeated=message.retained), shown, device.root)

    def _attribute(self, id: str, path: str, attribute: str, message: Message) -> Iterator[Finding]:
        if not message.payload:
            return
        properties = self._device(id).properties
        known = properties.get(path)
        if known is None:
            if len(properties) >= MAX_PROPERTIES:
                raise Refusal("too_many_values", f"a device has up to {MAX_PROPERTIES} properties", path)
            known = properties[path] = _Property()
        text = _text(message.payload)
        match attribute:
            case "$datatype":
                known.datatype = text
            case "$unit":
                known.unit = text
            case "$settable":
                known.settable = text == "true"
            case "$format":
                known.format = text
        if facts := _facts({path: known}):
            yield Heard(id, attributes_of(facts, repeated=message.retained))

    def _alert(self, address: str, alert: str, message: Message) -> Iterator[Finding]:
        text = _text(message.payload) if message.payload else None
        yield Heard(address, attributes_of({f"alert.{alert}": text}, repeated=message.retained))

    def _value(self, address: str, path: str, message: Message) -> Iterator[Finding]:
        if not message.payload:
            return
        device = self._device(address)
        datatype = device.properties[path].datatype if path in device.properties else ""
        try:
            values = {path: _typed(message.payload, datatype)}
        except Refusal as refusal:
            yield Rejected(address, refusal.of(path))
            return
        yield Heard(address, telemetry_of(values, message.at), via=device.root)


def _address(id: str, is_v5: bool) -> str:
    """A device of version 5 and one of version 4 may have the same id."""
    return f"5/{id}" if is_v5 else id


def _properties(nodes: Any) -> Iterator[tuple[str, _Property]]:
    count = 0
    for node, content in nodes.items() if isinstance(nodes, dict) else ():
        properties = content.get("properties") if isinstance(content, dict) else None
        for name, one in properties.items() if isinstance(properties, dict) else ():
            if isinstance(one, dict) and count < MAX_PROPERTIES:
                count += 1
                yield f"{node}.{name}", _property(one)


def _property(content: Mapping[str, Any]) -> _Property:
    return _Property(
        str(content.get("datatype", "string")),
        str(content.get("unit", "")),
        content.get("settable") is True,
        str(content.get("format", "")),
    )


def _facts(properties: Mapping[str, _Property]) -> dict[str, str]:
    facts = {f"units.{path}": one.unit for path, one in properties.items() if one.unit}
    controls = {f"controls.{path}": control for path, one in properties.items() if (control := _control(one))}
    return {**facts, **controls}


def _control(property: _Property) -> str:
    if not property.settable:
        return ""
    if property.datatype == "boolean":
        return "switch"
    if property.datatype == "enum" and property.format:
        return f"choice {' '.join(property.format.split(','))}"
    low, _, high = property.format.partition(":")
    high, _, step = high.partition(":")
    if property.datatype in ("integer", "float") and low and high:
        return " ".join(filter(None, ["slider", low, high, step or ("1" if property.datatype == "integer" else "")]))
    return ""


def _text(payload: bytes) -> str:
    try:
        return "" if payload == _EMPTY else payload.decode()
    except UnicodeDecodeError as error:
        raise Refusal("invalid_utf8", f"at byte {error.start}") from None


def _typed(payload: bytes, datatype: str) -> Any:
    """Raises the `Refusal` of a payload that is not of its type."""
    text = _text(payload)
    match datatype:
        case "boolean" if text in ("true", "false"):
            return text == "true"
        case "integer" | "float":
            return _number(text, datatype)
        case "json":
            return _from_json(payload)
        case "boolean":
            raise Refusal("invalid_shape", "a boolean is true or false")
        case "":
            return _guessed(text)
    return text


def _from_json(payload: bytes) -> Any:
    content = parse(payload)
    return content if isinstance(content, dict) else msgspec.json.encode(content).decode()


def _number(text: str, datatype: str) -> int | float:
    try:
        value: int | float = int(text) if datatype == "integer" else float(text)
    except ValueError:
        raise Refusal("invalid_shape", f"{text[:40]!a} is not of the type {datatype}") from None
    if value != value or text != text.strip() or "_" in text:
        raise Refusal("invalid_shape", f"{text[:40]!a} is not of the type {datatype}")
    return value


def _guessed(text: str) -> bool | str | int | float:
    """A value whose type has not been heard yet."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return _number(text, "float")
    except Refusal:
        return text


def _payload(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode() or _EMPTY
    return msgspec.json.encode(value)
