"""ESPHome. https://esphome.io/components/mqtt"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, scalar, status_of, telemetry_of
from bridges.codec.status_words import is_online, word
from bridges.codec.texts import read_text
from bridges.sources.convention import Convention, Finding, Heard, Message, Publish
from devices.commands.args import by_metric
from devices.errors import Invalid

MAX_NODES = 1_000
"""Nodes whose components are remembered; past it, those heard longest ago are forgotten until they report again."""
MAX_COMPONENTS = 200
"""Components of a node that are remembered."""

_SWITCHED = ("switch", "light", "fan")
_COMPONENTS = (
    *_SWITCHED,
    "sensor",
    "binary_sensor",
    "text_sensor",
    "number",
    "select",
    "text",
    "cover",
    "valve",
    "lock",
    "climate",
    "button",
    "event",
    "alarm_control_panel",
    "update",
)
_NO_READING = ("nan", "none", "unknown", "unavailable", "")
_FACTS = ("ip", "mac", "board", "version", "platform", "friendly_name")


class ESPHome(Convention):
    """`<prefix>/<component type>/<object id>/…/state` and `…/command`; the address of a node is its topic prefix."""

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._nodes: dict[str, dict[str, str]] = {}
        """Node -> object id -> component type."""

    def filters(self) -> Collection[str]:
        below = f"{self.prefix}/" if self.prefix else ""
        kinds = ("status", "+/+/state", "+/+/+/state")
        return [*(f"{below}+/{kind}" for kind in kinds), "esphome/discover/+"]

    def command_filters(self) -> Collection[str]:
        below = f"{self.prefix}/" if self.prefix else ""
        return [f"{below}+/+/+/command", f"{below}+/+/+/+/command", "esphome/discover"]

    def device_filters(self) -> Collection[str]:
        """Nodes also publish their log, which the hub ignores."""
        return [*super().device_filters(), f"{self.prefix}/+/debug" if self.prefix else "+/debug"]

    def greeting(self) -> Sequence[Publish]:
        return [Publish("esphome/discover", b"", qos=0)]

    def hear(self, message: Message) -> Iterable[Finding]:
        match message.topic.split("/"):
            case ["esphome", "discover", node]:
                return self._discovered(node, message)
        match message.topic.removeprefix(f"{self.prefix}/" if self.prefix else "").split("/"):
            case [node, "status"]:
                return [Heard(node, status_of(is_online(message.payload), message.at, repeated=message.retained))]
            case [node, component, object_id, *inner, "state"] if component in _COMPONENTS:
                return self._state(node, component, object_id, inner, message)
        return []

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        components = self._nodes.get(address, {})
        if name != "set":
            if components.get(name) != "button":
                raise Invalid(f"{address} has no button {name!r}")
            return [self._publish(address, "button", name, b"PRESS")]
        lights, others = _split(components, by_metric(dict(args)))
        messages = [self._setting(address, components, arg, value) for arg, value in others.items()]
        return messages + [
            self._publish(address, "light", name, msgspec.json.encode(wanted)) for name, wanted in lights.items()
        ]

    def _setting(self, node: str, components: Mapping[str, str], arg: str, value: Any) -> Publish:
        object_id, _, inner = arg.partition(".")
        component = components.get(object_id)
        if component is None:
            raise Invalid(f"{node} has not reported anything named {object_id!r}")
        if component in ("sensor", "binary_sensor", "text_sensor", "event"):
            raise Invalid(f"{object_id} of {node} can only be read")
        payload = _switch(value) if component in _SWITCHED and not inner else _text(value)
        return self._publish(node, component, "/".join([object_id, *filter(None, [inner])]), payload.encode())

    def _publish(self, node: str, component: str, path: str, payload: bytes) -> Publish:
        below = f"{self.prefix}/" if self.prefix else ""
        return Publish(f"{below}{node}/{component}/{path}/command", payload)

    def _discovered(self, node: str, message: Message) -> Iterator[Finding]:
        if not message.payload:
            return
        facts = require_object(parse(message.payload))
        known = {key: facts[key] for key in _FACTS if key in facts}
        name = facts.get("friendly_name") or facts.get("name")
        shown = name if isinstance(name, str) else ""
        yield Heard(node, attributes_of(known, repeated=message.retained), shown)

    def _state(
        self, node: str, component: str, object_id: str, inner: list[str], message: Message
    ) -> Iterator[Finding]:
        if not message.payload:
            return  # a retained message was deleted
        is_new = self._remember(node, component, object_id)
        name = ".".join([object_id, *inner])
        values = _values(component, name, bool(inner), message.payload)
        controls = {f"controls.{object_id}": "switch"} if component in _SWITCHED else {}
        if component == "light" and f"{name}.brightness" in values:
            controls[f"controls.{name}.brightness"] = "slider 0 255 1"
        if is_new and controls:
            yield Heard(node, attributes_of(controls, repeated=message.retained))
        if values:
            yield Heard(node, telemetry_of(values, message.at))

    def _remember(self, node: str, component: str, object_id: str) -> bool:
        """Whether it is new."""
        components = self._nodes.pop(node, {})
        self._nodes[node] = components  # the last one is the one heard last
        while len(self._nodes) > MAX_NODES:
            self._nodes.pop(next(iter(self._nodes)))
        if object_id in components or len(components) >= MAX_COMPONENTS:
            return False
        components[object_id] = component
        return True


def _values(component: str, name: str, is_part: bool, payload: bytes) -> dict[str, Any]:
    if component == "light" and not is_part:
        light = require_object(parse(payload))
        state = word(str(light.pop("state", "")))
        return {**({name: state} if state is not None else {}), **{f"{name}.{key}": light[key] for key in light}}
    text = read_text(payload)
    if text.lower() in _NO_READING:
        return {}
    if component in ("text_sensor", "select", "text", "event"):
        return {name: text}
    return {name: scalar(payload)}


def _split(components: Mapping[str, str], args: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """What is to be set of each light, in one message, and all other arguments."""
    lights: dict[str, dict[str, Any]] = {}
    others = dict(args)
    for arg, value in args.items():
        object_id, *inner = arg.split(".")
        if components.get(object_id) == "light":
            wanted = lights.setdefault(object_id, {"state": "ON"})
            for level in inner[:-1]:
                wanted = wanted.setdefault(level, {})
            wanted[inner[-1] if inner else "state"] = value if inner else _switch(value)
            del others[arg]
    return lights, others


def _switch(value: Any) -> str:
    on = value if isinstance(value, bool) else word(str(value))
    if on is None:
        if str(value).upper() == "TOGGLE":
            return "TOGGLE"
        raise Invalid(f"{value!r} is neither on nor off")
    return "ON" if on else "OFF"


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, (dict, list, bool)) else str(value)
