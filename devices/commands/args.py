"""The arguments of commands: what is accepted, and the metrics that they may name. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from devices.errors import Invalid

MAX_ARGS_BYTES = 16 * 1024
MAX_ARGS_DEPTH = 8


def check(args: dict[str, Any]) -> None:
    """Raises `Invalid`."""
    _check_nesting(args, 1)
    try:
        encoded = msgspec.json.encode(args)
    except UnicodeEncodeError:
        raise Invalid("args contain text that is not valid Unicode") from None
    if len(encoded) > MAX_ARGS_BYTES:
        raise Invalid(f"args have more than {MAX_ARGS_BYTES} bytes")
    if b"\\u0000" in encoded:
        raise Invalid("args contain the NUL character")


def by_metric(args: dict[str, Any]) -> dict[str, Any]:
    """The arguments by the names that telemetry of this form would have: `{"light": {"on": true}}` is `light.on`."""
    return dict(_flat(args, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif value is not None:
        yield name, value


def _check_nesting(value: Any, depth: int) -> None:
    """Refuses deep nesting, which a short text can hold and which breaks whatever walks through it, and NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid("args contain a number that is NaN or infinite")
    if isinstance(value, (dict, list)):
        if depth > MAX_ARGS_DEPTH:
            raise Invalid(f"args are nested more than {MAX_ARGS_DEPTH} levels deep")
        for inner in value.values() if isinstance(value, dict) else value:
            _check_nesting(inner, depth + 1)
