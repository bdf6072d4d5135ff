"""Shelly since the second generation, by examples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridges.sources.convention import Message, Publish
from bridges.sources.conventions.shelly2 import MAX_CALLS, MAX_DEVICES, Shelly2
from bridges.sources.filters import covers
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

ID = "shellyplus1pm-a1b2c3"
TS = 1_796_032_592_880_000
STATUS = (
    '{"src":"shellyplus1pm-a1b2c3","dst":"shellyplus1pm-a1b2c3/events","method":"NotifyStatus","params":{"ts":'
    '1796032592.88,"switch:0":{"id":0,"apower":11.5,"current":0.071}}}'
)
FULL = (
    '{"method":"NotifyFullStatus","params":{"ts":null,"sys":{"time":null,"unixtime":null,"uptime":4},"wifi":{"sta_ip":'
    '"192.0.2.4","rssi":-61},"temperature:0":{"id":0,"tC":19.0,"tF":66.2},"devicepower:0":{"battery":{"percent":97}}}}'
)
COMPONENT = (
    '{"id":0,"source":"MQTT","output":true,"apower":11.5,"voltage":230.1,"aenergy":{"total":152.6,"by_minute":[0,0,0],'
    '"minute_ts":1796032560},"temperature":{"tC":55.0,"tF":131.0}}'
)
EVENT = (
    '{"method":"NotifyEvent","params":{"ts":1796032592.88,"events":[{"component":"input:0","id":0,"event":'
    '"single_push","ts":1796032592.88},{"component":"sys","event":"config_changed"}]}}'
)


def asked(address: str = ID) -> tuple[str, str, str]:
    return "publish", f"{address}/rpc", "Shelly.GetDeviceInfo"


def shown(convention: Shelly2, topic: str, payload: str | bytes, *, retained: bool = False) -> list[tuple[Any, ...]]:
    """As `heard`, with the method of a call in place of its payload."""
    found = heard(convention, topic, payload, retained=retained)
    return [(*one[:2], json.loads(one[2])["method"]) if one[0] == "publish" else one for one in found]


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        (f"{ID}/online", "true", [(ID, "online"), asked()]),
        (f"{ID}/online", "false", [(ID, "offline")]),
        ("stranger/online", "yes", []),
        (
            f"{ID}/events/rpc",
            STATUS,
            [
                asked(),
                (ID, "facts", {"units.switch:0.apower": "W", "units.switch:0.current": "A"}),
                (ID, {"switch:0.apower": 11.5, "switch:0.current": 0.071}, TS),
            ],
        ),
        (
            f"{ID}/events/rpc",
            FULL,
            [
                asked(),
                (
                    ID,
                    "facts",
                    {
                        "units.wifi.rssi": "dBm",
                        "units.temperature:0.tC": "°C",
                        "units.devicepower:0.battery.percent": "%",
                        "ip": "192.0.2.4",
                    },
                ),
                (ID, {"wifi.rssi": -61, "temperature:0.tC": 19.0, "devicepower:0.battery.percent": 97}),
            ],
        ),
        (f"{ID}/events/rpc", EVENT, [asked(), (ID, {"input:0.event": "single_push"}, TS)]),
        (
            f"{ID}/status/switch:0",
            COMPONENT,
            [
                asked(),
                (
                    ID,
                    "facts",
                    {
                        "controls.switch:0.output": "switch",
                        "units.switch:0.apower": "W",
                        "units.switch:0.voltage": "V",
                        "units.switch:0.aenergy.total": "Wh",
                        "units.switch:0.temperature.tC": "°C",
                    },
                ),
                (
                    ID,
                    {
                        "switch:0.output": True,
                        "switch:0.apower": 11.5,
                        "switch:0.voltage": 230.1,
                        "switch:0.aenergy.total": 152.6,
                        "switch:0.temperature.tC": 55.0,
                    },
                ),
            ],
        ),
        (
            "home/attic/plug/events/rpc",
            '{"method":"NotifyStatus","params":{"ts":1796032592.88,"switch:0":{"id":0,"errors":["overtemp"]}}}',
            [asked("home/attic/plug"), ("home/attic/plug", {"switch:0.errors": "overtemp"}, TS)],
        ),
        (f"{ID}/rpc", "{}", []),
        (f"{ID}/online", "", []),
        (f"{ID}/events/rpc", "no JSON", [(ID, "rejected", "invalid_json")]),
        (f"{ID}/events/rpc", '{"method":"NotifyStatus"}', [(ID, "rejected", "invalid_shape")]),
        (f"{ID}/events/rpc", '{"method":"NotifyEvent","params":{}}', [(ID, "rejected", "invalid_shape")]),
        (f"{ID}/status/switch:0", "[]", [(ID, "rejected", "invalid_shape")]),
    ],
)
def test_what_a_message_shows(topic: str, payload: str, found: list[tuple[Any, ...]]) -> None:
    assert shown(Shelly2(""), topic, payload) == found


def test_controls_come_with_lights_and_covers() -> None:
    convention = Shelly2("")
    params = {"light:0": {"output": True, "brightness": 40}, "cover:1": {"state": "open", "current_pos": 30}}
    found = shown(convention, f"{ID}/events/rpc", json.dumps({"method": "NotifyStatus", "params": params}))
    assert found[1][2] == {
        "controls.light:0.output": "switch",
        "controls.light:0.brightness": "slider 0 100 1",
        "units.light:0.brightness": "%",
        "controls.cover:1": "choice open close stop",
        "controls.cover:1.current_pos": "slider 0 100 1",
        "units.cover:1.current_pos": "%",
    }


def test_a_new_device_is_asked_once_for_its_name_and_model() -> None:
    convention = Shelly2("")
    [_, question] = convention.hear(Message(f"{ID}/online", b"true", 1))
    assert isinstance(question, Publish)
    assert len(heard(convention, f"{ID}/online", "true")) == 1
    call = json.loads(question.payload)
    info = {"name": "Boiler", "id": ID, "mac": "A1B2C3", "model": "SNSW-001P16EU", "gen": 2, "ver": "1.4.4"}
    answer = json.dumps({"id": call["id"], "src": ID, "dst": "hubbub/cmd", "result": info})
    facts = {"model": "SNSW-001P16EU", "firmware": "1.4.4", "mac": "A1B2C3", "generation": 2}
    assert heard(convention, "hubbub/cmd/rpc", answer) == [(ID, "facts", facts, {"name": "Boiler"})]


@pytest.mark.parametrize(
    ("name", "args", "method", "params"),
    [
        ("set", {"switch:0.output": False}, "Switch.Set", {"id": 0, "on": False}),
        ("set", {"switch:0": "on"}, "Switch.Set", {"id": 0, "on": True}),
        ("set", {"switch:1.output": "toggle"}, "Switch.Toggle", {"id": 1}),
        ("set", {"switch:0": {"output": True}}, "Switch.Set", {"id": 0, "on": True}),
        (
            "set",
            {"light:0.output": True, "light:0.brightness": 40},
            "Light.Set",
            {"id": 0, "on": True, "brightness": 40},
        ),
        ("set", {"cover:0": "open"}, "Cover.Open", {"id": 0}),
        ("set", {"cover:0.current_pos": 30}, "Cover.GoToPosition", {"id": 0, "pos": 30}),
        (
            "Switch.Set",
            {"id": 0, "on": True, "toggle_after": 5},
            "Switch.Set",
            {"id": 0, "on": True, "toggle_after": 5},
        ),
        ("Shelly.Reboot", {}, "Shelly.Reboot", {}),
    ],
)
def test_a_command_becomes_a_call(name: str, args: dict[str, Any], method: str, params: dict[str, Any]) -> None:
    [message] = Shelly2("").command(ID, name, args, "c1")
    call = json.loads(message.payload)
    assert (message.topic, message.retain, call["src"]) == (f"{ID}/rpc", False, "hubbub/cmd")
    assert (call["method"], call["params"]) == (method, params)
    assert isinstance(call["id"], int)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("set", {}),
        ("fly", {}),
        ("set", {"output": True}),
        ("set", {"switch:0.apower": 5}),
        ("set", {"switch:0.output": "perhaps"}),
        ("set", {"temperature:0.tC": 5}),
        ("set", {"cover:0": "up"}),
        ("set", {"cover:0": "open", "cover:0.pos": 4}),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Shelly2("").command(ID, name, args, "c1")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"result": {"was_on": True}}, (True, {"was_on": True})),
        ({"result": None}, (True, "")),
        ({"error": {"code": -103, "message": "no switch 7"}}, (False, "no switch 7 (-103)")),
        ({"error": "odd"}, (False, "odd")),
    ],
)
def test_an_answer_is_that_of_its_command(answer: dict[str, Any], outcome: tuple[bool, Any]) -> None:
    convention = Shelly2("")
    [message] = convention.command(ID, "set", {"switch:0.output": False}, "c1")
    reply = json.dumps({"id": json.loads(message.payload)["id"], "src": ID, "dst": "hubbub/cmd", **answer})
    [(address, kind, command, ok, content)] = heard(convention, "hubbub/cmd/rpc", reply)
    assert (address, kind, command) == (ID, "answer", "c1")
    assert (ok, content or "") == outcome
    assert heard(convention, "hubbub/cmd/rpc", reply) == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_command_for_two_components_has_one_answer(fails: bool) -> None:
    convention = Shelly2("")
    calls = convention.command(ID, "set", {"switch:0.output": True, "switch:1.output": True}, "c1")
    first, second = [json.loads(call.payload)["id"] for call in calls]
    outcome: dict[str, Any] = {"error": {"code": -1, "message": "no"}} if fails else {"result": {"was_on": False}}
    answers = heard(convention, "hubbub/cmd/rpc", json.dumps({"id": first, **outcome}))
    answers += heard(convention, "hubbub/cmd/rpc", json.dumps({"id": second, "result": {"was_on": False}}))
    assert [(answer[2], answer[3]) for answer in answers] == [("c1", not fails)]


def test_a_prefix_with_slashes_is_listened_to() -> None:
    convention = Shelly2("")
    for topic in ("online", "status/switch:0", "events/rpc", "rpc", "command/switch:0"):
        assert any(covers(each, f"home/attic/plug/{topic}") for each in convention.device_filters()), topic
    heard(convention, "home/attic/plug/events/rpc", STATUS)
    assert {"home/attic/plug/online", "home/attic/plug/status/+"} <= set(convention.filters())
    [message] = convention.command("home/attic/plug", "set", {"switch:0": True}, "c1")
    assert message.topic == "home/attic/plug/rpc"


def test_a_source_with_a_prefix_has_its_answers_below_it() -> None:
    convention = Shelly2("home")
    assert convention.filters() == ["home/#"]
    [message] = convention.command("home/plug", "set", {"switch:0": True}, "c1")
    call = json.loads(message.payload)
    assert call["src"] == "home/hubbub/cmd"
    reply = json.dumps({"id": call["id"], "result": {"was_on": False}})
    assert heard(convention, "home/hubbub/cmd/rpc", reply) == [("home/plug", "answer", "c1", True, {"was_on": False})]
    assert heard(convention, "other/online", "true") == []


@pytest.mark.parametrize("payload", ["no JSON", "[]", b"\xff"])
def test_an_answer_that_cannot_be_read_is_refused(payload: str | bytes) -> None:
    with pytest.raises(Refusal):
        heard(Shelly2(""), "hubbub/cmd/rpc", payload)


def test_devices_and_calls_are_bounded() -> None:
    convention = Shelly2("")
    for number in range(MAX_DEVICES + 5):
        heard(convention, f"d{number}/online", "true")
    assert len(convention._known) == MAX_DEVICES
    for number in range(MAX_CALLS + 5):
        convention.command(ID, "set", {"switch:0": True}, f"c{number}")
    assert len(convention._calls) == MAX_CALLS
