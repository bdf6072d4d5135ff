"""Zigbee2MQTT, by examples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridges.sources.convention import Heard, Message, SentCommand
from bridges.sources.conventions.zigbee2mqtt import MAX_EARLY, MAX_MEMBERS, Zigbee2MQTT
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

SENSOR, LAMP = "0x00158d0001a2b3c4", "0x00158d0001a2b3c5"
LIGHT = {
    "type": "light",
    "features": [
        {"type": "binary", "property": "state", "value_on": "ON", "value_off": "OFF", "access": 7},
        {"type": "numeric", "property": "brightness", "value_min": 0, "value_max": 254, "access": 7},
        {"type": "composite", "property": "color", "features": [{"type": "numeric", "property": "x", "access": 7}]},
    ],
}
TEMPERATURE = {"type": "numeric", "property": "temperature", "unit": "°C", "access": 1}
DEVICES: list[dict[str, Any]] = [
    {"ieee_address": "0x00124b0000000000", "type": "Coordinator", "friendly_name": "Coordinator"},
    {
        "ieee_address": SENSOR,
        "type": "EndDevice",
        "friendly_name": "kitchen sensor",
        "supported": True,
        "definition": {"vendor": "Acme", "model": "TH1", "exposes": [TEMPERATURE]},
    },
    {
        "ieee_address": LAMP,
        "type": "Router",
        "friendly_name": "kitchen/lamp",
        "definition": {
            "vendor": "Acme",
            "model": "L1",
            "exposes": [LIGHT, {"type": "enum", "property": "effect", "values": ["blink", "breathe"], "access": 2}],
        },
    },
    {"ieee_address": "0x1", "type": "EndDevice", "friendly_name": "kitchen", "definition": None},
]
GROUPS = [{"id": 1, "friendly_name": "all lamps", "members": []}]


@pytest.fixture
def bridge() -> Zigbee2MQTT:
    convention = Zigbee2MQTT("")
    heard(convention, "zigbee2mqtt/bridge/devices", json.dumps(DEVICES))
    heard(convention, "zigbee2mqtt/bridge/groups", json.dumps(GROUPS))
    return convention


JOIN = "bridge/request/permit_join"
VIA = {"via": "bridge"}


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        (
            "kitchen sensor",
            '{"temperature":21.3,"humidity":44.7,"battery":100,"linkquality":87,"action":"","update":null}',
            [(SENSOR, {"temperature": 21.3, "humidity": 44.7, "battery": 100, "linkquality": 87}, VIA)],
        ),
        (
            "kitchen/lamp",
            '{"state":"ON","brightness":180,"color":{"x":0.41,"y":0.35},"color_mode":"xy"}',
            [(LAMP, {"state": True, "brightness": 180, "color.x": 0.41, "color.y": 0.35, "color_mode": "xy"}, VIA)],
        ),
        (
            "kitchen sensor",
            '{"temperature":21.3,"last_seen":"2026-11-30T11:00:00.5+01:00"}',
            [(SENSOR, {"temperature": 21.3}, 1_796_032_800_500_000, VIA)],
        ),
        ("kitchen sensor/temperature", "21.3", [(SENSOR, {"temperature": 21.3}, VIA)]),
        ("kitchen/lamp/color-x", "0.41", [(LAMP, {"color.x": 0.41}, VIA)]),
        ("kitchen/lamp/state", "ON", [(LAMP, {"state": True}, VIA)]),
        ("bridge/state", "", []),
        ("kitchen/lamp/availability", '{"state":"online"}', [(LAMP, "online", VIA)]),
        ("kitchen/lamp/availability", "offline", [(LAMP, "offline", VIA)]),
        ("kitchen", '{"contact":true}', [("0x1", {"contact": True}, VIA)]),
        ("all lamps", '{"state":"OFF"}', [("group-1", {"state": False}, VIA)]),
        ("kitchen/lamp/set", '{"state":"OFF"}', []),
        ("kitchen/lamp/get", '{"state":""}', []),
        ("kitchen/lamp", "no JSON", [(LAMP, "rejected", "invalid_json")]),
        ("kitchen/lamp", "", []),
        ("bridge/event", json.dumps({"type": "device_leave", "data": {"ieee_address": SENSOR}}), [(SENSOR, "gone")]),
        (
            "bridge/info",
            '{"version":"2.1.0","permit_join":false}',
            [("bridge", "facts", {"firmware": "2.1.0"}), ("bridge", {"permit_join": False})],
        ),
        (
            "bridge/response/permit_join",
            '{"status":"ok","data":{"value":true},"transaction":"h7"}',
            [("bridge", "answer", "h7", True, {"value": True})],
        ),
    ],
)
def test_what_a_message_shows(bridge: Zigbee2MQTT, topic: str, payload: str, found: list[tuple[Any, ...]]) -> None:
    assert heard(bridge, f"zigbee2mqtt/{topic}", payload) == found


def test_a_list_gives_names_units_ranges_and_controls() -> None:
    facts = {
        "vendor": "Acme",
        "model": "L1",
        "ieee_address": LAMP,
        "controls.state": "switch",
        "controls.brightness": "slider 0 254 1",
        "controls.effect": "choice blink breathe",
    }
    found = heard(Zigbee2MQTT(""), "zigbee2mqtt/bridge/devices", json.dumps(DEVICES))
    assert found == [
        (
            SENSOR,
            "facts",
            {"vendor": "Acme", "model": "TH1", "ieee_address": SENSOR, "units.temperature": "°C"},
            {"name": "kitchen sensor", "via": "bridge"},
        ),
        (LAMP, "facts", facts, {"name": "kitchen/lamp", "via": "bridge"}),
        ("0x1", "facts", {"ieee_address": "0x1"}, {"name": "kitchen", "via": "bridge"}),
    ]


def test_states_that_come_before_the_list_are_not_lost() -> None:
    convention = Zigbee2MQTT("")
    assert heard(convention, "zigbee2mqtt/kitchen/lamp", '{"state":"ON"}', retained=True) == []
    found = heard(convention, "zigbee2mqtt/bridge/devices", json.dumps(DEVICES))
    assert (LAMP, {"state": True}, VIA) in found
    for number in range(MAX_EARLY + 5):
        heard(convention, f"zigbee2mqtt/unknown{number}", "{}")
    assert len(convention._early) == MAX_EARLY


def test_the_bridge_makes_its_devices_unreachable(bridge: Zigbee2MQTT) -> None:
    found = heard(bridge, "zigbee2mqtt/bridge/state", '{"state":"offline"}')
    assert found[0] == ("bridge", "offline", {"name": "Zigbee2MQTT zigbee2mqtt"})
    away = [(address, "offline", "via", "bridge", VIA) for address in (SENSOR, LAMP, "0x1", "group-1")]
    assert found[2:] == away
    assert heard(bridge, "zigbee2mqtt/bridge/state", "online")[2] == (SENSOR, "online", "via", "bridge", VIA)


@pytest.mark.parametrize("state", ["online", "offline"])
def test_the_state_of_the_bridge_counts_for_devices_listed_later(state: str) -> None:
    convention = Zigbee2MQTT("")
    heard(convention, "zigbee2mqtt/bridge/state", json.dumps({"state": state}), retained=True)
    found = heard(convention, "zigbee2mqtt/bridge/devices", json.dumps(DEVICES), retained=True)
    assert [one for one in found if one[1] == state] == [
        (address, state, "via", "bridge", VIA) for address in (SENSOR, LAMP, "0x1")
    ]


def test_a_renamed_device_keeps_its_address(bridge: Zigbee2MQTT) -> None:
    renamed = [{**each, "friendly_name": "hall"} if each["ieee_address"] == LAMP else each for each in DEVICES]
    [found] = heard(bridge, "zigbee2mqtt/bridge/devices", json.dumps(renamed))
    assert (found[0], found[-1]) == (LAMP, {"name": "hall", "via": "bridge"})
    assert heard(bridge, "zigbee2mqtt/hall", '{"state":"OFF"}') == [(LAMP, {"state": False}, VIA)]
    gone = heard(bridge, "zigbee2mqtt/bridge/devices", json.dumps(renamed[:2]))
    assert sorted(gone) == [(LAMP, "gone"), ("0x1", "gone")]


@pytest.mark.parametrize(
    ("address", "args", "topic", "content"),
    [
        (LAMP, {"state": "OFF", "transition": 2}, "kitchen/lamp/set", {"state": "OFF", "transition": 2}),
        (LAMP, {"state": False}, "kitchen/lamp/set", {"state": "OFF"}),
        (LAMP, {"state": "on", "brightness": 100}, "kitchen/lamp/set", {"state": "ON", "brightness": 100}),
        (LAMP, {"state": "TOGGLE"}, "kitchen/lamp/set", {"state": "TOGGLE"}),
        (LAMP, {"color.x": 0.4, "color.y": 0.3}, "kitchen/lamp/set", {"color": {"x": 0.4, "y": 0.3}}),
        ("group-1", {"state": True}, "all lamps/set", {"state": "ON"}),
        (
            "bridge",
            {"permit_join": True},
            "bridge/request/permit_join",
            {"value": True, "time": 254, "transaction": "h7"},
        ),
        (
            "bridge",
            {"permit_join": "off"},
            "bridge/request/permit_join",
            {"value": False, "time": 0, "transaction": "h7"},
        ),
    ],
)
def test_a_command_becomes_a_message(
    bridge: Zigbee2MQTT, address: str, args: dict[str, Any], topic: str, content: dict[str, Any]
) -> None:
    [message] = bridge.command(address, "set", args, "h7")
    assert (message.topic, json.loads(message.payload), message.retain) == (f"zigbee2mqtt/{topic}", content, False)


@pytest.mark.parametrize(
    ("address", "name", "args"), [("0x9", "set", {"state": 1}), (LAMP, "fly", {}), ("bridge", "set", {"a": 1})]
)
def test_what_cannot_be_sent_is_refused_by_name(
    bridge: Zigbee2MQTT, address: str, name: str, args: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        bridge.command(address, name, args, "h7")


def test_an_error_in_the_log_fails_the_command(bridge: Zigbee2MQTT) -> None:
    bridge.command(LAMP, "set", {"state": "OFF"}, "h7")
    error = "Publish 'set' 'state' to 'kitchen/lamp' failed: no answer"
    log = json.dumps({"level": "error", "message": error})
    assert heard(bridge, "zigbee2mqtt/bridge/logging", log) == [(LAMP, "answer", "h7", False, error, VIA)]
    assert heard(bridge, "zigbee2mqtt/bridge/logging", log) == []


@pytest.mark.parametrize(
    ("args", "state", "is_done"),
    [
        ({"state": "OFF"}, {"state": "OFF"}, True),
        ({"state": "OFF"}, {"state": "ON"}, False),
        ({"state": "TOGGLE"}, {"state": "ON"}, True),
        ({"brightness": 128}, {"brightness": 127}, True),
        ({"brightness": 128}, {"brightness": 120}, False),
        ({"state": "OFF"}, {"linkquality": 9}, False),
    ],
)
def test_a_command_is_done_once_the_state_shows_it(
    bridge: Zigbee2MQTT, args: dict[str, Any], state: dict[str, Any], is_done: bool
) -> None:
    [found] = bridge.hear(Message("zigbee2mqtt/kitchen/lamp", json.dumps(state).encode(), 1))
    assert isinstance(found, Heard)
    assert bridge.done(SentCommand("h7", LAMP, "set", args), found) is is_done


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("bridge/devices", "{}"), ("bridge/devices", "no JSON"), ("bridge/state", "perhaps"), ("bridge/groups", b"\xff")],
)
def test_what_cannot_be_read_is_refused(topic: str, payload: str | bytes) -> None:
    with pytest.raises(Refusal):
        heard(Zigbee2MQTT(""), f"zigbee2mqtt/{topic}", payload)


def test_the_devices_of_a_bridge_are_bounded() -> None:
    many = [{"ieee_address": f"0x{i}", "friendly_name": f"d{i}"} for i in range(MAX_MEMBERS + 50)]
    convention = Zigbee2MQTT("")
    assert heard(convention, "zigbee2mqtt/bridge/devices", json.dumps(many))[0] == ("", "rejected", "too_many_values")
