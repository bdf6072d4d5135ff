"""Home Assistant's discovery, by examples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridges.sources.conventions import homeassistant
from bridges.sources.conventions.homeassistant import HomeAssistant
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

ID = "84fce6a1b2c3"
NAME = {"name": "Greenhouse"}
AIR = (
    '{"name":"Air","uniq_id":"gh-air","stat_t":"~/sensor/air/state","~":"greenhouse","unit_of_meas":"°C",'
    '"dev_cla":"temperature","stat_cla":"measurement","val_tpl":"{{ value_json.temperature }}","avty_t":"~/status",'
    '"exp_aft":600,"dev":{"ids":["84fce6a1b2c3"],"name":"Greenhouse","mf":"Acme","mdl":"GH1","sw":"1.2"}}'
)
PUMP = (
    '{"name":"Pump","uniq_id":"gh-pump","stat_t":"greenhouse/switch/pump/state","cmd_t":"greenhouse/switch/pump/command",'
    '"pl_on":"ON","pl_off":"OFF","avty":[{"t":"greenhouse/status","pl_avail":"online","pl_not_avail":"offline"}],'
    '"dev":{"ids":["84fce6a1b2c3"]}}'
)
WHOLE = (
    '{"dev":{"ids":["84fce6a1b2c3"],"name":"Greenhouse"},"o":{"name":"acme2mqtt"},"stat_t":"greenhouse/state",'
    '"cmps":{"air":{"p":"sensor","uniq_id":"gh-air","unit_of_meas":"°C",'
    '"val_tpl":"{{ value_json.air }}"},"old":{"p":"sensor"}}}'
)
AIR_TOPIC = "homeassistant/sensor/greenhouse/air_temperature/config"
PUMP_TOPIC = "homeassistant/switch/gh-pump/config"


@pytest.fixture
def greenhouse() -> HomeAssistant:
    convention = HomeAssistant("")
    heard(convention, AIR_TOPIC, AIR)
    heard(convention, PUMP_TOPIC, PUMP)
    return convention


def config(**given: Any) -> str:
    return json.dumps({"dev": {"ids": "x"}, "stat_t": "x/state", **given})


def test_a_configuration_describes_a_component() -> None:
    convention = HomeAssistant("")
    assert heard(convention, AIR_TOPIC, AIR) == [
        (ID, "facts", {"vendor": "Acme", "model": "GH1", "firmware": "1.2"}, NAME),
        (ID, "facts", {"units.air_temperature": "°C"}, NAME),
    ]
    assert heard(convention, PUMP_TOPIC, PUMP) == [(ID,), (ID, "facts", {"controls.gh-pump": "switch"})]
    assert {"greenhouse/sensor/air/state", "greenhouse/status", "greenhouse/switch/pump/state"} < set(
        convention.filters()
    )
    assert convention.command_filters() == ["greenhouse/switch/pump/command"]


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        ("greenhouse/sensor/air/state", '{"temperature":21.5}', [(ID, {"air_temperature": 21.5})]),
        ("greenhouse/sensor/air/state", '{"humidity":4}', []),
        ("greenhouse/sensor/air/state", "{", [(ID, "rejected", "invalid_json")]),
        ("greenhouse/switch/pump/state", "ON", [(ID, {"gh-pump": True})]),
        ("greenhouse/switch/pump/state", "OFF", [(ID, {"gh-pump": False})]),
        ("greenhouse/status", "online", [(ID, "online")]),
        ("greenhouse/status", "offline", [(ID, "offline")]),
        ("greenhouse/status", "perhaps", []),
        ("greenhouse/other", "1", []),
    ],
)
def test_what_a_state_shows(greenhouse: HomeAssistant, topic: str, payload: str, found: list[tuple[Any, ...]]) -> None:
    assert heard(greenhouse, topic, payload) == found


def test_one_message_may_describe_the_whole_device() -> None:
    convention = HomeAssistant("")
    topic = "homeassistant/device/84fce6a1b2c3/config"
    assert heard(convention, topic, WHOLE) == [(ID, NAME), (ID, "facts", {"units.air": "°C"}, NAME)]
    assert heard(convention, "greenhouse/state", '{"air":20}') == [(ID, {"air": 20})]
    gone = WHOLE.replace(
        '{"p":"sensor","uniq_id":"gh-air","unit_of_meas":"°C","val_tpl":"{{ value_json.air }}"}', '{"p":"sensor"}'
    )
    assert heard(convention, topic, gone) == [(ID, "gone")]


def test_an_empty_configuration_removes_the_component(greenhouse: HomeAssistant) -> None:
    assert heard(greenhouse, AIR_TOPIC, "") == []
    assert heard(greenhouse, PUMP_TOPIC, "") == [(ID, "gone")]
    assert len(greenhouse.filters()) == 2


@pytest.mark.parametrize(
    ("template", "payload", "value"),
    [
        ("{{ value }}", "21.5", 21.5),
        ("{{value|int}}", "21.5", 21),
        ("{{ value_json['a b'] }}", '{"a b": 1}', 1),
        ("{{ value_json.a.b | float | round(1) }}", '{"a":{"b":"2.25"}}', 2.2),
        ("{{ value_json[0] }}", "[3]", 3),
    ],
)
def test_simple_templates_are_read(template: str, payload: str, value: Any) -> None:
    convention = HomeAssistant("")
    heard(convention, "homeassistant/sensor/x/config", config(val_tpl=template))
    assert heard(convention, "x/state", payload) == [("x", {"x": value})]


@pytest.mark.parametrize("template", ["{% if value %}1{% endif %}", "{{ value_json.a + 1 }}", "{{ value.__class__ }}"])
def test_any_other_template_is_refused_by_name(template: str) -> None:
    findings = heard(HomeAssistant(""), "homeassistant/sensor/x/config", config(val_tpl=template))
    assert findings == [("x",), ("x", "rejected", "template_not_supported")]


@pytest.mark.parametrize("topic", ["devices/plug/telemetry", "gateways/g/x", "a/#", "$SYS/x", "a/+/b", ""])
def test_topics_that_belong_to_no_device_of_a_source_are_refused(topic: str) -> None:
    convention = HomeAssistant("")
    found = heard(convention, "homeassistant/sensor/x/config", config(stat_t=topic))
    assert found[-1] == ("x", "rejected", "bad_topic")
    assert len(convention.filters()) == 2


@pytest.mark.parametrize(("mode", "online"), [("latest", "offline"), ("any", "online"), ("all", "offline")])
def test_availability_has_three_modes(mode: str, online: str) -> None:
    convention = HomeAssistant("")
    heard(convention, "homeassistant/sensor/x/config", config(avty=[{"t": "one"}, {"t": "two"}], avty_mode=mode))
    heard(convention, "one", "online")
    assert heard(convention, "two", "offline") == [("x", online)]


def test_devices_with_an_equal_identifier_are_one() -> None:
    convention = HomeAssistant("")
    heard(convention, "homeassistant/sensor/a/config", config(dev={"ids": ["one", "two"]}))
    found = heard(
        convention, "homeassistant/sensor/b/config", config(dev={"ids": ["three", "two"], "cns": [["mac", "1"]]})
    )
    assert found[0][0] == "one"
    found = heard(convention, "homeassistant/sensor/c/config", config(dev={"cns": [["mac", "1"]]}))
    assert found[0][0] == "one"


@pytest.mark.parametrize(
    ("kind", "given", "control", "value", "payload"),
    [
        ("switch", {}, "switch", True, b"ON"),
        ("switch", {"pl_off": "0"}, "switch", "off", b"0"),
        ("number", {"min": 5, "max": 30}, "slider 5 30 1", 21.5, b"21.5"),
        ("select", {"ops": ["eco", "full"]}, "choice eco full", "eco", b"eco"),
        ("button", {}, "button", True, b"PRESS"),
    ],
)
def test_what_can_be_set_has_a_control(
    kind: str, given: dict[str, Any], control: str, value: Any, payload: bytes
) -> None:
    convention = HomeAssistant("")
    found = heard(convention, f"homeassistant/{kind}/x/config", config(cmd_t="x/set", **given))
    assert ("x", "facts", {"controls.x": control}) in found
    [publish] = convention.command("x", "set", {"x": value}, "c1")
    assert (publish.topic, publish.payload, publish.retain) == ("x/set", payload, False)


@pytest.mark.parametrize(
    ("name", "args"), [("set", {"air_temperature": 1}), ("set", {}), ("dance", {}), ("set", {"no": 1})]
)
def test_what_cannot_be_set_is_refused(greenhouse: HomeAssistant, name: str, args: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        greenhouse.command(ID, name, args, "c1")


def test_topics_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homeassistant, "MAX_TOPICS", 2)
    convention = HomeAssistant("")
    for number in range(3):
        found = heard(convention, f"homeassistant/sensor/x{number}/config", config(stat_t=f"x/{number}"))
    assert found[-1] == ("x", "rejected", "too_many_values")
    assert len(convention.filters()) == 4


@pytest.mark.parametrize("payload", ["[]", "{", '{"dev": 3}'])
def test_what_is_no_configuration_is_refused(payload: str) -> None:
    with pytest.raises(Refusal):
        heard(HomeAssistant(""), AIR_TOPIC, payload)


def test_only_the_topics_of_the_source_may_be_announced() -> None:
    convention = HomeAssistant("", {"topics": ["greenhouse/#"]})
    assert convention.device_filters() == ["homeassistant/#", "greenhouse/#"]
    for topic, is_refused in (("greenhouse/air", False), ("cellar/air", True)):
        config = json.dumps({"stat_t": topic, "dev": {"ids": [topic]}})
        found = heard(convention, "homeassistant/sensor/air/config", config)
        assert any(one[1:3] == ("rejected", "bad_topic") for one in found) is is_refused
    assert "greenhouse/air" not in convention.filters()  # the later announcement took its place
    for topics in ("greenhouse/#", ["devices/#"], ["a#"], [1]):
        with pytest.raises(Invalid):
            HomeAssistant("", {"topics": topics})
