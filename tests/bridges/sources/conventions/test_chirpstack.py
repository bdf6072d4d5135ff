"""ChirpStack, by examples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridges.sources.conventions.chirpstack import ChirpStack
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

EUI = "70b3d57ed0a1b2c3"
TIME = 1_796_033_792_775_023
INFO = {
    "applicationName": "Fields",
    "deviceProfileName": "Soil",
    "deviceName": "Soil 3",
    "devEui": EUI,
    "tags": {"row": "4"},
}
UP: dict[str, Any] = {
    "time": "2026-11-30T10:16:32.775023242+00:00",
    "deviceInfo": INFO,
    "fCnt": 41,
    "fPort": 2,
    "data": "CGQ=",
    "object": {"moisture": 41.5, "battery": 3.61},
    "rxInfo": [{"gatewayId": "0016c001f1a1b2c3", "rssi": -97, "snr": 7.2}],
}
FACTS = (
    EUI,
    "facts",
    {"application": "Fields", "profile": "Soil", "tags.row": "4", "dev_eui": EUI},
    {"name": "Soil 3"},
)


@pytest.mark.parametrize(
    ("event", "content", "found"),
    [
        (
            "up",
            UP,
            [FACTS, (EUI, {"rssi": -97, "snr": 7.2, "fCnt": 41, "moisture": 41.5, "battery": 3.61}, TIME)],
        ),
        (
            "up",
            {key: value for key, value in UP.items() if key != "object"},
            [FACTS, (EUI, "encoded", b"\x08\x64", 2)],
        ),
        ("up", {"deviceInfo": INFO}, [FACTS, (EUI, {"fCnt": 0})]),
        (
            "status",
            {"deviceInfo": INFO, "margin": 10, "batteryLevel": 88.3},
            [FACTS, (EUI, {"battery": 88.3, "margin": 10})],
        ),
        ("join", {"deviceInfo": INFO}, [FACTS]),
        ("log", {"level": "ERROR", "code": "UPLINK_CODEC", "description": "x"}, [(EUI, "rejected", "bridge_error")]),
        ("log", {"level": "INFO"}, []),
        ("location", {"location": {"latitude": 1.5, "longitude": 2.5}}, [(EUI, {"latitude": 1.5, "longitude": 2.5})]),
        ("ack", {"queueItemId": "unknown", "acknowledged": True}, []),
    ],
)
def test_what_a_message_shows(event: str, content: dict[str, Any], found: list[tuple[Any, ...]]) -> None:
    assert heard(ChirpStack(""), f"application/7f3c/device/{EUI}/event/{event}", json.dumps(content)) == found


def sent(convention: ChirpStack, name: str, args: dict[str, Any]) -> dict[str, Any]:
    heard(convention, f"application/7f3c/device/{EUI}/event/join", json.dumps({"deviceInfo": INFO}))
    [message] = convention.command(EUI, name, args, "c1")
    assert message.topic == f"application/7f3c/device/{EUI}/command/down"
    return dict(json.loads(message.payload))


@pytest.mark.parametrize(
    ("acknowledged", "answer"),
    [(True, ("c1", True, None)), (False, ("c1", False, "the device did not acknowledge it"))],
)
def test_an_acknowledgement_answers_the_command(acknowledged: bool, answer: tuple[Any, ...]) -> None:
    convention = ChirpStack("")
    content = sent(convention, "downlink", {"bytes": "0102", "f_port": 10})
    assert (content["fPort"], content["data"], content["confirmed"], content["devEui"]) == (10, "AQI=", True, EUI)
    topic = f"application/7f3c/device/{EUI}/event"
    assert heard(convention, f"{topic}/txack", json.dumps({"queueItemId": content["id"]})) == []
    event = {"queueItemId": content["id"], "acknowledged": acknowledged}
    assert heard(convention, f"{topic}/ack", json.dumps(event)) == [(EUI, "answer", *answer)]
    assert heard(convention, f"{topic}/ack", json.dumps(event)) == []


def test_values_are_sent_for_the_codec() -> None:
    content = sent(ChirpStack(""), "set", {"interval": 60})
    assert (content["fPort"], content["object"]) == (1, {"interval": 60})


def test_a_device_that_was_not_heard_cannot_be_commanded() -> None:
    with pytest.raises(Invalid, match="application"):
        ChirpStack("").command(EUI, "set", {"a": 1}, "c1")


@pytest.mark.parametrize(
    "content", ["no JSON", "[]", "{}", json.dumps({**UP, "deviceInfo": {**INFO, "devEui": "0000000000000001"}})]
)
def test_what_cannot_be_read_is_refused(content: str) -> None:
    with pytest.raises(Refusal):
        heard(ChirpStack(""), f"application/7f3c/device/{EUI}/event/up", content)
