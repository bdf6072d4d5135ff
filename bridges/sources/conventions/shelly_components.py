"""The components of a Shelly since the second generation, such as `switch:0`: values, units, controls, methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridges.codec.status_words import word
from devices.errors import Invalid

_NOT_SHOWN = (
    "sys",
    "cloud",
    "mqtt",
    "ws",
    "ble",
    "bthome",
    "knx",
    "matter",
    "modbus",
    "ht_ui",
    "plugs_ui",
    "eth",
    "ui",
)
"""Components that report nothing of what the device is used for."""
_LEFT_OUT = ("id", "source", "by_minute", "minute_ts", "tF", "ts", "timer_started_at", "timer_duration")
_UNITS = {
    "apower": "W",
    "voltage": "V",
    "current": "A",
    "freq": "Hz",
    "tC": "°C",
    "rh": "%",
    "lux": "lx",
    "rssi": "dBm",
    "brightness": "%",
    "current_pos": "%",
    "percent": "%",
    "V": "V",
    "xvoltage": "V",
}
_UNITS_BY_ENDING = {
    "aenergy.total": "Wh",
    "_act_power": "W",
    "_aprt_power": "VA",
    "_voltage": "V",
    "_current": "A",
    "_freq": "Hz",
    "_act_energy": "Wh",
    "_act_ret_energy": "Wh",
    "total_act": "Wh",
    "total_act_ret": "Wh",
}
_SWITCHED = {"switch": "Switch", "light": "Light", "rgb": "RGB", "rgbw": "RGBW", "cct": "CCT"}
_MOVES = {"open": "Cover.Open", "close": "Cover.Close", "stop": "Cover.Stop"}


@dataclass(slots=True)
class Call:
    """A call of one of the device's methods."""

    method: str
    params: dict[str, Any] = field(default_factory=dict)


def values_of(key: str, status: Any) -> dict[str, Any]:
    """The values in the status of the component `key`; none of one that is not shown."""
    kind = key.partition(":")[0]
    if kind in _NOT_SHOWN or not isinstance(status, dict):
        return {}
    if kind == "wifi":
        return {"wifi": {"rssi": status["rssi"]}} if status.get("rssi") else {}
    return {key: _cleaned(status)} if status else {}


def _cleaned(status: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in status.items():
        if name in _LEFT_OUT:
            continue
        if isinstance(value, dict):
            kept[name] = _cleaned(value)
        elif name in ("errors", "flags") and isinstance(value, list):  # an empty list ends an error that was shown
            kept[name] = ", ".join(str(each) for each in value)
        else:
            kept[name] = value
    return kept


def facts_of(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Units and controls for these metrics."""
    for metric in metrics:
        component, _, name = metric.partition(".")
        if unit := _unit(name):
            yield f"units.{metric}", unit
        if control := _control(component.partition(":")[0], name):
            yield f"controls.{component if name == 'state' else metric}", control


def _unit(name: str) -> str:
    known = _UNITS.get(name.rsplit(".", 1)[-1])
    return known or next((unit for ending, unit in _UNITS_BY_ENDING.items() if name.endswith(ending)), "")


def _control(kind: str, name: str) -> str:
    match (kind, name):
        case (_, "output") if kind in _SWITCHED:
            return "switch"
        case (_, "brightness") if kind in _SWITCHED:
            return "slider 0 100 1"
        case ("cover", "state"):
            return f"choice {' '.join(_MOVES)}"
        case ("cover", "current_pos"):
            return "slider 0 100 1"
    return ""


def calls_for(args: Mapping[str, Any]) -> list[Call]:
    """The calls that set `{"switch:0.output": true}` and the like, one for each component. Raises `Invalid`."""
    calls: dict[str, Call] = {}
    for arg, value in args.items():
        component, _, name = arg.partition(".")
        call = _call(arg, component, name, value)
        first = calls.setdefault(component, call)
        if first.method != call.method:
            raise Invalid(f"what is to be set of {component} contradicts itself")
        first.params |= call.params
    return list(calls.values())


def _call(arg: str, component: str, name: str, value: Any) -> Call:
    kind, _, number = component.partition(":")
    if not number.isdecimal():
        raise Invalid(f"{arg!r} names no component of a Shelly, such as switch:0.output")
    params: dict[str, Any] = {"id": int(number)}
    if kind == "cover":
        return _cover_call(arg, name, value, params)
    if kind not in _SWITCHED:
        raise Invalid(f"{arg} cannot be set; switches, lights and covers can")
    method = _SWITCHED[kind]
    if name in ("", "output", "on"):
        if str(value).lower() == "toggle":
            return Call(f"{method}.Toggle", params)
        return Call(f"{method}.Set", {**params, "on": _switched(arg, value)})
    if kind == "switch" and name != "toggle_after":
        raise Invalid(f"{arg} cannot be set; {component}.output can")
    return Call(f"{method}.Set", {**params, name: value})


def _cover_call(arg: str, name: str, value: Any, params: dict[str, Any]) -> Call:
    if name in ("", "state") and value in _MOVES:
        return Call(_MOVES[value], params)
    if name in ("current_pos", "pos"):
        return Call("Cover.GoToPosition", {**params, "pos": value})
    raise Invalid(f"{arg} cannot be set to {value!r}; a cover takes open, close, stop, or a position")


def _switched(arg: str, value: Any) -> bool:
    on = value if isinstance(value, bool) else word(str(value))
    if on is None:
        raise Invalid(f"{arg}: {value!r} is neither on, off nor toggle")
    return on
