"""What managers have set for a device's metrics, applied to its samples: other names, texts read as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from devices.registry.models import Device, Metric
from devices.registry.senders import Sender
from devices.runtime import stats
from devices.values import Sample, Telemetry, Value

# A unit may follow: a single word after a space, or letters without one. Whatever goes on with digits is not a number
# with a unit: 0x1F, 12:30, 2026-11-30.
_NUMBER = re.compile(
    r"([+-]?(?:[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?)(?:\s+[^\s0-9]\S{0,15}|[^\s0-9.,:;+-]{0,16})"
)
_WORDS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
_MAX_CHARACTERS = 64


class MetricRule(NamedTuple):
    """What is done with the samples of one name: they are stored as `name`, or not at all."""

    name: str
    read_as: str
    ignored: bool


MetricRules = Mapping[str, MetricRule]
"""The name under which a device sends a metric -> its rule; names without one are stored as they come."""


def of_device(device: Device | Sender) -> dict[str, MetricRule]:
    """The rules of the device's metrics; of most devices there are none."""
    metrics = Metric.objects.filter(device=device.id).prefetch_related("aliases").order_by()
    found: dict[str, MetricRule] = {}
    for metric in metrics:
        rule = MetricRule(metric.name, metric.read_as, metric.ignored)
        found |= {alias.name: rule for alias in metric.aliases.all()}
        if rule.read_as or rule.ignored:
            found[metric.name] = rule
    return found


def apply(rules: MetricRules, telemetry: Telemetry) -> Telemetry:
    """The telemetry as it is to be stored."""
    kept: list[Sample] = []
    for sample in telemetry.samples:
        rule = rules.get(sample.metric)
        if rule is None:
            kept.append(sample)
        elif rule.ignored:
            stats.samples_ignored.inc()
        else:
            kept.append(Sample(rule.name, read(sample.value, rule.read_as), sample.time))
    return msgspec.structs.replace(telemetry, samples=tuple(kept))


def read(value: Value, read_as: str) -> Value:
    """The value as a number or a boolean; as it is if it cannot be read so."""
    if read_as == "number" and isinstance(value, str):
        return _number(value)
    if read_as == "boolean" and not isinstance(value, bool):
        text = value if isinstance(value, str) else f"{value:g}"
        return _WORDS.get(text.strip().lower(), value)
    return value


def _number(text: str) -> Value:
    """`21.5`, `21,5` or `-76 dBm` as a number. A comma is the decimal point, never a separator of thousands."""
    found = _NUMBER.fullmatch(text.strip()) if len(text) <= _MAX_CHARACTERS else None
    if found is None:
        return text
    digits = found[1].replace(",", ".")
    number = float(digits)
    if number - number != 0:  # too large for a double
        return text
    whole = digits.lstrip("+-").isdecimal() and abs(number) < 2**53
    return int(digits) if whole else number
