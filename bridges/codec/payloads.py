"""Payloads of devices to reports. Any bytes give a report or a named `Refusal`, never another exception."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bridges.codec.strict_json import MAX_DEPTH, check_size, parse
from bridges.codec.times import FUTURE_US, claimed_time
from bridges.codec.values import check_name, check_text, check_value
from devices.errors import Refusal
from devices.runtime import stats
from devices.values import Answer, Attributes, Availability, Sample, StatusReport, Telemetry, Value

MAX_VALUES = 10_000
"""Values of one message."""
MAX_REMEMBERED = 10_000
"""Valid names of metrics that are remembered; past it the memory is cleared and every name checked anew."""

_TIMED = '{"ts": …, "values": {…}}'
_valid_names: set[str] = set()


def decode_telemetry(payload: bytes, received_at: int) -> Telemetry:
    """`{"name": value, …}`, `{"ts": MS_OR_ISO, "values": {…}}`, or a list of these.

    `received_at` is in microseconds. A null counts as no value and is left out. Raises `Refusal`.
    """
    content = parse(payload)
    samples: list[Sample] = []
    for item in content if isinstance(content, list) else (content,):
        if not isinstance(item, dict):
            raise Refusal("invalid_shape", "telemetry is an object or a list of objects")
        values, time = _values(item, received_at)
        if not _add_flat(values, time, samples):
            samples += [Sample(name, value, time) for name, value in _flatten(values)]
        if len(samples) > MAX_VALUES:
            raise Refusal("too_many_values", f"{MAX_VALUES} are allowed")
    if not samples:
        raise Refusal("invalid_shape", "it holds no value")
    return Telemetry(tuple(samples), received_at)


def decode_status(payload: bytes, received_at: int, *, repeated: bool = False) -> StatusReport:
    """`online` or `offline`. Raises `Refusal`."""
    check_size(payload)
    if payload not in (b"online", b"offline"):
        raise Refusal("invalid_shape", "a status is online or offline")
    return StatusReport(Availability(payload.decode()), received_at, repeated)


def decode_attributes(payload: bytes, *, repeated: bool = False) -> Attributes:
    """A flat object of slow facts. Raises `Refusal`."""
    content = parse(payload)
    if not isinstance(content, dict) or any(isinstance(value, dict) for value in content.values()):
        raise Refusal("invalid_shape", "attributes are a flat object")
    return Attributes(dict(_flatten(content)), repeated)


def decode_answer(payload: bytes, command_id: str) -> Answer:
    """`{"ok": true, "result": …}` or `{"ok": false, "error": "…"}`. Raises `Refusal`."""
    content = parse(payload)
    if not isinstance(content, dict) or not isinstance(content.get("ok"), bool):
        raise Refusal("invalid_shape", 'an answer is an object with "ok": true or false')
    error = content.get("error", "")
    if not isinstance(error, str):
        raise Refusal("invalid_shape", '"error" is a string')
    _check_json(error, 1)
    _check_json(content.get("result"), 1)
    return Answer(command_id, content["ok"], content.get("result"), error)


def encode_command(name: str, args: dict[str, Any], expires_at: int) -> bytes:
    """The payload that a device receives on `commands/<id>`. `expires_at`: in microseconds, sent as milliseconds."""
    return msgspec.json.encode({"name": name, "args": args, "expires_at": expires_at // 1000})


def _values(item: dict[str, Any], received_at: int) -> tuple[dict[str, Any], int | None]:
    """The values of one object of telemetry, and their time in microseconds if it gives one."""
    values = item.get("values")
    if isinstance(values, dict):
        if len(item) > 1 + ("ts" in item):
            raise Refusal("invalid_shape", f'beside "values" only "ts" may stand: {_TIMED}')
        return values, _time(item["ts"], received_at) if "ts" in item else None
    if "ts" in item:
        raise Refusal("timestamp_misplaced", _TIMED)
    return item, None


def _time(claimed: Any, received_at: int) -> int | None:
    """Microseconds of a device's own time; `None`, flagged in the stats, if its clock is far ahead."""
    time = claimed_time(claimed)
    if time > received_at + FUTURE_US:
        stats.flagged.labels("time_in_future").inc()
        return None
    return time


def _add_flat(values: dict[str, Any], time: int | None, samples: list[Sample]) -> bool:
    """Adds the samples of an object that holds no other object; returns False, adding nothing, if it holds one."""
    found = []
    for name, value in values.items():
        kind = type(value)
        if kind is dict:
            return False
        if value is None:
            continue
        if name not in _valid_names:
            check_name(name)
            _remember(name)
        if kind is not bool and (kind is not float or value - value != 0):
            check_value(value)
        found.append(Sample(name, value, time))
    samples += found
    return True


def _remember(name: str) -> None:
    if len(_valid_names) >= MAX_REMEMBERED:
        _valid_names.clear()
    _valid_names.add(name)


def _flatten(item: dict[str, Any]) -> Iterator[tuple[str, Value]]:
    """`(dotted name, value)` of all values of an object. Raises `Refusal` if two have one name."""
    found: dict[str, Value] = {}
    _collect(item, "", 1, found)
    return iter(found.items())


def _collect(item: dict[str, Any], prefix: str, depth: int, found: dict[str, Value]) -> None:
    if depth > MAX_DEPTH:
        raise Refusal("too_deep")
    for key, value in item.items():
        name = prefix + key
        if isinstance(value, dict):
            _collect(value, f"{name}.", depth + 1, found)
        elif value is not None:
            check_name(name)
            check_value(value)
            if name in found:
                raise Refusal("duplicate_key", repr(name))
            found[name] = value


def _check_json(content: Any, depth: int) -> None:
    """The rules of values for JSON of any shape, such as the result of an answer."""
    if depth > MAX_DEPTH:
        raise Refusal("too_deep")
    if isinstance(content, dict):
        for key, value in content.items():
            check_text(key)
            _check_json(value, depth + 1)
    elif isinstance(content, list):
        for value in content:
            _check_json(value, depth + 1)
    elif isinstance(content, str):
        check_text(content)
    elif content is not None:
        check_value(content)
