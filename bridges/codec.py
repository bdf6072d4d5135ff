"""Payloads to reports. Any bytes give a report or a named `Refusal`, never another exception.

The formats are those of `docs/protocol/payloads.md`; HTTP ingest takes the same ones as MQTT.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec

from devices.errors import Refusal
from devices.runtime import stats
from devices.values import MAX_NAME, MAX_TEXT, Answer, Attributes, Availability, Sample, StatusReport, Telemetry, Value

MAX_PAYLOAD = 128 * 1024
"""Bytes of one message."""
MAX_DEPTH = 8
"""Objects within objects."""
MAX_VALUES = 10_000
"""Values of one message."""
MAX_DIGITS = 64
"""Characters of one number; a double needs at most 24, its exact decimal form seldom more than 60."""
FUTURE_US = 5 * 60 * 1_000_000
"""How far ahead of ours a device's clock may run before its times are replaced by the time of receipt."""

MAX_REMEMBERED = 10_000
"""Names of metrics known to be sound; past it all are looked at afresh."""

_LONG_NUMBER = b"0" * (MAX_DIGITS + 1)  # as it stands in a payload translated by
_NUMERALS = bytes(ord("0") if char in b"0123456789.eE+-" else ord(" ") for char in range(256))
_TIMED = '{"ts": …, "values": {…}}'
_decode_json = msgspec.json.Decoder().decode
_sound_names: set[str] = set()
_LAST_MS = 253_402_300_800_000  # the year 10000, where `datetime` ends


def decode_telemetry(payload: bytes, received_at: int) -> Telemetry:
    """`{"name": value, …}`, `{"ts": MS_OR_ISO, "values": {…}}`, or a list of these.

    `received_at` in microseconds. A null is no value and is left out.
    """
    content = _parse(payload)
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
        raise Refusal("invalid_shape", "there is no value in it")
    return Telemetry(tuple(samples), received_at)


def _values(item: dict[str, Any], received_at: int) -> tuple[dict[str, Any], int | None]:
    """What one object says, and when, in microseconds."""
    values = item.get("values")
    if isinstance(values, dict):
        if len(item) > 1 + ("ts" in item):
            raise Refusal("invalid_shape", f'beside "values" stands "ts" alone: {_TIMED}')
        return values, _time(item["ts"], received_at) if "ts" in item else None
    if "ts" in item:
        raise Refusal("timestamp_misplaced", _TIMED)
    return item, None


def _add_flat(values: dict[str, Any], time: int | None, samples: list[Sample]) -> bool:
    """Adds the samples of an object without objects in it; False where it is another one, and nothing is added."""
    found = []
    for name, value in values.items():
        kind = type(value)
        if kind is dict:
            return False
        if value is None:
            continue
        if name not in _sound_names:
            check_name(name)
            _remember(name)
        if kind is not bool and (kind is not float or value - value != 0):
            check_value(value)
        found.append(Sample(name, value, time))
    samples += found
    return True


def _remember(name: str) -> None:
    if len(_sound_names) >= MAX_REMEMBERED:
        _sound_names.clear()
    _sound_names.add(name)


def decode_status(payload: bytes, received_at: int, *, repeated: bool = False) -> StatusReport:
    """`online` or `offline`."""
    _check_size(payload)
    if payload not in (b"online", b"offline"):
        raise Refusal("invalid_shape", "a status is online or offline")
    return StatusReport(Availability(payload.decode()), received_at, repeated)


def decode_attributes(payload: bytes, *, repeated: bool = False) -> Attributes:
    """A flat object of slow facts."""
    content = _parse(payload)
    if not isinstance(content, dict) or any(isinstance(value, dict) for value in content.values()):
        raise Refusal("invalid_shape", "attributes are a flat object")
    return Attributes(dict(_flatten(content)), repeated)


def decode_answer(payload: bytes, command_id: str) -> Answer:
    """`{"ok": true, "result": …}` or `{"ok": false, "error": "…"}`."""
    content = _parse(payload)
    if not isinstance(content, dict) or not isinstance(content.get("ok"), bool):
        raise Refusal("invalid_shape", 'an answer is an object with "ok": true or false')
    error = content.get("error", "")
    if not isinstance(error, str):
        raise Refusal("invalid_shape", '"error" is a string')
    _check(error, 1)
    _check(content.get("result"), 1)
    return Answer(command_id, content["ok"], content.get("result"), error)


def encode_command(name: str, args: dict[str, Any]) -> bytes:
    """What a device receives on `commands/<id>`."""
    return msgspec.json.encode({"name": name, "args": args})


def _check_size(payload: bytes) -> None:
    if not payload:
        raise Refusal("empty_payload")
    if len(payload) > MAX_PAYLOAD:
        raise Refusal("payload_too_large", f"{len(payload)} bytes")


