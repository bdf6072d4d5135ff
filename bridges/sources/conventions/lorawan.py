"""What the LoRaWAN servers have in common. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bridges.codec.times import claimed_time
from devices.errors import Refusal


def time_of(text: Any) -> int | None:
    """Microseconds of an ISO time with up to nine decimals; `None` without one. Raises `Refusal`."""
    if not isinstance(text, str) or not text:
        return None
    head, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    shortened = f"{head}.{digits[:6]}{rest[len(digits) :]}" if dot else text
    time = claimed_time(shortened)
    if datetime.fromisoformat(shortened).tzinfo is None:
        raise Refusal("timestamp_invalid", ascii(text)[:64])
    return time


def radio(receptions: Any, rssi: str = "rssi", snr: str = "snr") -> dict[str, float]:
    """Signal of the gateway that received the message best."""
    found = [one for one in _objects(receptions) if isinstance(one.get(rssi), (int, float))]
    if not found:
        return {}
    best = max(found, key=lambda one: one[rssi])
    return {name: best[key] for name, key in (("rssi", rssi), ("snr", snr)) if isinstance(best.get(key), (int, float))}


def payload_of(text: Any) -> bytes | None:
    """The bytes of Base64; `None` without any. Raises `Refusal`."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("invalid_shape", "the payload is not Base64") from None


def port_of(value: Any) -> int:
    """Empty fields are left out: no port is port 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _objects(items: Any) -> Iterable[Mapping[str, Any]]:
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
