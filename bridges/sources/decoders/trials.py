"""Scripts that somebody tries: on one payload, and on the test vectors that vendors publish with them."""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from bridges.codec import payloads
from bridges.sources.decoders.calls import Call, Outcome
from bridges.sources.decoders.pool import pool, refusal_of
from devices.errors import Invalid, Refusal
from devices.runtime.concurrency import ConcurrencyLimit
from devices.values import Telemetry, now_us

MAX_TRIALS = 4
"""At once in one web process, one of each person: a script that loops takes a worker's time."""
MAX_BYTES = 4_096
"""Bytes of a payload that is tried."""
trying = ConcurrencyLimit("trials of decoders", MAX_TRIALS, 1)
_BETWEEN = re.compile(r"0x|[\s,:-]+", re.IGNORECASE)


def payload_of(text: str) -> bytes:
    """Bytes in hexadecimal; blanks, commas, colons and `0x` may stand between them. Raises `Invalid`."""
    try:
        found = bytes.fromhex(_BETWEEN.sub("", text))
    except ValueError:
        raise Invalid("bytes: hexadecimal digits, two for each byte") from None
    if len(found) > MAX_BYTES:
        raise Invalid(f"bytes: up to {MAX_BYTES:,}")
    return found


async def run(
    person: int, script: str, payload: bytes | None, f_port: int, examples: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The outcomes in the form of the HTTP API. Raises `Invalid` for an example that is none, and
    `TooMany`."""
    now = now_us()
    calls = [_call(number, example, f_port, now) for number, example in enumerate(examples, 1)]
    if payload is not None:
        calls.append(Call(payload, f_port, now // 1000, trial=True))
    with trying.of(person):
        outcomes = await pool().run(f"trial of {person}", script, calls) if calls else []
    return {
        "result": None if payload is None else _tried(outcomes[-1], now),
        "examples": [_compared(*both) for both in zip(examples, outcomes, strict=False)],
    }


def _call(number: int, example: dict[str, Any], f_port: int, now: int) -> Call:
    """Of `{type, input: {bytes, fPort}}`, or `{bytes, fPort}`. Raises `Invalid`."""
    given = example.get("input", example)
    if not isinstance(given, dict):
        raise Invalid(f"example {number}: `input` is an object")
    if example.get("type") == "downlink-encode":
        data = given.get("data", {})
        return Call(msgspec.json.encode(data), is_downlink=True)
    content, port = given.get("bytes"), given.get("fPort", f_port)
    try:
        payload = payload_of(content) if isinstance(content, str) else bytes(content or [])
        return Call(payload[:MAX_BYTES], int(port) & 255, now // 1000)
    except (TypeError, ValueError, binascii.Error):
        raise Invalid(f"example {number}: `bytes` are numbers from 0 to 255 or hexadecimal digits") from None


def _compared(example: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    expected = example.get("output", {"data": example.get("data")})
    got = _returned(outcome)
    wanted = expected.get("data") if isinstance(expected, dict) else expected
    if example.get("type") == "downlink-encode":
        wanted = {key: expected.get(key) for key in ("bytes", "fPort")} if isinstance(expected, dict) else expected
    if isinstance(expected, dict) and expected.get("errors"):
        passed = outcome.reason in ("decoder_error", "decoder_failed")
    else:
        passed = not outcome.reason and _alike(wanted, got)
    return {
        "description": str(example.get("description", "")),
        "passed": passed,
        "expected": expected if passed or wanted is None else wanted,
        "got": got,
        "errors": _errors(outcome),
    }


def _alike(expected: Any, got: Any) -> bool:
    """Equal, but for what no decimal number holds exactly."""
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, (int, float)) and isinstance(got, (int, float)):
        return abs(expected - got) <= 1e-9 * max(1.0, abs(expected))
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(_alike(value, got[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(_alike, expected, got))
    return bool(expected == got)


def _returned(outcome: Outcome) -> Any:
    """`data` of the script, without what `normalizeUplink` adds; the bytes of a downlink."""
    if outcome.reason:
        return None
    found = msgspec.json.decode(outcome.json)
    if isinstance(found, list):
        found = found[0]
    return found.get("values", found)


def _tried(outcome: Outcome, now: int) -> dict[str, Any]:
    telemetry = Telemetry((), now)
    errors = _errors(outcome)
    if not outcome.reason:
        try:
            telemetry = payloads.decode_telemetry(outcome.json, now)
        except Refusal as refusal:
            errors = [{"reason": refusal.reason, "message": refusal.message, "line": None}]
    return {
        "data": _returned(outcome),
        "samples": [
            {"metric": one.metric, "value": one.value, "time": None if one.time is None else one.time // 1000}
            for one in telemetry.samples
        ],
        "skipped": [refusal.message for refusal, _ in telemetry.skipped or ()],
        "warnings": outcome.warnings,
        "errors": errors,
        "console": outcome.console,
        "us": outcome.us,
    }


def _errors(outcome: Outcome) -> list[dict[str, Any]]:
    if not outcome.reason:
        return []
    return [{"reason": outcome.reason, "message": refusal_of(outcome).message, "line": outcome.line or None}]
