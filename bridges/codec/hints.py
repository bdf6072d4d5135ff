"""What a payload that is not JSON may have been meant to be: its refusal says what to send instead."""

from __future__ import annotations

import re

from devices.errors import Refusal

_NO_VALUE = {"nan", "inf", "-inf", "none", "null", "unknown", "unavailable", "undefined"}
_WORD = re.compile(r"[^\s{}\[\]\"':,=<>]{1,40}")
_PAIRS = r"[^\s=,]+=[^\s,]+(?:,[^\s=,]+=[^\s,]+)*"
_LINE_PROTOCOL = re.compile(rf"[^\s,{{}}\[\]\"']+(?:,{_PAIRS})? {_PAIRS}(?: -?[0-9]+)?")
_LONGEST = 4_096
"""Bytes of a payload in which anything is looked for."""


def with_hint(refusal: Refusal, payload: bytes) -> Refusal:
    """The refusal of telemetry, with a hint if it is not JSON and looks like something known."""
    if refusal.reason != "invalid_json" or len(payload) > _LONGEST:
        return refusal
    hint = _hint(payload.decode(errors="replace").strip())
    return Refusal(refusal.reason, f"{refusal.detail}; {hint}", refusal.key) if hint else refusal


def _hint(text: str) -> str:
    if text.lower() in _NO_VALUE:
        return "there is no value in it"
    if _WORD.fullmatch(text) and text.isprintable():  # for the log
        return f'send {{"value": "{text}"}}'
    if _LINE_PROTOCOL.fullmatch(text.partition("\n")[0].strip()):
        return "it looks like InfluxDB line protocol"
    if text.startswith("<"):
        return "it looks like XML"
    return ""
