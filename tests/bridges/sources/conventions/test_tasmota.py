"""Tasmota, by examples."""

from __future__ import annotations

from typing import Any

import pytest

from bridges.sources.convention import Heard, Message, SentCommand
from bridges.sources.conventions.tasmota import MAX_DEVICES, Tasmota
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

ID = "tasmota_A1B2C3"
SENSOR = (
    '{"Time":"2026-11-30T11:00:00","ENERGY":{"TotalStartTime":"2026-01-01T00:00:00","Total":3.262,"Power":[23,67],'
    '"Voltage":229},"DS18B20":{"Temperature":20.6},"TempUnit":"C"}'
)
POWER1 = (ID, "facts", {"controls.POWER1": "switch"})
STATE = (
    '{"Time":"2026-11-30T11:00:00","Uptime":"1T02:03:04","POWER1":"ON","POWER2":"OFF","Wifi":{"RSSI":72,"Signal":-64}}'
)
CONFIG = (
    '{"dn":"Boiler","fn":["Boiler",null],"mac":"DC4F22A1B2C3","md":"Sonoff Pow","sw":"14.2.0","t":"tasmota_A1B2C3",'
    '"ft":"%prefix%/%topic%/","tp":["cmnd","stat","tele"],"onln":"Online","ofln":"Offline",'
    '"state":["OFF","ON","TOGGLE","HOLD"],"rl":[1,1,0],"so":{"4":0},"dslp":0,"ver":1}'
)
ODD = (
    CONFIG.replace("%prefix%/%topic%/", "home/%topic%/%prefix%/")
    .replace("Online", "here")
    .replace('"OFF","ON"', '"aus","an"')
)


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        (f"tele/{ID}/LWT", "Online", [(ID, "online")]),
        (f"tele/{ID}/LWT", "Offline", [(ID, "offline")]),
        (
            f"tele/{ID}/SENSOR",
            SENSOR,
            [
                (
                    ID,
                    "facts",
                    {
                        "units.ENERGY.Total": "kWh",
                        "units.ENERGY.Power.0": "W",
                        "units.ENERGY.Power.1": "W",
                        "units.ENERGY.Voltage": "V",
                        "units.DS18B20.Temperature": "°C",
                    },
                ),
                (
                    ID,
                    {
                        "ENERGY.Total": 3.262,
                        "ENERGY.Power.0": 23,
                        "ENERGY.Power.1": 67,
                        "ENERGY.Voltage": 229,
                        "DS18B20.Temperature": 20.6,
                    },
                ),
            ],
        ),
        (
            f"tele/{ID}/STATE",
            STATE,
            [
                (
                    ID,
                    "facts",
                    {"controls.POWER1": "switch", "controls.POWER2": "switch", "units.Wifi.Signal": "dBm"},
                ),
                (ID, {"POWER1": True, "POWER2": False, "Wifi.RSSI": 72, "Wifi.Signal": -64}),
            ],
        ),
        (f"stat/{ID}/RESULT", '{"POWER1":"OFF"}', [POWER1, (ID, {"POWER1": False})]),
        (f"stat/{ID}/RESULT", '{"Command":"Unknown"}', []),
        (f"stat/{ID}/POWER1", '{"POWER1":"OFF"}', [POWER1, (ID, {"POWER1": False})]),
        (f"stat/{ID}/DIMMER", '{"Dimmer":40}', []),
        (f"tele/{ID}/LWT", "", []),
        (
            f"tele/{ID}/SENSOR",
            '{"Shutter1":{"Position":50,"Direction":0}}',
            [
                (ID, "facts", {"controls.Shutter1.Position": "slider 0 100 1"}),
                (ID, {"Shutter1.Position": 50, "Shutter1.Direction": 0}),
            ],
        ),
        (f"stat/{ID}/POWER1", "OFF", [(ID, {"POWER1": False})]),
        (f"stat/{ID}/STATUS8", "{}", []),
        (f"cmnd/{ID}/POWER1", "OFF", []),
        (
            "tasmota/discovery/DC4F22A1B2C3/config",
            CONFIG,
            [
                (
                    ID,
                    "facts",
                    {
                        "model": "Sonoff Pow",
                        "firmware": "14.2.0",
                        "mac": "DC4F22A1B2C3",
                        "controls.POWER1": "switch",
                        "controls.POWER2": "switch",
                    },
                    {"name": "Boiler"},
                )
            ],
        ),
        ("tasmota/discovery/DC4F22A1B2C3/sensors", '{"sn":{"Time":"…"},"ver":1}', []),
    ],
)
def test_what_a_message_shows(topic: str, payload: str, found: list[tuple[Any, ...]]) -> None:
    assert heard(Tasmota(""), topic, payload) == found


def test_topics_and_words_are_those_that_a_device_announces() -> None:
    convention = Tasmota("")
    heard(convention, "tasmota/discovery/DC4F22A1B2C3/config", ODD)
    assert {f"home/{ID}/stat/#", f"home/{ID}/tele/#"} <= set(convention.filters())
    assert f"home/{ID}/cmnd/#" in convention.command_filters()
    assert heard(convention, f"home/{ID}/tele/LWT", "here") == [(ID, "online")]
    assert heard(convention, f"home/{ID}/stat/POWER2", "an") == [(ID, {"POWER2": True})]
    [message] = convention.command(ID, "set", {"POWER2": "off"}, "c1")
    assert (message.topic, message.payload) == (f"home/{ID}/cmnd/POWER2", b"OFF")


