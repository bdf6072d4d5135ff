"""Reports made of values that another format than the hub's own JSON has carried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridges.codec.flattening import Flattener
from bridges.codec.status_words import word
from bridges.codec.texts import read_text
from bridges.codec.times import FUTURE_US
from bridges.codec.values import MAX_DIGITS
from devices.errors import Refusal, SkippedValues
from devices.values import CLOCK_SET_US, Attributes, Availability, Sample, StatusReport, Telemetry, Value


def telemetry_of(values: Mapping[str, Any], at: int, time: int | None = None, *, repeated: bool = False) -> Telemetry:
    """Telemetry of an object, nested ones under dotted names. `at` and `time` are in microseconds.

    Without a `time`, or with one of a clock that was never set or is far ahead, the time of receipt counts.
    """
    skipped = SkippedValues()
    flattener = Flattener(skipped)
    flattener.add(dict(values))
    if time is not None and not CLOCK_SET_US <= time <= at + FUTURE_US:
        time = None
    samples = tuple(Sample(name, value, time) for name, value in flattener.found.items() if value is not None)
    return Telemetry(samples, at, skipped or None, time, repeated=repeated)


def attributes_of(facts: Mapping[str, Any], *, repeated: bool = False) -> Attributes:
    """Attributes of an object; a null removes one."""
    skipped = SkippedValues()
    flattener = Flattener(skipped, keep_nulls=True)
    flattener.add(dict(facts))
    return Attributes(flattener.found, repeated, skipped or None)


def status_of(online: bool, at: int, *, repeated: bool = False, via: str = "") -> StatusReport:
    """`via`: it is the gateway's state, which counts for a device behind it."""
    return StatusReport(Availability.ONLINE if online else Availability.OFFLINE, at, repeated, via)


def scalar(payload: bytes) -> Value:
    """A bare number, word or text: `on`, `true` and `online` are true. Raises the `Refusal` of anything else."""
    text = read_text(payload)
    if len(text) <= MAX_DIGITS:
        for read in () if text.lower() in _NO_NUMBERS or "_" in text else (int, float):
            try:
                return read(text)
            except ValueError:
                continue
    known = word(text)
    return text if known is None else known


_NO_NUMBERS = ("nan", "inf", "-inf", "+inf", "infinity", "-infinity")
"""`float` would read them as numbers that cannot be stored."""


def require_object(content: Any) -> dict[str, Any]:
    """Raises the `Refusal` of JSON that is not an object."""
    if not isinstance(content, dict):
        raise Refusal("invalid_shape", "an object is expected")
    return content