def _parse(payload: bytes) -> Any:
    """The JSON content. msgspec takes what is plainly sound; the slow parser decides and names the rest."""
    _check_size(payload)
    if b"\\" not in payload and (len(payload) <= MAX_DIGITS or _LONG_NUMBER not in payload.translate(_NUMERALS)):
        try:
            content = _decode_json(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _parse_strictly(payload)
        # msgspec lets the last of two equal keys win. No more colons than keys and texts have: none was swallowed.
        colons = payload.count(b":")
        if colons == _count_keys(content, 0) or colons == _count_keys(content, 0) + _count_colons(content):
            return content
    return _parse_strictly(payload)


def _count_keys(content: Any, depth: int) -> int:
    # Nothing that is taken is nearly this deep, and to go down without an end would exhaust the stack.
    if depth > 4 * MAX_DEPTH:
        raise Refusal("too_deep")
    if isinstance(content, dict):
        inner: Iterable[Any] = content.values()
        found = len(content)
    elif isinstance(content, list):
        inner, found = content, 0
    else:
        return 0
    for value in inner:
        kind = type(value)
        if kind is dict or kind is list:
            found += _count_keys(value, depth + 1)
    return found


def _count_colons(content: Any) -> int:
    """Those within keys and texts. The depth is known to be bounded."""
    if isinstance(content, str):
        return content.count(":")
    if isinstance(content, dict):
        return sum(key.count(":") + _count_colons(value) for key, value in content.items())
    if isinstance(content, list):
        return sum(map(_count_colons, content))
    return 0


def _parse_strictly(payload: bytes) -> Any:
    if json.detect_encoding(payload) not in ("utf-8", "utf-8-sig"):
        raise Refusal("invalid_encoding")
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise Refusal("invalid_utf8", f"at byte {error.start}") from None
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=read_integer,
            parse_float=read_float,
        )
    except json.JSONDecodeError as error:
        raise Refusal("invalid_json", f"{error.msg.removesuffix(' at')} at character {error.pos}") from None
    except RecursionError:
        raise Refusal("too_deep") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal("duplicate_key")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise Refusal("not_finite", text)


def read_integer(text: str) -> int:
    """Raises `Refusal("number_too_long")`."""
    # Before `int`: thousands of digits cost it quadratic time.
    if len(text) > MAX_DIGITS:
        raise Refusal("number_too_long", f"{len(text)} digits")
    return int(text)


def read_float(text: str) -> float:
    """May be infinite, which `check_value` refuses. Raises `Refusal("number_too_long")`."""
    if len(text) > MAX_DIGITS:
        raise Refusal("number_too_long", f"{len(text)} characters")
    return float(text)


def _flatten(item: dict[str, Any]) -> Iterator[tuple[str, Value]]:
    """`(dotted name, value)` of all values of an object. Names of one object are distinct."""
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


def check_name(name: str) -> None:
    """Raises the `Refusal` of a name that no metric may have."""
    _check_text(name)
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Refusal("name_invalid", ascii(name[:MAX_NAME]))


def check_value(value: Any) -> None:
    """Raises the `Refusal` of what is no value of a metric."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise Refusal("text_too_long", f"{len(value)} characters")
        _check_text(value)
    elif isinstance(value, float):
        if value - value != 0:  # NaN and the infinities alone
            raise Refusal("not_finite")
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise Refusal("out_of_range")
    else:
        raise Refusal("invalid_shape", "a value is a number, a boolean or a string")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Refusal("nul_character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Refusal("invalid_unicode") from None


def _check(content: Any, depth: int) -> None:
    """The same rules for JSON of any shape: what an answer holds."""
    if depth > MAX_DEPTH:
        raise Refusal("too_deep")
    if isinstance(content, dict):
        for key, value in content.items():
            _check_text(key)
            _check(value, depth + 1)
    elif isinstance(content, list):
        for value in content:
            _check(value, depth + 1)
    elif isinstance(content, str):
        _check_text(content)
    elif content is not None:
        check_value(content)


def _time(claimed: Any, received_at: int) -> int | None:
    """Microseconds of a device's own time; `None`, flagged in the stats, where its clock runs far ahead."""
    time = claimed_time(claimed)
    if time > received_at + FUTURE_US:
        stats.flagged.labels("time_in_future").inc()
        return None
    return time


def claimed_time(claimed: Any) -> int:
    """Microseconds of a time that is milliseconds since 1970 UTC or ISO 8601. Raises `Refusal("timestamp_invalid")`."""
    if isinstance(claimed, str):
        return _iso_time(claimed)
    if isinstance(claimed, (int, float)) and not isinstance(claimed, bool) and 0 <= claimed < _LAST_MS:
        return int(claimed * 1000)
    raise Refusal("timestamp_invalid", ascii(claimed)[:64])


def _iso_time(text: str) -> int:
    """A time without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Refusal("timestamp_invalid", ascii(text[:64])) from None
    time = (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
    if time < 0:
        raise Refusal("timestamp_invalid", ascii(text[:64]))
    return time
