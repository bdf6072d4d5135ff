"""Home Assistant's discovery of devices, one retained message each. Pure.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

PREFIX = "homeassistant"
MAX_COMPONENTS = 200
"""Entities of one device."""

_ON = "('true', 'on', '1', '1.0')"
_DEVICE_CLASSES = {
    "°C": "temperature",
    "°F": "temperature",
    "W": "power",
    "kW": "power",
    "kWh": "energy",
    "V": "voltage",
    "A": "current",
    "hPa": "pressure",
    "lx": "illuminance",
}
_FACTS = {"mf": ("manufacturer", "vendor"), "mdl": ("model",), "sw": ("firmware", "version"), "hw": ("hardware",)}


def config_topic(uid: str) -> str:
    """Where a device is announced."""
    return f"{PREFIX}/device/{uid}/config"


def availability_topic(uid: str) -> str:
    """Where the hub reports whether the device is online."""
    return f"{PREFIX}/device/{uid}/availability"


def announced(topic: str) -> str | None:
    """The uid of the device that a topic of this module is about."""
    match topic.split("/"):
        case ["homeassistant", "device", uid, "config" | "availability"]:
            return uid
    return None


def config(snapshot: Mapping[str, Any]) -> bytes:
    """The announcement of a device, of which `snapshot` is what viewers get on subscribing to it."""
    device = snapshot["device"]
    attributes: Mapping[str, Any] = device["attributes"]
    uid = device["uid"]
    components: dict[str, Any] = {}
    for name in [*_controls(attributes), *snapshot["latest"]]:
        if len(components) < MAX_COMPONENTS:
            value = snapshot["latest"].get(name, (0, None))[1]
            components.setdefault(_slug(name), _component(uid, name, value, attributes))
    facts = {key: _first(attributes, names) for key, names in _FACTS.items()}
    return msgspec.json.encode(
        {
            "dev": {"ids": [f"hubbub_{uid}"], "name": device["name"], **{k: v for k, v in facts.items() if v}},
            "o": {"name": "Hubbub"},
            "avty_t": availability_topic(uid),
            "qos": 1,
            "cmps": components,
        }
    )


def _component(uid: str, name: str, value: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    common = {"name": name, "uniq_id": f"hubbub_{uid}_{name}", "stat_t": f"devices/{uid}/telemetry"}
    plain = {**common, "val_tpl": _template(name, "v")}
    words = {**common, "val_tpl": _template(name, f"'ON' if v | string | lower in {_ON} else 'OFF'")}
    unit = {"unit_of_meas": str(attributes[f"units.{name}"])} if attributes.get(f"units.{name}") else {}
    control = _control(_controls(attributes).get(name, ""))
    if control is not None:
        settable = {**control, "cmd_t": f"devices/{uid}/set/{name}"}
        return {
            **(words if control["p"] == "switch" else plain),
            **settable,
            **(unit if control["p"] == "number" else {}),
        }
    if isinstance(value, bool):
        return {"p": "binary_sensor", **words, "pl_on": "ON", "pl_off": "OFF"}
    if isinstance(value, str):
        return {"p": "sensor", **plain}
    return {"p": "sensor", **plain, **unit, **_kind_of_number(unit.get("unit_of_meas", ""))}


def _control(description: str) -> dict[str, Any] | None:
    """What a control of our own, such as `slider 0 100 5`, is there."""
    match description.split():
        case ["switch", *_]:
            return {"p": "switch", "pl_on": "true", "pl_off": "false", "stat_on": "ON", "stat_off": "OFF"}
        case ["slider", low, high, *step] if _are_numbers(low, high, *step[:1]):
            steps = {"step": float(step[0])} if step else {}
            return {"p": "number", "min": float(low), "max": float(high), **steps}
        case ["choice", *options] if options:
            return {"p": "select", "ops": options}
    return None


def _kind_of_number(unit: str) -> dict[str, str]:
    """Energy adds up; other numbers go up and down."""
    device_class = _DEVICE_CLASSES.get(unit)
    if device_class is None:
        return {"stat_cla": "measurement"}
    return {"dev_cla": device_class, "stat_cla": "total_increasing" if device_class == "energy" else "measurement"}


def _template(name: str, shown: str) -> str:
    """The newest value in any form of telemetry; a message without it changes nothing."""
    found = f"m.get({_quoted(name)})"
    first, *inner = name.split(".")
    if inner:
        path = f"(m.get({_quoted(first)}) or {{}})"
        for key in inner[:-1]:
            path = f"({path}.get({_quoted(key)}) or {{}})"
        found = f"m.get({_quoted(name)}, {path}.get({_quoted(inner[-1])}))"
    return (
        "{% set m = value_json if value_json is mapping else value_json[-1] %}"
        "{% set m = m['values'] if m['values'] is mapping else m %}"
        f"{{% set v = {found} %}}{{{{ this.state if v is none else {shown} }}}}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _controls(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {key.removeprefix("controls."): str(text) for key, text in attributes.items() if key.startswith("controls.")}


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(attributes[name]) for name in names if attributes.get(name)), None)


def _are_numbers(*texts: str) -> bool:
    try:
        return all(float(text) == float(text) for text in texts)
    except ValueError:
        return False
