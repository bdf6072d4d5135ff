"""What a Zigbee device exposes: its properties, with units, ranges and what can be set.

https://www.zigbee2mqtt.io/guide/usage/exposes.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_PROPERTIES = 200
"""Of one device."""
MAX_NESTING = 4

_PUBLISHED, _SETTABLE = 1, 2


@dataclass(frozen=True, slots=True)
class Property:
    """`type`: numeric, binary, enum, text, … `on` and `off`: the two values of a binary one."""

    type: str
    unit: str = ""
    access: int = _PUBLISHED
    on: Any = "ON"
    off: Any = "OFF"
    low: float | None = None
    high: float | None = None
    step: float | None = None
    values: tuple[str, ...] = ()

    @property
    def control(self) -> str:
        """How the hub's pages show it, if it can be set: `switch`, `slider LOW HIGH STEP` or `choice A B`."""
        if not self.access & _SETTABLE:
            return ""
        if self.type == "binary":
            return "switch"
        if self.type == "numeric" and self.low is not None and self.high is not None:
            return " ".join(["slider", f"{self.low:g}", f"{self.high:g}", f"{self.step or 1:g}"])
        if self.type == "enum" and self.values and not any(" " in value for value in self.values):
            return f"choice {' '.join(self.values)}"
        return ""


def properties_of(exposes: Any) -> dict[str, Property]:
    """Path in a state, such as `color.x` -> property. What does not have the documented form is left out."""
    found: dict[str, Property] = {}
    for path, item in _walk(exposes, "", 0):
        if len(found) < MAX_PROPERTIES:
            found.setdefault(path, _property(item))
    return found


def facts_of(properties: Mapping[str, Property]) -> dict[str, str]:
    """Units and controls as attributes of the device."""
    units = {f"units.{path}": one.unit for path, one in properties.items() if one.unit}
    return {**units, **{f"controls.{path}": one.control for path, one in properties.items() if one.control}}


def _walk(items: Any, prefix: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        name, features = item.get("property"), item.get("features")
        path = f"{prefix}{name}" if isinstance(name, str) and name else ""
        if isinstance(features, list):
            if depth < MAX_NESTING:
                yield from _walk(features, f"{path}." if path else prefix, depth + 1)
        elif path:
            yield path, item


def _property(item: Mapping[str, Any]) -> Property:
    access, values = item.get("access"), item.get("values")
    return Property(
        type=str(item.get("type", "")),
        unit=str(item.get("unit") or ""),
        access=access if isinstance(access, int) else _PUBLISHED,
        on=item.get("value_on", "ON"),
        off=item.get("value_off", "OFF"),
        low=_number(item.get("value_min")),
        high=_number(item.get("value_max")),
        step=_number(item.get("value_step")),
        values=tuple(map(str, values)) if isinstance(values, list) else (),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
