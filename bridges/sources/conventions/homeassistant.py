"""Devices that announce themselves to Home Assistant. https://www.home-assistant.io/integrations/mqtt/"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, status_of, telemetry_of
from bridges.sources.convention import Convention, Finding, Gone, Heard, Message, Publish, Rejected
from bridges.sources.conventions.ha_discovery import Component, availability_of, components_of, template_of
from bridges.sources.filters import RESERVED, covers, is_filter, is_reserved
from devices.errors import Invalid, Refusal

MAX_COMPONENTS = 5_000
"""Components of all devices."""
MAX_TOPICS = 2_000
"""Topics of states and availability that are subscribed to; components with further ones are refused."""
MAX_ALLOWED = 50
"""Filters of an owner's `topics`."""
MAX_IDENTIFIERS = 20
"""Identifiers of a device that are looked at."""

_BINARY = ("binary_sensor", "switch", "light", "fan", "siren", "lock")
_FACTS = {"manufacturer": "vendor", "model": "model", "sw_version": "firmware", "hw_version": "hardware"}


class HomeAssistant(Convention):
    """`<prefix>/<component>/[<node>/]<object>/config`; states are wherever a configuration says.

    The address of a device is the first of its identifiers that was heard. The option `topics`, a list of filters, says
    where states and commands may be; without it, anywhere.
    """

    default_prefix: ClassVar[str] = "homeassistant"

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._components: dict[tuple[str, str], Component] = {}
        """By the topic of the configuration and the name in it."""
        self._addresses: dict[str, str] = {}
        """Identifier -> address."""
        self._topics: dict[str, list[tuple[str, str]]] = {}
        self._allowed = _allowed(self.options.get("topics"))

    def filters(self) -> Collection[str]:
        return [f"{self.prefix}/+/+/config", f"{self.prefix}/+/+/+/config", *self._topics]

    def command_filters(self) -> Collection[str]:
        topics = (each.text("command_topic") for each in self._components.values())
        return sorted({topic for topic in topics if topic})

    def device_filters(self) -> Collection[str]:
        """Announcements may name any topics; where several spaces share a broker, `topics` says which."""
        if self._allowed is None:
            return [*self.filters(), *self.command_filters()]
        return [f"{self.prefix}/#", *self._allowed]

    def hear(self, message: Message) -> Iterable[Finding]:
        if message.topic.startswith(f"{self.prefix}/") and message.topic.endswith("/config"):
            return self._configured(message)
        return self._reported(message)

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        if name != "set" or not args:
            raise Invalid("a device that was announced to Home Assistant has the command set, with what is to be set")
        return [self._setting(address, arg, value) for arg, value in args.items()]

    def _setting(self, address: str, arg: str, value: Any) -> Publish:
        own = [each for each in self._components.values() if each.address == address and each.metric == arg]
        topic = own[0].text("command_topic") if own else ""
        if not topic:
            raise Invalid(f"{arg} cannot be set")
        template = own[0].text("command_template")
        if template.replace(" ", "") not in ("", "{{value}}"):
            raise Invalid(f"the hub does not run the template of {arg}: {template[:200]}")
        return Publish(topic, _payload(own[0], value))

    def _configured(self, message: Message) -> Iterator[Finding]:
        levels = message.topic.removeprefix(f"{self.prefix}/").split("/")[:-1]
        if len(levels) not in (2, 3):
            raise Refusal("bad_topic", key=message.topic)
        before = {key: each for key, each in self._components.items() if key[0] == message.topic}
        if not message.payload:
            yield from self._removed(before)
            return
        content = parse(message.payload)
        described: set[str] = set()
        for name, kind, config in components_of(levels[0], levels[-1], content):
            key = (message.topic, name)
            if config is None:
                yield from self._removed({key: before[key]} if key in before else {})
                continue
            address, title = self._device(config, message.topic, name)
            if address not in described:
                described.add(address)
                device = require_object(config.get("device", {}))
                facts = {ours: device[theirs] for theirs, ours in _FACTS.items() if theirs in device}
                yield Heard(address, attributes_of(facts, repeated=message.retained) if facts else None, title)
            try:
                component = self._add(key, address, kind, config)
            except Refusal as refusal:
                yield Rejected(address, refusal.of(name), "attributes")
                continue
            if facts := _facts(component):
                yield Heard(address, attributes_of(facts, repeated=message.retained), title)

    def _device(self, config: Mapping[str, Any], topic: str, name: str) -> tuple[str, str]:
        """Address and name. Devices with any equal identifier are the same."""
        device = require_object(config.get("device", {}))
        ids = device.get("identifiers", [])
        ids = [str(each) for each in (ids if isinstance(ids, list) else [ids])]
        pairs = device.get("connections", [])
        ids += [
            ":".join(map(str, each)) for each in (pairs if isinstance(pairs, list) else []) if isinstance(each, list)
        ]
        ids = ids[:MAX_IDENTIFIERS] or [str(config.get("unique_id") or f"{topic}#{name}")]
        address = next((self._addresses[each] for each in ids if each in self._addresses), ids[0])
        for each in ids:
            self._addresses[each] = address
        while len(self._addresses) > 2 * MAX_COMPONENTS:
            self._addresses.pop(next(iter(self._addresses)))
        title = device.get("name") or ("" if device else config.get("name"))
        return address, title if isinstance(title, str) else ""

    def _add(self, key: tuple[str, str], address: str, kind: str, config: dict[str, Any]) -> Component:
        """Raises the `Refusal` of a configuration that cannot be used; what the component was before is forgotten."""
        list(self._removed({key: self._components[key]} if key in self._components else {}))
        if len(self._components) >= MAX_COMPONENTS:
            raise Refusal("too_many_values", f"a source has up to {MAX_COMPONENTS} components")
        taken = {each.metric for each in self._components.values() if each.address == address}
        metric = f"{key[1]}_{kind}" if key[1] in taken else key[1]
        state = config.get("state_topic")
        template = template_of(config.get("value_template")) if isinstance(state, str) else None
        component = Component(address, metric, kind, config, template, availability_of(config))
        topics = component.topics
        for topic in [*topics, *([config["command_topic"]] if config.get("command_topic") else [])]:
            _check_topic(topic, self._allowed)
        if len(self._topics.keys() | topics) > MAX_TOPICS:
            raise Refusal("too_many_values", f"a source has up to {MAX_TOPICS} topics of states")
        self._components[key] = component
        for topic in topics:
            self._topics.setdefault(topic, []).append(key)
        return component

    def _removed(self, components: Mapping[tuple[str, str], Component]) -> Iterator[Finding]:
        for key, component in components.items():
            del self._components[key]
            for topic in component.topics:
                self._topics[topic].remove(key)
                if not self._topics[topic]:
                    del self._topics[topic]
        remaining = {each.address for each in self._components.values()}
        for address in {each.address for each in components.values()} - remaining:
            yield Gone(address)

    def _reported(self, message: Message) -> Iterator[Finding]:
        if not message.payload:
            return  # a retained message was deleted
        values: dict[str, dict[str, Any]] = {}
        addresses: dict[str, None] = {}
        for key in self._topics.get(message.topic, ()):
            component = self._components[key]
            try:
                for each in component.availability:
                    if each.topic == message.topic and (available := each.reads(message.payload)) is not None:
                        component.heard.pop(each.topic, None)
                        component.heard[each.topic] = available
                        addresses[component.address] = None
                if component.config.get("state_topic") == message.topic:
                    value = _value(component, message.payload)
                    if value is not None:
                        values.setdefault(component.address, {})[component.metric] = value
            except Refusal as refusal:
                yield Rejected(component.address, refusal.of(component.metric))
        for address in addresses:
            states = {each.is_online for each in self._components.values() if each.address == address}
            yield Heard(address, status_of(True in states, message.at, repeated=message.retained))
        for address, found in values.items():
            yield Heard(address, telemetry_of(found, message.at))


