"""ESPHome, by examples."""

from __future__ import annotations

from typing import Any

import pytest

from bridges.sources.convention import SentCommand
from bridges.sources.conventions.esphome import MAX_COMPONENTS, ESPHome
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

SWITCH = ("greenhouse", "facts", {"controls.pump": "switch"})


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        ("greenhouse/status", "online", [("greenhouse", "online")]),
        ("greenhouse/status", "offline", [("greenhouse", "offline")]),
        ("greenhouse/sensor/air_temperature/state", "21.5", [("greenhouse", {"air_temperature": 21.5})]),
        ("greenhouse/sensor/air_temperature/state", "nan", []),
        ("greenhouse/sensor/air_temperature/state", "None", []),
        ("greenhouse/sensor/air_temperature/state", "", []),
        ("greenhouse/binary_sensor/door/state", "ON", [("greenhouse", {"door": True})]),
        ("greenhouse/switch/pump/state", "ON", [SWITCH, ("greenhouse", {"pump": True})]),
        ("greenhouse/text_sensor/version/state", "1", [("greenhouse", {"version": "1"})]),
        ("greenhouse/climate/room/mode/state", "heat", [("greenhouse", {"room.mode": "heat"})]),
        (
            "greenhouse/light/lamp/state",
            '{"state":"ON","brightness":180,"color_mode":"brightness"}',
            [
                (
                    "greenhouse",
                    "facts",
                    {"controls.lamp": "switch", "controls.lamp.brightness": "slider 0 255 1"},
                ),
                ("greenhouse", {"lamp": True, "lamp.brightness": 180, "lamp.color_mode": "brightness"}),
            ],
        ),
        (
            "esphome/discover/greenhouse",
            '{"ip":"192.0.2.7","name":"greenhouse","mac":"84fce6a1b2c3","board":"esp32dev","version":"2026.11.0"}',
            [
                (
                    "greenhouse",
                    "facts",
                    {"ip": "192.0.2.7", "mac": "84fce6a1b2c3", "board": "esp32dev", "version": "2026.11.0"},
                    {"name": "greenhouse"},
                )
            ],
        ),
        ("greenhouse/other/thing/state", "1", []),
    ],
)
def test_what_a_message_shows(topic: str, payload: str, found: list[tuple[Any, ...]]) -> None:
    assert heard(ESPHome(""), topic, payload) == found


def test_a_prefix_is_left_out_of_the_address() -> None:
    home = ESPHome("home/esp")
    assert "home/esp/+/+/+/state" in home.filters()
    assert heard(home, "home/esp/door/binary_sensor/lock/state", "OFF") == [("door", {"lock": False})]
    assert [each.topic for each in _after(home, "home/esp/door/switch/bell/state", "ON", {"bell": True})] == [
        "home/esp/door/switch/bell/command"
    ]


def _after(convention: ESPHome, topic: str, payload: str, args: dict[str, Any], name: str = "set") -> Any:
    heard(convention, topic, payload)
    return convention.command(topic.removeprefix("home/esp/").split("/")[0], name, args, "c1")


@pytest.mark.parametrize(
    ("topic", "state", "args", "published"),
    [
        ("green/switch/pump/state", "ON", {"pump": "off"}, ("green/switch/pump/command", b"OFF")),
        ("green/switch/pump/state", "ON", {"pump": True}, ("green/switch/pump/command", b"ON")),
        ("green/light/lamp/state", '{"state":"ON"}', {"lamp": False}, ("green/light/lamp/command", b'{"state":"OFF"}')),
        (
            "green/light/lamp/state",
            '{"state":"ON"}',
            {"lamp.brightness": 120},
            ("green/light/lamp/command", b'{"state":"ON","brightness":120}'),
        ),
        (
            "green/light/lamp/state",
            '{"state":"ON"}',
            {"lamp": "on", "lamp.brightness": 120, "lamp.color": {"r": 255}},
            ("green/light/lamp/command", b'{"state":"ON","brightness":120,"color":{"r":255}}'),
        ),
        ("green/number/target/state", "20", {"target": 21.5}, ("green/number/target/command", b"21.5")),
        ("green/select/mode/state", "eco", {"mode": "heat"}, ("green/select/mode/command", b"heat")),
    ],
)
def test_a_command_becomes_a_message(
    topic: str, state: str, args: dict[str, Any], published: tuple[str, bytes]
) -> None:
    [message] = _after(ESPHome(""), topic, state, args)
    assert (message.topic, message.payload, message.retain) == (*published, False)


def test_what_cannot_be_set_is_refused_by_name() -> None:
    convention = ESPHome("")
    with pytest.raises(Invalid, match="only be read"):
        _after(convention, "green/sensor/air/state", "1", {"air": 2})
    with pytest.raises(Invalid, match="'fan'"):
        convention.command("green", "set", {"fan": True}, "c1")
    with pytest.raises(Invalid, match="neither on nor off"):
        _after(convention, "green/switch/pump/state", "ON", {"pump": "maybe"})


def test_a_button_is_pressed() -> None:
    [message] = _after(ESPHome(""), "green/button/restart/state", "x", {}, "restart")
    assert (message.topic, message.payload) == ("green/button/restart/command", b"PRESS")


def test_a_command_is_done_once_the_state_shows_it() -> None:
    convention = ESPHome("")
    command = SentCommand("c1", "green", "set", {"pump": "off"})
    from bridges.sources.convention import Message

    on, off = (list(convention.hear(Message("green/switch/pump/state", state, 1)))[-1] for state in (b"ON", b"OFF"))
    assert not convention.done(command, on)  # type: ignore[arg-type]
    assert convention.done(command, off)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("green/status", "perhaps"), ("green/light/lamp/state", "ON"), ("green/sensor/air/state", b"\xff\xfe\x00")],
)
def test_what_cannot_be_read_is_refused(topic: str, payload: str | bytes) -> None:
    with pytest.raises(Refusal):
        heard(ESPHome(""), topic, payload)


def test_the_components_of_a_node_are_bounded() -> None:
    convention = ESPHome("")
    for number in range(MAX_COMPONENTS + 10):
        heard(convention, f"green/switch/s{number}/state", "ON")
    assert len(convention._nodes["green"]) == MAX_COMPONENTS
