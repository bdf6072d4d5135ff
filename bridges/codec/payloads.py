"""Payloads of devices to reports. Any bytes give a report or a named `Refusal`, never another exception."""

from __future__ import annotations

from typing import Any

import msgspec

from bridges.codec.flattening import Flattener
from bridges.codec.hints import with_hint
from bridges.codec.json_reading import RepeatedKeys, check_size, parse
from bridges.codec.status_words import is_online
from bridges.codec.storable_json import storable
from bridges.codec.times import FUTURE_US, read_time
from bridges.codec.values import check_name, check_value
from devices.errors import Refusal, SkippedValues
from devices.runtime import stats
from devices.values import (
    CLOCK_SET_US,
    Answer,
    Attributes,
    Availability,
    LocalSample,
    Sample,
    StatusReport,
    Telemetry,
    looks_like_seconds,
)

MAX_VALUES = 10_000
"""Values of one message; those after them are skipped."""
MAX_REMEMBERED = 10_000
"""Valid names of metrics that are remembered; past it the memory is cleared and every name checked anew."""

_TIMED = 'send {"ts": …, "values": {…}}'
_valid_names: set[str] = set()


def decode_telemetry(payload: bytes, received_at: int) -> Telemetry:
    """`{"name": value, …}`, `{"ts": MS_OR_ISO, "values": {…}}`, or a list of these.

    `received_at` is in microseconds. A null counts as no value and is left out; whatever cannot be a value is skipped.
    Raises the `Refusal` of a payload that cannot be read at all.
    """
    try:
        content = parse(payload)
    except Refusal as refusal:
        raise with_hint(refusal, payload) from None
    samples: list[Sample] = []
    times: list[int] = []
    skipped: SkippedValues | None = None
    for number, item in enumerate(content if isinstance(content, list) else (content,), 1):
        if not _add_plain(item, received_at, samples, times):
            skipped = skipped or SkippedValues()
            where = f"item {number}" if isinstance(content, list) else ""
            _add_odd(item, where, received_at, samples, times, skipped)
            if len(samples) + skipped.total > MAX_VALUES:
                _skip_rest(content, number, skipped)
                break
    if not samples or len(samples) > MAX_VALUES:
        skipped = skipped or SkippedValues()
        _check_number(content, samples, skipped)
    if not times:
        return Telemetry(tuple(samples), received_at, skipped or None)
    # Local times are only read where something is odd, and then something may be skipped.
    local = skipped is not None and any(type(each) is LocalSample for each in samples)
    return Telemetry(tuple(samples), received_at, skipped or None, max(times), local)


def decode_status(payload: bytes, received_at: int, *, repeated: bool = False) -> StatusReport:
    """`online` or `offline`, or another word or form that means the same. Raises `Refusal`."""
    check_size(payload)
    online = is_online(payload)
    return StatusReport(Availability.ONLINE if online else Availability.OFFLINE, received_at, repeated)


def decode_attributes(payload: bytes, *, repeated: bool = False) -> Attributes:
    """An object of slow facts; a null removes one. Raises the `Refusal` of a payload that cannot be read at all."""
    content = parse(payload)
    if not isinstance(content, dict):
        raise Refusal("invalid_shape", "attributes are an object")
    skipped = SkippedValues()
    flattener = Flattener(skipped, keep_nulls=True)
    flattener.add(content)
    return Attributes(flattener.found, repeated, skipped or None)


def decode_answer(payload: bytes, command_id: str) -> Answer:
    """`{"ok": true, "result": …}` or `{"ok": false, "error": "…"}`. What cannot be stored of them is left out.

    Raises the `Refusal` of anything else.
    """
    content = parse(payload)
    if not isinstance(content, dict) or not isinstance(content.get("ok"), bool):
        raise Refusal("invalid_shape", 'an answer is an object with "ok": true or false')
    error = content.get("error", "")
    if not isinstance(error, str):
        raise Refusal("invalid_shape", '"error" is a string')
    skipped = SkippedValues()
    result = storable(content.get("result"), "result", skipped)
    return Answer(command_id, content["ok"], result, storable(error, "error", skipped) or "", skipped or None)


