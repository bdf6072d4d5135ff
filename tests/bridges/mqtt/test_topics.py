from __future__ import annotations

import pytest

from bridges.mqtt import topics
from bridges.mqtt.topics import SetAddress, TopicAddress, may_match_reports, parse_set, reported_by
from devices.errors import Refusal

OWN = {"pump-1"}


@pytest.mark.parametrize(
    ("topic", "address"),
    [
        ("devices/pump-1/set", SetAddress("pump-1")),
        ("devices/pump-1/set/speed", SetAddress("pump-1", "speed")),
        ("devices/pump-1/set/é", SetAddress("pump-1", "é")),
        ("devices/pump-1/set/", None),
        ("devices/pump-1/set/a/b", None),
        ("devices/pump 1/set", None),
        ("devices//set", None),
        ("devices/pump-1/sets", None),
        ("device/pump-1/set", None),
    ],
)
def test_the_address_of_what_is_to_be_set(topic: str, address: SetAddress | None) -> None:
    assert parse_set(topic) == address


@pytest.mark.parametrize("kind", ["telemetry", "status", "attributes", "answers/abc"])
def test_a_device_reports_on_these_topics(kind: str) -> None:
    assert reported_by(f"devices/pump-1/{kind}") == "pump-1"


@pytest.mark.parametrize(
    "topic", ["devices/pump-1/commands/1", "devices/pump-1/set", "devices/pump-1/x", "x", "$SYS/x"]
)
def test_nobody_reports_on_others(topic: str) -> None:
    assert reported_by(topic) is None


@pytest.mark.parametrize(
    "topic_filter",
    ["#", "+/#", "devices/#", "devices/+/#", "devices/+/+", "+/+/status", "devices/pump-1/answers/+", "+/pump-1/#"],
)
def test_a_filter_may_match_reports(topic_filter: str) -> None:
    assert may_match_reports(topic_filter, OWN)


@pytest.mark.parametrize(
    "topic_filter",
    ["", "+", "devices", "devices/pump-1", "devices/pump-2/#", "devices/+/commands/#", "devices/+/set", "other/#"],
)
def test_a_filter_that_matches_none_or_those_of_another_device(topic_filter: str) -> None:
    assert not may_match_reports(topic_filter, OWN)


@pytest.mark.parametrize(
    ("topic", "address"),
    [
        ("gateways/roof/soil-3/telemetry", TopicAddress("roof/soil-3", "telemetry")),
        ("gateways/roof/soil-3/status", TopicAddress("roof/soil-3", "status")),
        ("gateways/roof/soil-3/attributes", TopicAddress("roof/soil-3", "attributes")),
        ("gateways/roof/soil-3/answers/c1", TopicAddress("roof/soil-3", "answer", "c1")),
    ],
)
def test_a_gateway_reports_for_other_devices(topic: str, address: TopicAddress) -> None:
    assert topics.parse(topic) == address
    assert topics.gateway_of_report(topic) == "roof"


@pytest.mark.parametrize(
    "topic",
    [
        "gateways/roof/telemetry",
        "gateways/roof/soil-3/other",
        "gateways/roof/soil 3/telemetry",
        "gateways/ro+f/soil-3/telemetry",
        "gateways/roof/soil-3/answers",
        "gateways/roof/devices/soil-3/telemetry",
    ],
)
def test_a_gateway_reports_on_no_other_topic(topic: str) -> None:
    with pytest.raises(Refusal):
        topics.parse(topic)
    assert topics.gateway_of_report(topic) is None


def test_commands_of_children_belong_to_their_gateway() -> None:
    for topic in ("gateways/roof/+/commands/+", "gateways/roof/soil-3/commands/c1"):
        assert topics.gateway_of_commands(topic) == "roof"
    for topic in ("gateways/+/+/commands/+", "gateways/roof/#", "gateways/roof/+/telemetry", "gateways/#"):
        assert topics.gateway_of_commands(topic) is None
    assert topics.is_command("gateways/roof/soil-3/commands/c1")
