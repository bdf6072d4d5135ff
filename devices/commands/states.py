"""Whether a device reports the state that a command asked for. Pure."""

from __future__ import annotations

import math
from typing import Any

_ON, _OFF = ("on", "true", "1", "1.0"), ("off", "false", "0", "0.0")
TOLERANCE = 1e-3
"""Relative difference of numbers: devices round, and many calculate with single precision."""
NEAR_ZERO = 1e-6


def agree(wanted: Any, reported: Any) -> bool:
    """`true`, `1` and `"ON"` are the same, and so are `21.5` and `"21.50"`, and texts that differ in case only."""
    if (on := _switch(wanted)) is not None and on is _switch(reported):
        return True
    a, b = _number(wanted), _number(reported)
    if a is not None and b is not None:
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=NEAR_ZERO)
    return _text(wanted) == _text(reported)


def _text(value: Any) -> str:
    return str(value).strip().casefold()


def _switch(value: Any) -> bool | None:
    text = _text(value)
    return True if text in _ON else False if text in _OFF else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
