"""Sparkplug B, by examples."""

from __future__ import annotations

from typing import Any

import pytest

from bridges.sources.convention import Heard, Message, SentCommand
from bridges.sources.conventions.sparkplug import ASK_AGAIN_US, MAX_NODES, SparkplugB
from bridges.sources.conventions.sparkplug_payload import Payload, read
from devices.errors import Invalid, Refusal
from devices.values import Telemetry
from tests.bridges.sources.conventions.examples import AT, described, heard

NODE, PUMP = "plant/edge1", "plant/edge1/pump"
VIA = {"via": NODE}
TS = AT // 1000
DDATA = bytes.fromhex("08f2dbbfcfad33120e100318f2dbbfcfad33650000ac411802")
CUT_OFF = bytes.fromhex("08f2dbbfcfad33120d100318f2dbbfcfad336d0000ac411802")
"""As reported from the field: the metric is longer than it says, and its value has a wire type of another field."""
ASK = ("publish", "spBv1.0/plant/NCMD/edge1")


def payload(seq: int | None, *metrics: dict[str, Any], **others: Any) -> bytes:
    made = Payload(timestamp=TS, metrics=metrics, **others)
    if seq is not None:
        made.seq = seq
    data: bytes = made.SerializeToString()
    return data


REBIRTH = {"name": "Node Control/Rebirth", "datatype": 11, "boolean_value": False}
TEMPERATURE = {"name": "Outlet/Temp", "alias": 3, "datatype": 9, "float_value": 21.5}
RUN = {"name": "Run", "alias": 4, "datatype": 11, "boolean_value": False}
LEVEL = {"name": "Level", "alias": 5, "datatype": 3, "int_value": 4294967284}
NBIRTH = payload(0, {"name": "bdSeq", "datatype": 8, "long_value": 4}, REBIRTH)
DBIRTH = payload(1, TEMPERATURE, RUN, LEVEL)


def say(convention: SparkplugB, topic: str, data: bytes, at: int = AT) -> list[tuple[Any, ...]]:
    found = described(convention.hear(Message(f"spBv1.0/plant/{topic}", data, at)))
    return [each[:2] if each[0] == "publish" else each for each in found]


@pytest.fixture
def born() -> SparkplugB:
    convention = SparkplugB("")
    say(convention, "NBIRTH/edge1", NBIRTH)
    say(convention, "DBIRTH/edge1/pump", DBIRTH)
    return convention


def test_births_name_what_data_carries_by_alias() -> None:
    convention = SparkplugB("")
    assert say(convention, "NBIRTH/edge1", NBIRTH) == [
        (NODE, "online"),
        (NODE, "facts", {"controls.Node Control/Rebirth": "button"}),
        (NODE, {}),
    ]
    assert say(convention, "DBIRTH/edge1/pump", DBIRTH) == [
        (PUMP, "online", "via", NODE, VIA),
        (PUMP, "online", VIA),
        (PUMP, {"Outlet/Temp": 21.5, "Run": False, "Level": -12}, AT, VIA),
    ]
    assert say(convention, "DDATA/edge1/pump", DDATA) == [(PUMP, {"Outlet/Temp": 21.5}, 1_764_592_971_250_000, VIA)]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ({"datatype": 1, "int_value": 244}, -12),
        ({"datatype": 2, "int_value": 65524}, -12),
        ({"datatype": 3, "int_value": 4294967284}, -12),
        ({"datatype": 4, "long_value": 2**64 - 12}, -12),
        ({"datatype": 7, "int_value": 4294967284}, 4294967284),
        ({"datatype": 9, "float_value": 21.6}, 21.6),
        ({"datatype": 10, "double_value": 0.1}, 0.1),
        ({"datatype": 11, "boolean_value": True}, True),
        ({"datatype": 12, "string_value": "on"}, "on"),
        ({"datatype": 13, "long_value": TS}, TS),
    ],
)
def test_a_value_has_the_type_of_its_birth(born: SparkplugB, metric: dict[str, Any], value: Any) -> None:
    say(born, "DBIRTH/edge1/pump", payload(2, {"name": "x", "alias": 9, **metric}))
    bare = {key: each for key, each in metric.items() if key != "datatype"}
    assert say(born, "DDATA/edge1/pump", payload(3, {"alias": 9, **bare})) == [(PUMP, {"x": value}, AT, VIA)]


