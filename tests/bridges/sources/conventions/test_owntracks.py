"""OwnTracks, by examples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridges.sources.convention import Heard, Message, SentCommand
from bridges.sources.conventions.owntracks import OwnTracks, address_of
from devices.errors import Invalid, Refusal
from tests.bridges.sources.conventions.examples import heard

PHONE = "anna/phone"
LOCATION = {
    "_type": "location",
    "tid": "ph",
    "lat": 52.51,
    "lon": 13.37,
    "acc": 14,
    "batt": 81,
    "conn": "w",
    "tst": 1796032560,
    "created_at": 1796032592,
    "t": "u",
    "inregions": ["Home"],
}
TIME = 1_796_032_560_000_000


@pytest.mark.parametrize(
    ("topic", "content", "found"),
    [
        (
            PHONE,
            LOCATION,
            [
                (
                    PHONE,
                    {
                        "latitude": 52.51,
                        "longitude": 13.37,
                        "accuracy": 14,
                        "battery": 81,
                        "connection": "w",
                        "trigger": "u",
                        "regions": "Home",
                    },
                    TIME,
                )
            ],
        ),
        (PHONE, {"_type": "lwt", "tst": 1796030000}, [(PHONE, "offline")]),
        (
            f"{PHONE}/event",
            {"_type": "transition", "event": "enter", "desc": "Home", "tst": 1796032560},
            [(PHONE, {"region": "Home", "transition": "enter"}, TIME)],
        ),
        (PHONE, {"_type": "encrypted", "data": "AAAA"}, [(PHONE, "rejected", "not_readable")]),
        (f"{PHONE}/status", {"_type": "status"}, []),
        (f"{PHONE}/cmd", {"_type": "cmd"}, []),
    ],
)
def test_what_a_message_shows(topic: str, content: dict[str, Any], found: list[tuple[Any, ...]]) -> None:
    shown = heard(OwnTracks(""), f"owntracks/{topic}", json.dumps(content))
    assert [one for one in shown if one[1] != "facts"] == found


def test_units_are_given_once() -> None:
    convention = OwnTracks("")
    first, second = (heard(convention, f"owntracks/{PHONE}", json.dumps(LOCATION)) for _ in range(2))
    assert first[0][2]["units.velocity"] == "km/h"
    assert len(second) == 1


def test_a_location_can_be_asked_for() -> None:
    convention = OwnTracks("")
    [message] = convention.command(PHONE, "reportLocation", {}, "c1")
    assert (message.topic, json.loads(message.payload)) == (
        "owntracks/anna/phone/cmd",
        {"_type": "cmd", "action": "reportLocation"},
    )
    command = SentCommand("c1", PHONE, "reportLocation", {})
    for trigger, is_done in (("u", False), ("r", True)):
        payload = json.dumps({**LOCATION, "t": trigger}).encode()
        last = list(convention.hear(Message(f"owntracks/{PHONE}", payload, TIME)))[-1]
        assert isinstance(last, Heard)
        assert convention.done(command, last) is is_done
    with pytest.raises(Invalid):
        convention.command(PHONE, "set", {"a": 1}, "c1")


def test_a_request_over_http_names_its_topic() -> None:
    assert address_of({"topic": "owntracks/anna/phone"}) == PHONE
    with pytest.raises(Refusal):
        address_of({"topic": "x"})


@pytest.mark.parametrize("payload", ["no JSON", "[1]", b"\xff"])
def test_what_cannot_be_read_is_refused(payload: str | bytes) -> None:
    with pytest.raises(Refusal):
        heard(OwnTracks(""), f"owntracks/{PHONE}", payload)
