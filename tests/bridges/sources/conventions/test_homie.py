"""Homie 4 and 5, by examples."""

from __future__ import annotations

from typing import Any

import pytest

from bridges.sources.convention import Heard, Message, SentCommand
from bridges.sources.conventions.homie import MAX_DEVICES, Homie
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

DESCRIPTION = (
    '{"homie":"5.0","version":7,"name":"Boiler","children":["valve1"],"nodes":{"heat":{"properties":{'
    '"temperature":{"datatype":"float","unit":"°C"},"power":{"datatype":"boolean","settable":true},'
    '"target":{"datatype":"integer","format":"10:60","settable":true},'
    '"mode":{"datatype":"enum","format":"eco,comfort","settable":true}}}}}'
)


@pytest.fixture
def four() -> Homie:
    homie = Homie("")
    for attribute, text in (("datatype", "float"), ("unit", "°C"), ("settable", "false")):
        heard(homie, f"homie/boiler/heat/temperature/${attribute}", text)
    for attribute, text in (("datatype", "boolean"), ("settable", "true")):
        heard(homie, f"homie/boiler/heat/power/${attribute}", text)
    return homie


@pytest.fixture
def five() -> Homie:
    homie = Homie("")
    heard(homie, "homie/5/boiler/$description", DESCRIPTION)
    return homie


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        ("boiler/$homie", "4.0.0", []),
        ("boiler/$name", "Boiler", [("boiler", {"name": "Boiler"})]),
        ("boiler/$state", "ready", [("boiler", "online"), ("boiler", "facts", {"state": "ready"})]),
        ("boiler/$state", "lost", [("boiler", "offline"), ("boiler", "facts", {"state": "lost"})]),
        ("boiler/$state", "sleeping", [("boiler", "offline"), ("boiler", "facts", {"state": "sleeping"})]),
        ("boiler/$state", "", [("boiler", "gone")]),
        ("boiler/heat/$name", "Heat", []),
        ("boiler/heat/temperature/$unit", "°F", [("boiler", "facts", {"units.heat.temperature": "°F"})]),
        ("boiler/heat/temperature", "51.5", [("boiler", {"heat.temperature": 51.5})]),
        ("boiler/heat/temperature", "NaN", [("boiler", "rejected", "invalid_shape")]),
        ("boiler/heat/power", "true", [("boiler", {"heat.power": True})]),
        ("boiler/heat/power", "TRUE", [("boiler", "rejected", "invalid_shape")]),
        ("boiler/heat/power", "", []),
        ("boiler/heat/power/set", "true", []),
        ("boiler/heat/label", b"\0", [("boiler", {"heat.label": ""})]),
    ],
)
def test_what_a_message_of_version_4_shows(four: Homie, topic: str, payload: str | bytes, found: list[Any]) -> None:
    assert heard(four, f"homie/{topic}", payload) == found


def test_a_description_gives_name_units_and_controls() -> None:
    facts = {
        "units.heat.temperature": "°C",
        "controls.heat.power": "switch",
        "controls.heat.target": "slider 10 60 1",
        "controls.heat.mode": "choice eco comfort",
    }
    assert heard(Homie(""), "homie/5/boiler/$description", DESCRIPTION) == [
        ("5/boiler", "facts", facts, {"name": "Boiler"})
    ]


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        ("boiler/heat/power", "true", [("5/boiler", {"heat.power": True})]),
        ("boiler/heat/power/$target", "false", []),
        ("boiler/$log/warn", "battery low", []),
        ("boiler/$alert/filter", "clean the filter", [("5/boiler", "facts", {"alert.filter": "clean the filter"})]),
        ("boiler/$alert/filter", "", [("5/boiler", "facts", {"alert.filter": None})]),
    ],
)
def test_what_a_message_of_version_5_shows(five: Homie, topic: str, payload: str, found: list[Any]) -> None:
    assert heard(five, f"homie/5/{topic}", payload) == found


def test_a_child_cannot_be_reached_while_its_root_is_lost(five: Homie) -> None:
    heard(five, "homie/5/valve1/$state", "ready")
    child = ("5/valve1", "offline", "via", "5/boiler", {"via": "5/boiler"})
    assert child in heard(five, "homie/5/boiler/$state", "lost")
    back = ("5/valve1", "online", "via", "5/boiler", {"via": "5/boiler"})
    assert back in heard(five, "homie/5/boiler/$state", "ready")


def test_a_command_is_published_as_typed_text(four: Homie, five: Homie) -> None:
    [message] = four.command("boiler", "set", {"heat.power": True}, "c1")
    assert (message.topic, message.payload, message.retain) == ("homie/boiler/heat/power/set", b"true", False)
    [message] = five.command("5/boiler", "set", {"heat.mode": "eco"}, "c1")
    assert (message.topic, message.payload) == ("homie/5/boiler/heat/mode/set", b"eco")


def test_what_cannot_be_set_is_refused_by_name(four: Homie) -> None:
    with pytest.raises(Invalid, match="only be read"):
        four.command("boiler", "set", {"heat.temperature": 1}, "c1")
    with pytest.raises(Invalid, match="no property"):
        four.command("boiler", "set", {"heat.flow": 1}, "c1")


@pytest.mark.parametrize(("state", "is_done"), [(b"true", False), (b"false", True)])
def test_a_command_is_done_once_the_property_shows_it(four: Homie, state: bytes, is_done: bool) -> None:
    [found] = four.hear(Message("homie/boiler/heat/power", state, 1))
    assert isinstance(found, Heard)
    assert four.done(SentCommand("c1", "boiler", "set", {"heat.power": False}), found) is is_done


@pytest.mark.parametrize(("topic", "payload"), [("5/boiler/$description", "[]"), ("boiler/$state", b"\xff")])
def test_what_cannot_be_read_is_refused(topic: str, payload: str | bytes) -> None:
    with pytest.raises(Refusal):
        heard(Homie(""), f"homie/{topic}", payload)


def test_devices_are_bounded() -> None:
    homie = Homie("")
    for number in range(MAX_DEVICES):
        heard(homie, f"homie/d{number}/$state", "ready")
    with pytest.raises(Refusal, match="up to"):
        heard(homie, "homie/more/$state", "ready")