@pytest.mark.parametrize(
    ("metric", "found"),
    [
        ({"alias": 3, "is_null": True}, (PUMP, {}, VIA)),
        (
            {"alias": 3, "float_value": 20.0, "is_historical": True, "timestamp": TS - 1000},
            (PUMP, {"Outlet/Temp": 20.0}, AT - 1_000_000, VIA),
        ),
        (
            {"alias": 3, "float_value": 20.0, "is_historical": True, "timestamp": 0},
            (PUMP, "rejected", "timestamp_invalid"),
        ),
        ({"alias": 3, "dataset_value": b""}, (PUMP, "rejected", "invalid_shape")),
        ({"alias": 3, "template_value": b""}, (PUMP, "rejected", "invalid_shape")),
        ({"alias": 3, "float_value": float("nan")}, (PUMP, "rejected", "not_finite")),
        (
            {"alias": 3, "datatype": 23, "bytes_value": b"\x01\x00\xff\xff"},
            (PUMP, {"Outlet/Temp.0": 1, "Outlet/Temp.1": -1}, AT, VIA),
        ),
    ],
)
def test_what_is_special_about_a_value(born: SparkplugB, metric: dict[str, Any], found: tuple[Any, ...]) -> None:
    assert say(born, "DDATA/edge1/pump", payload(2, metric)) == [found]


def test_a_data_set_is_refused_by_name_and_the_others_are_stored(born: SparkplugB) -> None:
    data = payload(2, {"alias": 4, "dataset_value": b""}, {"alias": 3, "float_value": 22.0})
    [found] = born.hear(Message("spBv1.0/plant/DDATA/edge1/pump", data, AT))
    assert isinstance(found, Heard)
    assert isinstance(found.report, Telemetry)
    assert found.report.skipped is not None
    assert found.report.skipped.first.message.startswith("Run: ")
    assert [sample.metric for sample in found.report.samples] == ["Outlet/Temp"]


def test_a_gap_asks_for_one_rebirth_and_waits(born: SparkplugB) -> None:
    refused = (PUMP, "rejected", "birth_missing")
    data = {"alias": 3, "float_value": 22.0}
    assert say(born, "DDATA/edge1/pump", payload(3, data)) == [ASK, refused]
    assert say(born, "DDATA/edge1/pump", payload(4, data)) == [refused]
    assert say(born, "DDATA/edge1/pump", payload(5, data), AT + ASK_AGAIN_US) == [ASK, refused]
    say(born, "NBIRTH/edge1", NBIRTH)
    say(born, "DBIRTH/edge1/pump", DBIRTH)
    assert say(born, "DDATA/edge1/pump", payload(2, data)) == [(PUMP, {"Outlet/Temp": 22.0}, AT, VIA)]


def test_the_sequence_starts_again_after_255(born: SparkplugB) -> None:
    for seq in range(2, 260):
        found = say(born, "DDATA/edge1/pump", payload(seq % 256, {"alias": 3, "float_value": 22.0}))
        assert found == [(PUMP, {"Outlet/Temp": 22.0}, AT, VIA)]


def test_a_node_that_was_never_born_is_asked_for_its_birth() -> None:
    convention = SparkplugB("")
    assert say(convention, "DDATA/edge1/pump", DDATA) == [ASK, (PUMP, "rejected", "birth_missing")]
    [ask, _] = SparkplugB("").hear(Message("spBv1.0/plant/NDATA/edge1", payload(2), AT))
    assert getattr(ask, "qos", None) == 0
    [metric] = read(ask.payload).metrics  # type: ignore[union-attr]
    assert (metric.name, metric.boolean_value) == ("Node Control/Rebirth", True)


def test_an_unknown_alias_asks_for_a_rebirth(born: SparkplugB) -> None:
    found = say(born, "DDATA/edge1/pump", payload(2, {"alias": 77, "float_value": 1.0}))
    assert found == [ASK, (PUMP, "rejected", "birth_missing")]


