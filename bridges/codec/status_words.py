"""The words by which devices report that they are online or offline."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from bridges.codec.json_reading import parse
from bridges.codec.texts import read_text
from devices.errors import Refusal

_WORDS = {
    # In lower case. Tasmota sends Online, Shelly true, Zigbee2MQTT {"state": "online"}.
    "online": True,
    "offline": False,
    "true": True,
    "false": False,
    "on": True,
    "off": False,
    "1": True,
    "0": False,
}


def word(text: str) -> bool | None:
    """What one of the words stands for, whatever its case; `None` for another text."""
    return _WORDS.get(text.lower())


def is_online(payload: bytes) -> bool:
    """What a status says. Raises the `Refusal` of one that is neither online nor offline."""
    text = read_text(payload)
    known = word(text)
    if known is None:
        known = _WORDS.get(_word_in_json(payload))
    if known is None:
        raise Refusal("invalid_shape", f"a status is online or offline, not {text[:40]!a}")
    return known


def _word_in_json(payload: bytes) -> str:
    """The word of a status in JSON: a string, or an object with `state`."""
    content: Any = None
    with suppress(Refusal):
        content = parse(payload)
    if isinstance(content, dict):
        content = content.get("state")
    return str(content).strip().lower()
