"""The Things Stack, by examples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridges.sources.conventions.ttn import TheThingsStack, address_of
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

ADDRESS = "app1@ttn/soil-3"
TIME = 1_796_033_792_014_773
UP: dict[str, Any] = {
    "end_device_ids": {
        "device_id": "soil-3",
        "application_ids": {"application_id": "app1"},
        "dev_eui": "70B3D57ED0A1B2C3",
    },
    "correlation_ids": ["as:up:01X"],
    "received_at": "2026-11-30T10:16:32.014773143Z",
    "uplink_message": {
        "f_port": 2,
        "f_cnt": 41,
        "frm_payload": "CGQ=",
        "decoded_payload": {"moisture": 41.5, "battery": 3.61},
        "rx_metadata": [
            {"gateway_ids": {"gateway_id": "far"}, "rssi": -119, "snr": -3},
            {"gateway_ids": {"gateway_id": "roof"}, "rssi": -97, "snr": 7.2},
        ],
    },
}
FACTS = (ADDRESS, "facts", {"dev_eui": "70B3D57ED0A1B2C3", "device_id": "soil-3"})


def without(name: str) -> dict[str, Any]:
    message = {key: value for key, value in UP["uplink_message"].items() if key != name}
    return {**UP, "uplink_message": message}


@pytest.mark.parametrize(
    ("kind", "content", "found"),
    [
        (  # the radio fields stand beside the values, at the time of the server
            "up",
            UP,
            [FACTS, (ADDRESS, {"rssi": -97, "snr": 7.2, "f_cnt": 41, "moisture": 41.5, "battery": 3.61}, TIME)],
        ),
        ("up", without("decoded_payload"), [FACTS, (ADDRESS, "encoded", b"\x08\x64", 2)]),
        (
            "up",
            {**UP, "uplink_message": {"rx_metadata": []}},
            [FACTS, (ADDRESS, {"f_cnt": 0}, TIME)],
        ),
        (
            "up",
            {**UP, "uplink_message": {"frm_payload": "CGQ="}},  # empty fields are left out: port 0
            [FACTS, (ADDRESS, "encoded", b"\x08\x64", 0)],
        ),
        ("join", {**UP, "join_accept": {}}, [FACTS]),
        ("down/queued", {"correlation_ids": ["hubbub:c1"]}, []),
        ("down/sent", {"correlation_ids": ["hubbub:c1"]}, []),
        ("down/ack", {"correlation_ids": ["hubbub:c1", "as:1"]}, [(ADDRESS, "answer", "c1", True, None)]),
        (
            "down/nack",
            {"correlation_ids": ["hubbub:c1"]},
            [(ADDRESS, "answer", "c1", False, "the device did not acknowledge it")],
        ),
        (
            "down/failed",
            {"correlation_ids": ["hubbub:c1"], "downlink_failed": {"error": {"name": "no_session"}}},
            [(ADDRESS, "answer", "c1", False, "the server could not send it: no_session")],
        ),
        (
            "location/solved",
            {"received_at": UP["received_at"], "location_solved": {"location": {"latitude": 52.5, "longitude": 13.4}}},
            [(ADDRESS, {"latitude": 52.5, "longitude": 13.4}, TIME)],
        ),
        (
            "up",
            {**UP, "received_at": "yesterday"},
            [
                (ADDRESS, "rejected", "timestamp_invalid"),
                FACTS,
                (ADDRESS, {"rssi": -97, "snr": 7.2, "f_cnt": 41, "moisture": 41.5, "battery": 3.61}),
            ],
        ),
    ],
)
def test_what_a_message_shows(kind: str, content: dict[str, Any], found: list[tuple[Any, ...]]) -> None:
    assert heard(TheThingsStack(""), f"v3/app1@ttn/devices/soil-3/{kind}", json.dumps(content)) == found


def test_a_source_may_be_one_application() -> None:
    assert "v3/app1@ttn/devices/+/up" in TheThingsStack("v3/app1@ttn").filters()
    assert "v3/+/devices/+/up" in TheThingsStack("").filters()
    assert address_of(UP) == "app1/soil-3"


@pytest.mark.parametrize(
    ("name", "args", "downlink"),
    [
        ("downlink", {"bytes": "beef", "f_port": 15}, {"f_port": 15, "confirmed": True, "frm_payload": "vu8="}),
        ("set", {"interval": 60}, {"f_port": 1, "confirmed": True, "decoded_payload": {"interval": 60}}),
    ],
)
def test_a_command_becomes_a_downlink(name: str, args: dict[str, Any], downlink: dict[str, Any]) -> None:
    [message] = TheThingsStack("").command(ADDRESS, name, args, "c1")
    assert message.topic == "v3/app1@ttn/devices/soil-3/down/push"
    assert (message.qos, message.retain) == (0, False)
    expected = {**downlink, "correlation_ids": ["hubbub:c1"], "priority": "NORMAL"}
    assert json.loads(message.payload) == {"downlinks": [expected]}


@pytest.mark.parametrize(
    ("name", "args"), [("fly", {}), ("set", {"f_port": 0}), ("downlink", {}), ("downlink", {"bytes": "xyz"})]
)
def test_what_cannot_be_sent_is_refused_by_name(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        TheThingsStack("").command(ADDRESS, name, args, "c1")


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("v3/app1@ttn/devices/soil-3/up", "no JSON"),
        ("v3/app1@ttn/devices/soil-3/up", "{}"),
        ("v3/app1@ttn/devices/soil-3/up", json.dumps({**UP, "uplink_message": {"frm_payload": "%"}})),
        ("v3/app1@ttn/other", "{}"),
    ],
)
def test_what_cannot_be_read_is_refused(topic: str, payload: str) -> None:
    with pytest.raises(Refusal):
        heard(TheThingsStack(""), topic, payload)
