"""The line protocol of InfluxDB, which Telegraf and many firmwares send. Pure.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import re
from typing import Any

from bridges.codec.texts import read_text
from bridges.codec.values import MAX_DIGITS, read_float, read_integer
from devices.errors import Refusal

MAX_LINES = 1_000
"""Lines of one message."""

_SPACE = re.compile(r"(?:[^\\ \"]|\\.|\"(?:[^\"\\]|\\.)*\"|\"|\\$)+", re.DOTALL)
_COMMA = re.compile(r"(?:[^\\,\"]|\\.|\"(?:[^\"\\]|\\.)*\"|\"|\\$)+", re.DOTALL)
_EQUALS = re.compile(r"((?:[^\\=]|\\.|\\$)+)=(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\([ ,=\"\\])")
_WORDS = {"t": True, "T": True, "true": True, "True": True, "TRUE": True} | dict.fromkeys(
    ("f", "F", "false", "False", "FALSE"), False
)


def read_lines(payload: bytes) -> list[dict[str, Any]]:
    """Each line as `{"name", "tags", "fields", "timestamp"}`, as in JSON of Telegraf. Raises `Refusal`."""
    lines = [line for line in read_text(payload).splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) > MAX_LINES:
        raise Refusal("too_many_values", f"{len(lines)} lines")
    return [_line(line.strip(), number) for number, line in enumerate(lines, 1)]


def _line(line: str, number: int) -> dict[str, Any]:
    parts = _SPACE.findall(line)
    if not 2 <= len(parts) <= 3:
        raise _unreadable(number, "name, fields and perhaps a time are expected")
    name, *tags = _COMMA.findall(parts[0])
    fields = [_pair(each, number) for each in _COMMA.findall(parts[1])]
    found: dict[str, Any] = {
        "name": _plain(name),
        "tags": dict(_pair(tag, number) for tag in tags),
        "fields": {key: _value(text, number) for key, text in fields},
    }
    if len(parts) == 3:
        found["timestamp"] = _number(parts[2], number, whole=True)
    return found


def _pair(text: str, number: int) -> tuple[str, str]:
    found = _EQUALS.fullmatch(text)
    if found is None:
        raise _unreadable(number, f"{text[:40]!a} is not a pair")
    key, value = found.groups()
    return _plain(key), value if value.startswith('"') else _plain(value)


def _value(text: str, number: int) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        return _ESCAPED.sub(r"\1", text[1:-1])
    if text.endswith(("i", "u")):
        return _number(text[:-1], number, whole=True)
    return _number(text, number)


def _number(text: str, number: int, *, whole: bool = False) -> int | float:
    try:
        if "_" in text or len(text) > MAX_DIGITS:
            raise ValueError
        return read_integer(text) if whole else read_float(text)
    except ValueError:
        raise _unreadable(number, f"{text[:40]!a} is not a number") from None


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _unreadable(number: int, detail: str) -> Refusal:
    return Refusal("not_readable", detail, f"line {number}")