def _allowed(topics: Any) -> tuple[str, ...] | None:
    """Raises `Invalid` for what is not a list of filters."""
    if topics is None:
        return None
    if not isinstance(topics, list) or len(topics) > MAX_ALLOWED:
        raise Invalid(f'"topics" is a list of up to {MAX_ALLOWED} topic filters')
    for each in topics:
        if not isinstance(each, str) or not is_filter(each) or is_reserved(each):
            raise Invalid(f"{each!r} is not a topic filter that a source may have")
    return tuple(topics)


def _check_topic(topic: object, allowed: tuple[str, ...] | None) -> None:
    """The hub subscribes and publishes only where devices of sources may be."""
    if not isinstance(topic, str) or not 0 < len(topic) <= 255 or set(topic) & set("+#\0") or topic.startswith("$"):
        raise Refusal("bad_topic", ascii(topic)[:100])
    if topic.split("/")[0] in RESERVED:
        raise Refusal("bad_topic", f"{topic[:100]} is one of the hub's own topics")
    if allowed is not None and not any(covers(each, topic) for each in allowed):
        raise Refusal("bad_topic", f"{topic[:100]} is not among the topics of the source")


def _value(component: Component, payload: bytes) -> Any:
    if component.template is None:
        return None
    if component.kind == "light" and component.config.get("schema") == "json":
        return parse(payload)
    value = component.template.value(payload)
    if component.kind in _BINARY:
        text = payload.decode(errors="replace").strip() if not component.template.is_json else str(value)
        on, off = component.text("payload_on", "ON"), component.text("payload_off", "OFF")
        if text in (component.text("state_on", on), on):
            return True
        if text in (component.text("state_off", off), off):
            return False
    return value


def _facts(component: Component) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if unit := component.config.get("unit_of_measurement"):
        facts[f"units.{component.metric}"] = str(unit)
    if component.config.get("command_topic") and (control := _control(component)):
        facts[f"controls.{component.metric}"] = control
    return facts


def _control(component: Component) -> str:
    config = component.config
    match component.kind:
        case "switch" | "light" | "fan" | "siren":
            return "" if config.get("schema") == "json" else "switch"
        case "button" | "scene":
            return "button"
        case "number":
            return f"slider {config.get('min', 1)} {config.get('max', 100)} {config.get('step', 1)}"
        case "select" if isinstance(config.get("options"), list):
            options = [str(each) for each in config["options"]]
            return "" if any(" " in each for each in options) else " ".join(("choice", *options))
    return ""


def _payload(component: Component, value: Any) -> bytes:
    if component.kind in ("button", "scene"):
        return component.text("payload_press", component.text("payload_on", "PRESS")).encode()
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value)
    on, off = component.text("payload_on", "ON"), component.text("payload_off", "OFF")
    if component.kind in _BINARY and str(value).lower() in ("true", "on", on.lower()):
        return on.encode()
    if component.kind in _BINARY and str(value).lower() in ("false", "off", off.lower()):
        return off.encode()
    options = component.config.get("options")
    if component.kind == "select" and isinstance(options, list) and value not in options:
        raise Invalid(f"{component.metric} is one of {', '.join(map(str, options))}"[:500])
    return str(value).encode()
