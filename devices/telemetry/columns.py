"""Conversion between a value and the columns `number` and `text` of `Reading`. Pure."""

from __future__ import annotations

from devices.values import Value

_EXACT = 2**53


def to_columns(value: Value) -> tuple[float | None, str | None]:
    """`(number, text)` of a value."""
    if isinstance(value, float):
        return value, None
    if isinstance(value, bool):
        return (1.0, "true") if value else (0.0, "false")
    if isinstance(value, str):
        return None, value
    if isinstance(value, int) and not -_EXACT <= value <= _EXACT:
        return float(value), str(value)
    return float(value), None


def from_columns(number: float | None, text: str | None) -> Value:
    """The value that `to_columns` turned into these; whole numbers come back as `int`."""
    if number is None:
        return text or ""
    if text is not None:
        return text == "true" if text in ("true", "false") else int(text)
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number
