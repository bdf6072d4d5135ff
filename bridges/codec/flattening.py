"""Objects within objects to dotted names; each value that cannot be one is skipped by its path."""

from __future__ import annotations

from typing import Any

from bridges.codec.json_reading import MAX_DEPTH, RepeatedKeys
from bridges.codec.values import check_name, check_value
from devices.errors import Refusal, SkippedValues
from devices.values import MAX_NAME, Value

MAX_ELEMENTS = 100
"""Elements of an array that become values. One of samples or pixels, with thousands, would fill the device's metrics
with names that nobody asked for."""

_NO_VALUE = "an array of objects or arrays is not a value"


class Flattener:
    """Collects the values of an object under dotted names: `{"phase": {"l1": [1, 2]}}` gives `phase.l1.0` and
    `phase.l1.1`. Nulls and empty arrays are not values. Of two values with one name, the last is kept."""

    def __init__(self, skipped: SkippedValues, *, keep_nulls: bool = False) -> None:
        """`skipped` receives what cannot be a value. `keep_nulls`: collect nulls too, and one before an array."""
        self.found: dict[str, Value | None] = {}
        self._skipped = skipped
        self._keep_nulls = keep_nulls

    def add(self, item: dict[str, Any], prefix: str = "", depth: int = 1) -> None:
        """Adds the values of `item`, whose names begin with `prefix`."""
        if isinstance(item, RepeatedKeys):
            for key, count in item.repeats.items():
                self._skip("duplicate_key", "the last one is kept", prefix + key, count)
        for key, value in item.items():
            name = prefix + key
            if isinstance(value, dict):
                if self._can_be_prefix(name, depth):
                    self.add(value, f"{name}.", depth + 1)
            elif isinstance(value, list):
                self._add_array(name, value, depth)
            else:
                self._add_scalar(name, value)

    def _add_array(self, name: str, elements: list[Any], depth: int) -> None:
        if any(isinstance(element, (dict, list)) for element in elements):
            self._skip("invalid_shape", _NO_VALUE, name)
        elif len(elements) > MAX_ELEMENTS:
            self._skip("array_too_long", f"{len(elements)} elements", name)
        elif not elements or self._can_be_prefix(name, depth):
            self._add_scalar(name, None)
            for number, element in enumerate(elements):
                self._add_scalar(f"{name}.{number}", element)

    def _add_scalar(self, name: str, value: Any) -> None:
        if value is None and not self._keep_nulls:
            return
        try:
            check_name(name)
            if value is not None:
                check_value(value)
        except Refusal as refusal:
            self._skipped.add(refusal.of(name))
            return
        # Its place is that of the last one too: a null before an array removes what comes before it.
        if self.found.pop(name, None) is not None:
            self._skip("duplicate_key", "the last one is kept", name)
        self.found[name] = value

    def _can_be_prefix(self, name: str, depth: int) -> bool:
        """Whether there may be values below `name`; skips all of them as one if not."""
        if depth >= MAX_DEPTH:
            self._skip("too_deep", "", name)
        elif len(name) >= MAX_NAME:  # copied to each name below, a long key would cost seconds
            self._skip("name_invalid", f"more than {MAX_NAME} characters", name)
        else:
            return True
        return False

    def _skip(self, reason: str, detail: str, key: str, count: int = 1) -> None:
        self._skipped.add(Refusal(reason, detail, key), count)