@pytest.mark.parametrize(
    ("relays", "controls"),
    [
        ('"rl":[3,3,1]', {"controls.POWER3": "switch"}),
        ('"rl":[1,0]', {"controls.POWER": "switch"}),
        ('"rl":[2,0],"lt_st":1', {"controls.POWER": "switch", "controls.Dimmer": "slider 0 100 1"}),
    ],
)
def test_controls_have_the_numbers_of_their_relays(relays: str, controls: dict[str, str]) -> None:
    config = CONFIG.replace('"rl":[1,1,0]', relays)
    [(_, _, facts, _)] = heard(Tasmota(""), "tasmota/discovery/DC4F22A1B2C3/config", config)
    assert {name: value for name, value in facts.items() if name.startswith("controls.")} == controls


def test_answers_may_be_on_the_topics_of_their_commands() -> None:
    convention = Tasmota("")
    heard(convention, "tasmota/discovery/DC4F22A1B2C3/config", CONFIG.replace('"4":0', '"4":1'))
    assert heard(convention, f"stat/{ID}/DIMMER", '{"Dimmer":40}') == [(ID, {"Dimmer": 40})]
    assert heard(convention, f"stat/{ID}/STATUS8", '{"StatusSNS":{}}') == []


def test_a_device_that_sleeps_is_not_offline() -> None:
    convention = Tasmota("")
    heard(convention, "tasmota/discovery/DC4F22A1B2C3/config", CONFIG.replace('"dslp":0', '"dslp":1'))
    assert heard(convention, f"tele/{ID}/LWT", "Offline") == []
    assert heard(convention, f"tele/{ID}/LWT", "Online") == [(ID, "online")]


def test_a_device_whose_announcement_is_deleted_is_gone() -> None:
    convention = Tasmota("")
    heard(convention, "tasmota/discovery/DC4F22A1B2C3/config", ODD)
    assert heard(convention, "tasmota/discovery/DC4F22A1B2C3/config", "") == [(ID, "gone")]
    assert f"home/{ID}/stat/#" not in convention.filters()


def test_a_prefix_is_left_out_of_the_address() -> None:
    convention = Tasmota("house")
    assert heard(convention, "house/tele/lamp/LWT", "Online") == [("lamp", "online")]
    assert heard(convention, "tele/lamp/LWT", "Online") == []
    assert convention.command("lamp", "set", {"POWER": "ON"}, "c1")[0].topic == "house/cmnd/lamp/POWER"


@pytest.mark.parametrize(
    ("name", "args", "topic", "payload"),
    [
        ("set", {"POWER1": "off"}, "POWER1", b"OFF"),
        ("set", {"POWER": True}, "POWER", b"ON"),
        ("set", {"POWER": "toggle"}, "POWER", b"TOGGLE"),
        ("set", {"Dimmer": 40}, "Dimmer", b"40"),
        ("set", {"Shutter1.Position": 30}, "ShutterPosition1", b"30"),
        ("TelePeriod", {"value": 60}, "TelePeriod", b"60"),
        ("Restart", {}, "Restart", b""),
    ],
)
def test_a_command_becomes_a_message(name: str, args: dict[str, Any], topic: str, payload: bytes) -> None:
    [message] = Tasmota("").command(ID, name, args, "c1")
    assert (message.topic, message.payload, message.retain) == (f"cmnd/{ID}/{topic}", payload, False)


@pytest.mark.parametrize(
    ("name", "args"), [("set", {"POWER": "perhaps"}), ("set", {"a/b": 1}), ("x/y", {}), ("A", {"a": 1, "b": 2})]
)
def test_what_cannot_be_sent_is_refused_by_name(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Tasmota("").command(ID, name, args, "c1")


@pytest.mark.parametrize(
    ("args", "state", "is_done"),
    [
        ({"POWER1": "off"}, '{"POWER1":"OFF"}', True),
        ({"POWER1": "off"}, '{"POWER1":"ON"}', False),
        ({"POWER1": "off"}, '{"POWER":"OFF"}', True),
        ({"POWER": "TOGGLE"}, '{"POWER":"ON"}', True),
        ({"POWER": "TOGGLE"}, '{"Dimmer":1}', False),
    ],
)
def test_a_command_is_done_once_the_state_shows_it(args: dict[str, Any], state: str, is_done: bool) -> None:
    convention = Tasmota("")
    last = list(convention.hear(Message(f"stat/{ID}/RESULT", state.encode(), 1)))[-1]
    assert isinstance(last, Heard)
    assert convention.done(SentCommand("c1", ID, "set", args), last) is is_done


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (f"tele/{ID}/SENSOR", "no JSON"),
        (f"tele/{ID}/SENSOR", "[1]"),
        (f"tele/{ID}/LWT", "perhaps"),
        ("tasmota/discovery/DC4F22A1B2C3/config", '{"t":"#"}'),
        ("tasmota/discovery/DC4F22A1B2C3/config", "{}"),
    ],
)
def test_what_cannot_be_read_is_refused(topic: str, payload: str) -> None:
    with pytest.raises(Refusal):
        heard(Tasmota(""), topic, payload)


def test_announcements_are_bounded() -> None:
    convention = Tasmota("")
    for number in range(MAX_DEVICES + 5):
        config = ODD.replace("tasmota_A1B2C3", f"t{number}")
        heard(convention, f"tasmota/discovery/{number:012X}/config", config)
    assert len(convention._announced) == MAX_DEVICES
    assert len(convention._beginnings) == 2 * MAX_DEVICES