def test_a_node_takes_its_devices_along(born: SparkplugB) -> None:
    will = payload(None, {"name": "bdSeq", "datatype": 8, "long_value": 4})
    earlier = payload(None, {"name": "bdSeq", "datatype": 8, "long_value": 3})
    assert say(born, "NDEATH/edge1", earlier) == []
    assert say(born, "NDEATH/edge1", will) == [(NODE, "offline"), (PUMP, "offline", "via", NODE, VIA)]
    assert (PUMP, "online", "via", NODE, VIA) in say(born, "NBIRTH/edge1", NBIRTH)


def test_a_device_may_end_by_itself(born: SparkplugB) -> None:
    assert say(born, "DDEATH/edge1/pump", payload(2)) == [(PUMP, "offline", VIA)]


def test_a_command_has_the_types_of_the_birth(born: SparkplugB) -> None:
    [publish] = born.command(PUMP, "set", {"Run": True, "Level": -12}, "c1")
    assert (publish.topic, publish.qos, publish.retain) == ("spBv1.0/plant/DCMD/edge1/pump", 0, False)
    run, level = read(publish.payload).metrics
    assert (run.alias, run.boolean_value, run.name) == (4, True, "")
    assert (level.alias, level.datatype, level.int_value) == (5, 3, 4294967284)
    [publish] = born.command(NODE, "set", {"Node Control/Rebirth": True}, "c1")
    assert publish.topic == "spBv1.0/plant/NCMD/edge1"
    assert born.command(PUMP, "rebirth", {}, "c1")[0].topic == "spBv1.0/plant/NCMD/edge1"


@pytest.mark.parametrize(
    ("address", "name", "args"),
    [
        (PUMP, "set", {"Run": 3}),
        (PUMP, "set", {"Level": 2**31}),
        (PUMP, "set", {"Outlet/Temp": "warm"}),
        (PUMP, "set", {"Nothing": 1}),
        (PUMP, "set", {}),
        (PUMP, "dance", {}),
        ("plant/edge2/pump", "set", {"Run": True}),
    ],
)
def test_what_cannot_be_set_is_refused(born: SparkplugB, address: str, name: str, args: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        born.command(address, name, args, "c1")


def test_a_command_is_done_once_the_device_reports_the_value(born: SparkplugB) -> None:
    command = SentCommand("c1", PUMP, "set", {"Run": True})
    for seq, value in ((2, False), (3, True)):
        data = payload(seq, {"alias": 4, "boolean_value": value})
        [found] = born.hear(Message("spBv1.0/plant/DDATA/edge1/pump", data, AT))
        assert isinstance(found, Heard)
        assert born.done(command, found) == value


def test_the_hub_announces_itself_as_a_host() -> None:
    convention = SparkplugB("", {"host": "hall"})
    convention.started_at = AT
    [greeting] = convention.greeting()
    assert (greeting.topic, greeting.payload, greeting.retain) == (
        "spBv1.0/STATE/hall",
        b'{"online":true,"timestamp":%d}' % TS,
        True,
    )
    assert convention.farewell().payload == b'{"online":false,"timestamp":%d}' % TS
    with pytest.raises(Invalid):
        SparkplugB("", {"host": "a/b"})


def test_units_come_from_properties() -> None:
    properties = {"keys": ["engUnit"], "values": [{"type": 12, "string_value": "°C"}]}
    found = say(SparkplugB(""), "NBIRTH/edge1", payload(0, {**TEMPERATURE, "properties": properties}))
    assert (NODE, "facts", {"units.Outlet/Temp": "°C"}) in found


def test_nodes_are_bounded(born: SparkplugB) -> None:
    for number in range(MAX_NODES):
        say(born, f"NBIRTH/other{number}", NBIRTH)
    assert say(born, "DDATA/edge1/pump", DDATA)[0] == ASK


def test_what_is_not_protobuf_is_refused() -> None:
    for data in (b"\xff\xff", b"{}", CUT_OFF):
        with pytest.raises(Refusal):
            heard(SparkplugB(""), "spBv1.0/plant/NBIRTH/edge1", data)