def encode_command(name: str, args: dict[str, Any], expires_at: int) -> bytes:
    """The payload that a device receives on `commands/<id>`. `expires_at`: in microseconds, sent as milliseconds."""
    return msgspec.json.encode({"name": name, "args": args, "expires_at": expires_at // 1000})


def _add_plain(item: Any, received_at: int, samples: list[Sample], times: list[int]) -> bool:
    """Adds the samples of an item in which nothing is odd or nested; returns False, adding nothing, for any other."""
    if type(item) is not dict:
        return False
    values, time = item.get("values"), None
    try:
        if type(values) is not dict:
            return "ts" not in item and _add_flat(item, None, samples)
        if "ts" in item:
            time, is_local = read_time(item["ts"])
            if is_local or len(item) > 2 or not CLOCK_SET_US <= time <= received_at + FUTURE_US:
                return False
            times.append(time)
        elif len(item) > 1:
            return False
        return _add_flat(values, time, samples)
    except Refusal:
        return False


def _add_odd(
    item: Any, where: str, received_at: int, samples: list[Sample], times: list[int], skipped: SkippedValues
) -> None:
    """Adds the samples of any item. `where` names the item in refusals; empty: the message consists of it."""
    try:
        values, claimed = _values(item, skipped)
        time, is_local = (None, False) if claimed is None else _time(claimed, received_at, times)
    except Refusal as refusal:
        skipped.add(refusal.of(", ".join(filter(None, (where, refusal.key)))))
        return
    flattener = Flattener(skipped)
    flattener.add(values)
    kind = LocalSample if is_local else Sample
    samples += [kind(name, value, time) for name, value in flattener.found.items() if value is not None]


def _values(item: Any, skipped: SkippedValues) -> tuple[dict[str, Any], Any]:
    """The values of one item of telemetry, and their time as the device gives it, or `None`."""
    if not isinstance(item, dict):
        raise Refusal("invalid_shape", f"telemetry is an object or a list of objects{_example(item)}")
    values, claimed = item.get("values"), item.get("ts")
    if isinstance(values, dict):
        _skip_beside_values(item, skipped)
        return values, claimed
    if claimed is not None:
        raise Refusal("timestamp_misplaced", _TIMED, "ts")
    return item, None


def _example(item: Any) -> str:
    is_scalar = isinstance(item, (bool, int, float, str)) and len(str(item)) <= 40
    return f', such as {{"value": {msgspec.json.encode(item).decode()}}}' if is_scalar and item == item else ""


def _skip_beside_values(item: dict[str, Any], skipped: SkippedValues) -> None:
    for name in item.keys() - {"ts", "values"}:
        skipped.add(Refusal("invalid_shape", f'only "ts" may stand beside "values": {_TIMED}', name))
    if isinstance(item, RepeatedKeys):
        for name, count in item.repeats.items():
            skipped.add(Refusal("duplicate_key", "the last one is kept", name), count)


def _time(claimed: Any, received_at: int, times: list[int]) -> tuple[int | None, bool]:
    """Microseconds of a device's own time, which is added to `times`, and whether it is a local one.

    `None`, flagged in the stats, if its clock is far ahead or was never set. Local times are not judged here. Seconds
    in place of milliseconds look like 1970 too. They stay, to be refused with a hint.
    """
    try:
        time, is_local = read_time(claimed)
    except Refusal as refusal:
        raise refusal.of("ts") from None
    times.append(time)
    if is_local and time >= CLOCK_SET_US:
        return time, True
    if time > received_at + FUTURE_US:
        stats.flagged.labels("time_in_future").inc()
        return None, False
    if time < CLOCK_SET_US and not looks_like_seconds(time, received_at):
        stats.flagged.labels("clock_not_set").inc()
        return None, False
    return time, False


def _skip_rest(content: Any, number: int, skipped: SkippedValues) -> None:
    """Skips the items after `number`. Odd ones cost more time than others, and must not cost it without an end."""
    if isinstance(content, list) and number < len(content):
        refusal = Refusal("too_many_values", f"{MAX_VALUES} are allowed", f"item {number + 1}")
        skipped.add(refusal, len(content) - number)


def _check_number(content: Any, samples: list[Sample], skipped: SkippedValues) -> None:
    """Skips the samples beyond `MAX_VALUES`. Raises the `Refusal` of telemetry in which there is nothing at all."""
    if len(samples) > MAX_VALUES:
        beyond = samples[MAX_VALUES]
        skipped.add(Refusal("too_many_values", f"{MAX_VALUES} are allowed", beyond.metric), len(samples) - MAX_VALUES)
        del samples[MAX_VALUES:]
    elif not skipped and not any(content if isinstance(content, list) else (content,)):
        raise Refusal("invalid_shape", "it holds no value")


def _add_flat(values: dict[str, Any], time: int | None, samples: list[Sample]) -> bool:
    """Adds the samples of an object that holds no other object; returns False, adding nothing, if it holds one.

    Raises the `Refusal` of anything that cannot be a value, adding nothing.
    """
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
