"""What a person reads about each convention."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Description:
    title: str
    about: str


DESCRIPTIONS: dict[str, Description] = {
    "zigbee2mqtt": Description("Zigbee2MQTT", "Zigbee devices behind a Zigbee2MQTT bridge."),
    "tasmota": Description("Tasmota", "Plugs, switches and sensors that run Tasmota."),
    "shelly1": Description("Shelly Gen1", "Shelly devices of the first generation, with MQTT turned on."),
    "shelly2": Description("Shelly Gen2+", "Shelly Plus, Pro, Gen3 and Gen4 devices, with RPC over MQTT turned on."),
    "esphome": Description("ESPHome", "ESPHome devices with the mqtt component."),
    "homeassistant": Description(
        "Home Assistant discovery", "Devices that announce themselves with Home Assistant's MQTT discovery."
    ),
    "homie": Description("Homie", "Devices that follow the Homie convention, version 4 or 5."),
    "sparkplug": Description("Sparkplug B", "Edge nodes and devices of a plant that publish Sparkplug B."),
    "ttn": Description("The Things Network", "LoRaWAN devices of an application of The Things Stack."),
    "chirpstack": Description("ChirpStack", "LoRaWAN devices of a ChirpStack server."),
    "owntracks": Description("OwnTracks", "Phones that report their position with OwnTracks."),
    "mapping": Description("A mapping of your own", "Any other topics and payloads, which you describe with rules."),
}


def of(convention: str) -> Description:
    """A convention without a description goes by its own name."""
    return DESCRIPTIONS.get(convention) or Description(convention, "")
