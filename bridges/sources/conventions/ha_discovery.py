"""Configurations of Home Assistant's MQTT discovery: long and short keys, both forms, and the templates. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridges.codec.json_reading import parse
from bridges.codec.reports import require_object, scalar
from bridges.codec.texts import read_text
from devices.errors import Refusal

_SHORT = {
    "avty": "availability",
    "avty_mode": "availability_mode",
    "avty_t": "availability_topic",
    "avty_tpl": "availability_template",
    "cmd_t": "command_topic",
    "cmd_tpl": "command_template",
    "cmps": "components",
    "cns": "connections",
    "dev": "device",
    "dev_cla": "device_class",
    "hw": "hw_version",
    "ids": "identifiers",
    "mdl": "model",
    "mf": "manufacturer",
    "ops": "options",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "pl_off": "payload_off",
    "pl_on": "payload_on",
    "pl_prs": "payload_press",
    "stat_off": "state_off",
    "stat_on": "state_on",
    "stat_t": "state_topic",
    "sw": "sw_version",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
_PATH = r"(?:\.\w+|\[\s*'[^']*'\s*\]|\[\s*\"[^\"]*\"\s*\]|\[\s*\d+\s*\])*"
_TEMPLATE = re.compile(
    r"\s*\{\{-?\s*(value_json|value)(" + _PATH + r")\s*((?:\|\s*(?:float|int|round)\s*(?:\(\s*\d*\s*\))?\s*)*)-?\}\}\s*"
)
_STEP = re.compile(r"\.(\w+)|\[\s*'([^']*)'\s*\]|\[\s*\"([^\"]*)\"\s*\]|\[\s*(\d+)\s*\]")
_FILTER = re.compile(r"\|\s*(float|int|round)\s*(?:\(\s*(\d*)\s*\))?")


def expanded(content: Any, base: str = "") -> dict[str, Any]:
    """With long keys; `~` is replaced in topics."""
    base = content.get("~", base) if isinstance(content, dict) else base
    found: dict[str, Any] = {}
    for key, value in require_object(content).items():
        name = _SHORT.get(key, key)
        if isinstance(value, str) and (name.endswith("_topic") or name == "topic") and isinstance(base, str):
            value = base + value[1:] if value.startswith("~") else value
            value = value[:-1] + base if value.endswith("~") else value
        elif name == "availability" and isinstance(value, list):
            value = [expanded(each, base) for each in value if isinstance(each, dict)]
        elif name in ("device", "origin") and isinstance(value, dict):
            value = expanded(value, "")
        found[name] = value
    return found


def components_of(kind: str, object_id: str, content: Any) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """Name, kind and configuration of each component; `None` for one that is gone."""
    config = expanded(content)
    if kind != "device":
        yield object_id, kind, config
        return
    shared = {key: value for key, value in config.items() if key != "components"}
    base = config.get("~", "")
    for name, each in require_object(config.get("components", {})).items():
        own = expanded(each, base if isinstance(base, str) else "")
        is_gone = set(own) <= {"platform"}
        yield name, str(own.get("platform", "")), None if is_gone else {**shared, **own}


@dataclass(frozen=True, slots=True)
class Template:
    """One of the few templates that the hub reads. It runs no others: they are programs."""

    is_json: bool = False
    path: tuple[str | int, ...] = ()
    filters: tuple[tuple[str, int], ...] = ()

    def value(self, payload: bytes) -> Any:
        """`None` where the message does not have it. Raises `Refusal`."""
        found: Any = parse(payload) if self.is_json else scalar(payload)
        for step in self.path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        for name, digits in self.filters:
            found = _filtered(found, name, digits)
        return found


def template_of(text: object) -> Template:
    """Raises the `Refusal` of a template that the hub does not read."""
    if not text:
        return Template()
    match = _TEMPLATE.fullmatch(text) if isinstance(text, str) and len(text) <= 1_000 else None
    if match is None or (match[1] == "value" and match[2]):
        raise Refusal("template_not_supported", str(text)[:200])
    path = tuple(int(step[3]) if step[3] else step[0] or step[1] or step[2] for step in _STEP.findall(match[2]))
    filters = tuple((name, int(digits or 0)) for name, digits in _FILTER.findall(match[3]))
    return Template(match[1] == "value_json", path, filters)


def _filtered(value: Any, name: str, digits: int) -> Any:
    try:
        number = float(value)
        if name == "float":
            return number
        return int(number) if name == "int" else round(number, digits)
    except (TypeError, ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Availability:
    topic: str
    template: Template
    online: str
    offline: str

    def reads(self, payload: bytes) -> bool | None:
        """Whether the component is available; `None`: it is another word. Raises `Refusal`."""
        found = self.template.value(payload) if self.template.is_json else read_text(payload)
        return True if str(found) == self.online else False if str(found) == self.offline else None


def availability_of(config: Mapping[str, Any]) -> list[Availability]:
    listed = config.get("availability")
    single = {
        "topic": config.get("availability_topic"),
        "value_template": config.get("availability_template"),
        "payload_available": config.get("payload_available", "online"),
        "payload_not_available": config.get("payload_not_available", "offline"),
    }
    each = listed if isinstance(listed, list) else [listed] if isinstance(listed, dict) else [single]
    return [
        Availability(
            one["topic"],
            template_of(one.get("value_template")),
            str(one.get("payload_available", "online")),
            str(one.get("payload_not_available", "offline")),
        )
        for one in each[:20]
        if isinstance(one, dict) and isinstance(one.get("topic"), str)
    ]


@dataclass(slots=True)
class Component:
    """`heard`: availability topic -> whether it was available, in the order of receipt."""

    address: str
    metric: str
    kind: str
    config: dict[str, Any]
    template: Template | None
    availability: list[Availability]
    heard: dict[str, bool] = field(default_factory=dict)

    @property
    def topics(self) -> set[str]:
        """Of its state and availability."""
        state = self.config.get("state_topic")
        return {each.topic for each in self.availability} | ({state} if isinstance(state, str) else set())

    def text(self, key: str, otherwise: str = "") -> str:
        found = self.config.get(key, otherwise)
        return found if isinstance(found, str) else str(found)

    @property
    def is_online(self) -> bool | None:
        if not self.heard:
            return None
        mode = self.config.get("availability_mode", "latest")
        if mode == "all":
            return all(self.heard.get(each.topic, False) for each in self.availability)
        return any(self.heard.values()) if mode == "any" else list(self.heard.values())[-1]
