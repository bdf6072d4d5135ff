"""The conventions by their names, one module each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridges.sources.convention import Convention
from bridges.sources.conventions.chirpstack import ChirpStack
from bridges.sources.conventions.esphome import ESPHome
from bridges.sources.conventions.homeassistant import HomeAssistant
from bridges.sources.conventions.homie import Homie
from bridges.sources.conventions.owntracks import OwnTracks
from bridges.sources.conventions.shelly1 import Shelly1
from bridges.sources.conventions.shelly2 import Shelly2
from bridges.sources.conventions.sparkplug import SparkplugB
from bridges.sources.conventions.tasmota import Tasmota
from bridges.sources.conventions.ttn import TheThingsStack
from bridges.sources.conventions.zigbee2mqtt import Zigbee2MQTT
from bridges.sources.filters import RESERVED
from bridges.sources.mapping.convention import MappedConvention
from devices.errors import Invalid

CONVENTIONS: dict[str, type[Convention]] = {
    "zigbee2mqtt": Zigbee2MQTT,
    "tasmota": Tasmota,
    "shelly1": Shelly1,
    "shelly2": Shelly2,
    "esphome": ESPHome,
    "homie": Homie,
    "ttn": TheThingsStack,
    "chirpstack": ChirpStack,
    "owntracks": OwnTracks,
    "sparkplug": SparkplugB,
    "homeassistant": HomeAssistant,
    "mapping": MappedConvention,
}


def make(name: str, prefix: str, options: Mapping[str, Any] | None = None) -> Convention:
    """The convention of this name for a source. Raises `Invalid` for an unknown one, or a prefix it cannot have."""
    kind = CONVENTIONS.get(name)
    if kind is None:
        raise Invalid(f"there is no convention {name!r}; there are {', '.join(CONVENTIONS)}")
    _check_prefix(prefix)
    return kind(prefix, options)


def _check_prefix(prefix: str) -> None:
    """The hub's own topics are those of devices and gateways with accounts of their own."""
    if len(prefix) > 200 or not prefix.isprintable() or set(prefix) & set("+#"):
        raise Invalid("a prefix has up to 200 printable characters, without + and #")
    if prefix.startswith(("/", "$")) or prefix.endswith("/"):
        raise Invalid("a prefix begins with neither / nor $, and does not end with /")
    if prefix.split("/")[0] in RESERVED:
        raise Invalid(f"{prefix.split('/')[0]}/ holds the hub's own topics")
