"""Cells of a CSV file: times, names and values as text and back, without loss.

Numbers stand as they are, booleans as `true` or `false`. A text that a spreadsheet would run as a formula, or that
would be read as something else ("21.5", "true", ""), is written with an apostrophe in front, which reading removes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from bridges.codec.times import claimed_time
from bridges.codec.values import check_value, read_float, read_integer
from devices.errors import Refusal
from devices.values import Value

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""The characters a formula may begin with; in some languages spreadsheets accept the wide forms too."""
_BOOLEANS = {"true": True, "false": False}
_NOT_FINITE = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_TO_QUOTE = re.compile(r'[",;\t\r\n]')
_EXACT = 2**53


class TimeFormatter:
    """Microseconds since 1970 to ISO 8601 in UTC, with milliseconds, or with microseconds if there are any."""

    def __init__(self) -> None:
        self._second, self._text = -1, ""

    def text(self, time: int) -> str:
        """`2026-01-01T00:00:00.000Z` for a time in microseconds."""
        second, fraction = divmod(time, 1_000_000)
        if second != self._second:  # costs more than the rest of the line, and neighbouring readings share it
            self._second, self._text = second, datetime.fromtimestamp(second, UTC).isoformat()[:19]
        return f"{self._text}.{fraction:06}Z" if fraction % 1000 else f"{self._text}.{fraction // 1000:03}Z"


def read_time(cell: str) -> int:
    """Microseconds of milliseconds since 1970 or ISO 8601. Raises `Refusal("timestamp_invalid")`."""
    plain = cell.strip()
    return claimed_time(read_integer(plain) if _INTEGER.fullmatch(plain) else plain)


def write_stored(number: float | None, text: str | None) -> str:
    """The cell of a reading, given its columns in the database (see `Reading`)."""
    if number is None:
        return write_text(text or "")
    if text is not None:  # a boolean, or an integer that a double would round
        return text
    if number.is_integer() and abs(number) <= _EXACT and (number or repr(number) == "0.0"):
        return str(int(number))
    return repr(number)


def write_text(text: str) -> str:
    """The cell of a string value or of a metric's name."""
    escaped = f"'{text}" if text.startswith(("'", *_FORMULA)) or _reads_otherwise(text) else text
    return quote(escaped)


def read_text(cell: str) -> str:
    """The string value or name in a cell that `write_text` may have written."""
    return cell.removeprefix("'")


def read_value(cell: str, decimal_comma: bool = False) -> Value | None:
    """The value of a cell; `None` for an empty one. Raises the `Refusal` of anything else."""
    if cell.startswith("'"):
        value: Value = cell[1:]
    else:
        plain = cell.strip()
        if not plain:
            return None
        value = _number(plain.replace(",", ".") if decimal_comma else plain)
        if isinstance(value, str):
            value = _BOOLEANS.get(plain.lower(), cell)
    check_value(value)
    return value


def quote(cell: str) -> str:
    """The cell in double quotes if CSV requires them."""
    return '"' + cell.replace('"', '""') + '"' if _TO_QUOTE.search(cell) else cell


def _number(plain: str) -> Value:
    """The number, or the text itself if it is not a number."""
    if _INTEGER.fullmatch(plain):
        return read_integer(plain)
    if _NUMBER.fullmatch(plain):
        return read_float(plain)
    if plain.lower() in _NOT_FINITE:
        raise Refusal("not_finite", plain)
    return plain


def _reads_otherwise(text: str) -> bool:
    plain = text.strip()
    lower = plain.lower()
    return not plain or lower in _BOOLEANS or lower in _NOT_FINITE or _NUMBER.fullmatch(plain) is not None
