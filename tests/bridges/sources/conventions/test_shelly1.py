"""Shelly of the first generation, by examples."""

from __future__ import annotations

from typing import Any

import pytest

from bridges.sources.convention import Heard, Message, SentCommand
from bridges.sources.conventions.shelly1 import Shelly1
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

ID = "shelly1pm-A1B2C3"
RELAY = (ID, "facts", {"controls.relay.0": "switch"})


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        (f"{ID}/online", "true", [(ID, "online")]),
        (f"{ID}/online", "false", [(ID, "offline")]),
        (f"{ID}/relay/0", "on", [RELAY, (ID, {"relay.0": True})]),
        (f"{ID}/relay/0", "overpower", [RELAY, (ID, {"relay.0": False, "relay.0.overpower": True})]),
        (f"{ID}/relay/0/power", "23.41", [(ID, "facts", {"units.relay.0.power": "W"}), (ID, {"relay.0.power": 23.41})]),
        (f"{ID}/temperature", "48.2", [(ID, "facts", {"units.temperature": "°C"}), (ID, {"temperature": 48.2})]),
        (f"{ID}/overtemperature", "0", [(ID, {"overtemperature": False})]),
        (f"{ID}/input/0", "1", [(ID, {"input.0": True})]),
        (
            f"{ID}/input_event/0",
            '{"event":"S","event_cnt":7}',
            [(ID, {"input_event.0.event": "S", "input_event.0.event_cnt": 7})],
        ),
        (
            "shellydimmer2-A1B2C3/light/0/status",
            '{"ison":true,"mode":"white","brightness":60}',
            [("shellydimmer2-A1B2C3", {"light.0.ison": True, "light.0.mode": "white", "light.0.brightness": 60})],
        ),
        (
            "announce",
            f'{{"id":"{ID}","model":"SHSW-PM","mac":"A1B2C3","ip":"192.0.2.3","new_fw":false,"fw_ver":"v1.14.0"}}',
            [(ID, "facts", {"model": "SHSW-PM", "firmware": "v1.14.0", "mac": "A1B2C3", "ip": "192.0.2.3"})],
        ),
        (f"{ID}/relay/0/command", "on", []),
        ("command", "announce", []),
    ],
)
def test_what_a_message_shows(topic: str, payload: str, found: list[tuple[Any, ...]]) -> None:
    assert heard(Shelly1(""), f"shellies/{topic}", payload) == found


@pytest.mark.parametrize(
    ("args", "topic", "payload"),
    [
        ({"relay.0": "off"}, "relay/0/command", b"off"),
        ({"relay.0": True}, "relay/0/command", b"on"),
        ({"relay.0": "toggle"}, "relay/0/command", b"toggle"),
        ({"light.0.brightness": 40}, "light/0/set", b'{"brightness":40}'),
        ({"roller.0": "open"}, "roller/0/command", b"open"),
        ({"roller.0.pos": 30}, "roller/0/command/pos", b"30"),
    ],
)
def test_a_command_becomes_a_message(args: dict[str, Any], topic: str, payload: bytes) -> None:
    [message] = Shelly1("").command(ID, "set", args, "c1")
    assert (message.topic, message.payload, message.retain) == (f"shellies/{ID}/{topic}", payload, False)


def test_what_cannot_be_set_is_refused_by_name() -> None:
    for args in ({"temperature": 1}, {"relay.0": "perhaps"}, {"roller.0": "up"}):
        with pytest.raises(Invalid):
            Shelly1("").command(ID, "set", args, "c1")


@pytest.mark.parametrize(
    ("wanted", "state", "is_done"), [("off", b"off", True), ("off", b"on", False), ("toggle", b"on", True)]
)
def test_a_command_is_done_once_the_relay_reports_it(wanted: str, state: bytes, is_done: bool) -> None:
    convention = Shelly1("")
    last = list(convention.hear(Message(f"shellies/{ID}/relay/0", state, 1)))[-1]
    assert isinstance(last, Heard)
    assert convention.done(SentCommand("c1", ID, "set", {"relay.0": wanted}), last) is is_done


@pytest.mark.parametrize(
    ("topic", "payload"), [("announce", "no JSON"), (f"{ID}/online", "?"), (f"{ID}/temperature", b"\xff")]
)
def test_what_cannot_be_read_is_refused(topic: str, payload: str | bytes) -> None:
    with pytest.raises(Refusal):
        heard(Shelly1(""), f"shellies/{topic}", payload)
