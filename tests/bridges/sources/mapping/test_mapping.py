"""The convention that an owner describes: literal messages, and what becomes of them."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import cbor2
import msgspec
import pytest

from bridges.sources.convention import Finding, Heard, Message, Publish, Rejected, SentCommand
from bridges.sources.conventions import make
from bridges.sources.mapping import convention as mapping
from bridges.sources.mapping.convention import MappedConvention
from bridges.sources.mapping.patterns import Pattern
from devices.errors import Invalid
from devices.values import Attributes, Availability, Sample, StatusReport, Telemetry

AT = 1_796_032_600_000_000


def mapped(*rules: dict[str, Any], prefix: str = "home", **more: Any) -> MappedConvention:
    made = make("mapping", prefix, {"rules": list(rules), **more})
    assert isinstance(made, MappedConvention)
    return made


def hear(made: MappedConvention, topic: str, payload: str | bytes, *, retained: bool = False) -> list[Finding]:
    body = payload.encode() if isinstance(payload, str) else payload
    return list(made.hear(Message(topic, body, AT, retained)))


def values(findings: list[Finding]) -> dict[str, dict[str, Any]]:
    """Device -> metric -> value of all telemetry."""
    found: dict[str, dict[str, Any]] = {}
    for one in findings:
        assert isinstance(one, Heard), one
        if isinstance(one.report, Telemetry):
            found.setdefault(one.address, {}).update({sample.metric: sample.value for sample in one.report.samples})
    return found


LINE = "weather,room=attic temperature=21.5,humidity=40i 1796031680000000000"
BATCH = '{"metrics":[{"name":"cpu","fields":{"usage_idle":98.5},"tags":{"host":"pi"},"timestamp":1796032595}]}'
CBOR = bytes.fromhex("a16b74656d7065726174757265fb4035800000000000")

CASES: list[tuple[str, dict[str, Any], str, str | bytes, dict[str, dict[str, Any]]]] = [
    ("a level is the metric", {"topic": "{device}/{metric}", "decoder": "scalar"}, "kitchen/temperature", "21.5",
     {"kitchen": {"temperature": 21.5}}),
    ("several levels are the metric", {"topic": "{device}/{metric...}", "decoder": "scalar"}, "boiler/relay/0/power",
     "23.41", {"boiler": {"relay.0.power": 23.41}}),
    ("an object", {"topic": "{device}"}, "kitchen", '{"t":{"in":21,"out":[1,2]},"x":null}',
     {"kitchen": {"t.in": 21, "t.out.0": 1, "t.out.1": 2}}),
    ("a path of the values", {"topic": "{device}", "values": "data.now"}, "a", '{"data":{"now":{"p":5}},"n":1}',
     {"a": {"p": 5}}),
    ("the device in the payload", {"topic": "events", "device": ["{model}-{id}", "{model}"]}, "events",
     '{"model":"TH1","id":7,"temperature_C":3.5}', {"TH1-7": {"temperature_C": 3.5}}),
    ("the second name where the first cannot be made", {"topic": "events", "device": ["{model}-{id}", "{model}"]},
     "events", '{"model":"TH1","temperature_C":3.5}', {"TH1": {"temperature_C": 3.5}}),
    ("F03c: a bare word", {"topic": "{device}", "decoder": "scalar", "metric": "relay.0"}, "plug", "on",
     {"plug": {"relay.0": True}}),
    ("F03c: a renamed metric and a word", {"topic": "{device}", "rename": {"on": "relay.0"}, "words": {"on": True}},
     "plug", '{"on":"on"}', {"plug": {"relay.0": True}}),
    ("words of the owner's", {"topic": "{device}/{metric}", "decoder": "scalar", "words": {"zu": 0, "auf": 1}},
     "door/state", "auf", {"door": {"state": 1}}),
    ("text stays text", {"topic": "{device}/{metric}", "decoder": "text"}, "a/code", "007", {"a": {"code": "007"}}),
    ("F10a: gzip", {"topic": "{device}", "decoder": "gzip+json"}, "a", gzip.compress(b'{"temperature":21.5}'),
     {"a": {"temperature": 21.5}}),
    ("F10b: CBOR", {"topic": "{device}", "decoder": "cbor"}, "a", CBOR, {"a": {"temperature": 21.5}}),
    ("MessagePack", {"topic": "{device}", "decoder": "msgpack"}, "a",
     msgspec.msgpack.encode({"t": 21.5, 3: b"\1\2"}), {"a": {"t": 21.5, "3": "0102"}}),
    ("F10d: line protocol", {"topic": "influx", "decoder": "line-protocol", "values": "fields", "metric": "{name}",
     "device": "{tags.room}"}, "influx", LINE, {"attic": {"weather.temperature": 21.5, "weather.humidity": 40}}),
    ("F10e: a batch of Telegraf's", {"topic": "#", "each": "metrics", "values": "fields", "metric": "{name}",
     "device": "{tags.host}"}, "any/topic", BATCH, {"pi": {"cpu.usage_idle": 98.5}}),
    ("some metrics only", {"topic": "{device}", "only": ["temp*"], "skip": ["temp_raw"]}, "a",
     '{"temp":1,"temp_raw":2,"rssi":3}', {"a": {"temp": 1}}),
    ("an object of devices", {"topic": "x", "each": "tags", "device": "{key}"}, "x",
     '{"tags":{"a":{"t":1},"b":{"t":2}}}',
     {"a": {"t": 1}, "b": {"t": 2}}),
    ("from the root", {"topic": "/other/{device}"}, "/other/a", '{"x":1}', {"a": {"x": 1}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "topic", "payload", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_message_becomes_readings(
    rule: dict[str, Any], topic: str, payload: str | bytes, expected: dict[str, dict[str, Any]]
) -> None:
    full = topic[1:] if topic.startswith("/") else f"home/{topic}"
    assert values(hear(mapped(rule), full, payload)) == expected


TIMES: list[tuple[dict[str, Any], str, int | None]] = [
    ({"form": "ms"}, "1796032595123", 1_796_032_595_123_000),
    ({"form": "s"}, "1796032595", 1_796_032_595_000_000),
    ({"form": "s"}, "1796032595.25", 1_796_032_595_250_000),
    ({"form": "s"}, '"1796032595"', 1_796_032_595_000_000),
    ({"form": "us"}, "1796032595000001", 1_796_032_595_000_001),
    ({"form": "ns"}, "1796032595000001999", 1_796_032_595_000_001),
    ({"form": "iso"}, '"2026-11-30T11:00:00+01:00"', 1_796_032_800_000_000),
    ({"form": "iso", "zone": "Europe/Berlin"}, '"2026-11-30 11:00:00"', 1_796_032_800_000_000),
    ({"form": "iso"}, '"2026-11-30 11:00:00"', None),
    ({"form": "s"}, "null", None),
]


@pytest.mark.parametrize(("time", "claimed", "expected"), TIMES)
def test_a_time_in_each_form(time: dict[str, Any], claimed: str, expected: int | None) -> None:
    made = mapped({"topic": "{device}", "time": {"path": "at", **time}})
    (found,) = hear(made, "home/a", f'{{"at":{claimed},"x":1}}')
    assert isinstance(found, Heard)
    assert isinstance(found.report, Telemetry)
    assert found.report.samples == (Sample("x", 1, expected),)


def test_F10d_and_F10e_have_their_own_times() -> None:
    influx = {"topic": "i", "decoder": "line-protocol", "values": "fields", "device": "{tags.room}"}
    made = mapped({**influx, "time": {"path": "timestamp", "form": "ns"}})
    (line,) = hear(made, "home/i", LINE)
    assert isinstance(line, Heard)
    assert isinstance(line.report, Telemetry)
    assert {sample.time for sample in line.report.samples} == {1_796_031_680_000_000}
    telegraf = make("mapping", "", {"preset": "telegraf"})
    (batch,) = telegraf.hear(Message("telegraf/pi/cpu", BATCH.encode(), AT))
    assert isinstance(batch, Heard)
    assert isinstance(batch.report, Telemetry)
    assert batch.report.samples == (Sample("cpu.usage_idle", 98.5, 1_796_032_595_000_000),)


def test_a_time_that_cannot_be_read_costs_no_reading() -> None:
    made = mapped({"topic": "{device}", "time": {"path": "at", "form": "s"}})
    (found,) = hear(made, "home/a", '{"at":"yesterday","x":1}')
    assert isinstance(found, Heard)
    assert isinstance(found.report, Telemetry)
    assert found.report.samples == (Sample("x", 1, None),)
    assert found.report.skipped is not None
    assert found.report.skipped.counts == {"timestamp_invalid": 1}


STATUS = {"topic": "{device}/status", "as": "status", "decoder": "text"}


@pytest.mark.parametrize(
    ("more", "payload", "expected"),
    [
        ({}, "online", Availability.ONLINE),
        ({}, "false", Availability.OFFLINE),
        ({"online": ["up"], "offline": ["down"]}, "up", Availability.ONLINE),
        ({"online": ["up"], "offline": ["down"]}, "down", Availability.OFFLINE),
        ({"decoder": "json", "values": "state"}, '{"state":"offline"}', Availability.OFFLINE),
    ],
)
def test_availability(more: dict[str, Any], payload: str, expected: Availability) -> None:
    assert hear(mapped({**STATUS, **more}), "home/a/status", payload, retained=True) == [
        Heard("a", StatusReport(expected, AT, repeated=True))
    ]


def test_an_unknown_word_of_availability_is_refused_at_its_device() -> None:
    (found,) = hear(mapped(STATUS), "home/a/status", "maybe")
    assert isinstance(found, Rejected)
    assert (found.address, found.kind) == ("a", "status")
    assert found.refusal.reason == "invalid_shape"


def test_a_gateways_state_counts_for_its_devices() -> None:
    made = mapped(STATUS, {"topic": "{gateway}/ble/{device}", "via": "{gateway}"})
    hear(made, "home/gw/ble/tag", '{"x":1}')
    own, child = hear(made, "home/gw/status", "offline")
    assert own == Heard("gw", StatusReport(Availability.OFFLINE, AT))
    assert child == Heard("tag", StatusReport(Availability.OFFLINE, AT, via="gw"), via="gw")
    later = hear(made, "home/gw/ble/new", '{"x":1}')
    assert later[-1] == Heard("new", StatusReport(Availability.OFFLINE, AT, repeated=True, via="gw"), via="gw")


def test_the_first_pattern_that_fits_counts_with_all_of_its_rules() -> None:
    made = mapped(
        {"topic": "{device}/info", "as": "attributes", "values": "sys"},
        {"topic": "{device}/info", "values": "now"},
        {"topic": "{device}/log", "as": "ignore"},
        {"topic": "{device}/{metric}", "decoder": "scalar"},
    )
    facts, readings = hear(made, "home/a/info", '{"sys":{"fw":"1.2"},"now":{"t":5}}')
    assert facts == Heard("a", Attributes({"fw": "1.2"}))
    assert values([readings]) == {"a": {"t": 5}}
    assert hear(made, "home/a/log", "x") == []
    assert hear(made, "elsewhere/a/log", "x") == []
    assert values(hear(made, "home/a/t", "5")) == {"a": {"t": 5}}
    assert made.filters() == ["home/+/+"]


def test_units_and_controls_are_reported_once() -> None:
    made = mapped(
        {"topic": "{device}", "units": {"temperature*": "°C"}},
        commands=[{"topic": "{device}/set", "arg": "state", "control": "switch"}],
    )
    _, facts = hear(made, "home/a", '{"temperature_in":1,"x":2}')
    assert facts == Heard("a", Attributes({"controls.state": "switch", "units.temperature_in": "°C"}))
    assert len(hear(made, "home/a", '{"temperature_in":1}')) == 1
    _, more = hear(made, "home/a", '{"temperature_out":1}')
    assert more == Heard("a", Attributes({"units.temperature_out": "°C"}))


def test_a_retained_message_that_is_deleted_is_no_value() -> None:
    assert hear(mapped({"topic": "{device}"}), "home/a", "", retained=True) == []


COMMANDS: list[tuple[dict[str, Any], dict[str, Any], str, bytes]] = [
    ({"topic": "{device}/set"}, {"on": True, "level": 2}, "home/a/set", b'{"on":true,"level":2}'),
    ({"topic": "{device}/{arg}/set", "arg": "*"}, {"level": 2}, "home/a/level/set", b"2"),
    ({"topic": "{device}/{arg...}", "arg": "*"}, {"relay": {"0": True}}, "home/a/relay/0", b"true"),
    ({"topic": "{device}/relay/0/command", "arg": "relay.0", "on": "on", "off": "off"}, {"relay.0": True},
     "home/a/relay/0/command", b"on"),
    ({"topic": "{device}/c", "arg": "s", "on": "1", "off": "0"}, {"s": "OFF"}, "home/a/c", b"0"),
    ({"topic": "/cmd/{device}", "arg": "*", "body": {"{arg}": "{value}", "by": "hub"}}, {"level": 2.5}, "cmd/a",
     b'{"level":2.5,"by":"hub"}'),
    ({"topic": "{device}/api", "body": {"seg": "{args}"}}, {"fx": 3}, "home/a/api", b'{"seg":{"fx":3}}'),
    ({"topic": "{device}/x", "arg": "p", "body": '{"a":"{value}"}'}, {"p": "z"}, "home/a/x", b'{"a":"z"}'),
]  # fmt: skip


@pytest.mark.parametrize(("command", "args", "topic", "body"), COMMANDS)
def test_a_command(command: dict[str, Any], args: dict[str, Any], topic: str, body: bytes) -> None:
    made = mapped({"topic": "{device}"}, commands=[command])
    (found,) = made.command("a", "set", args, "c1")
    assert found == Publish(topic, body, qos=1, retain=False)


def test_levels_of_an_address_are_names_in_a_command() -> None:
    made = mapped(
        {"topic": "{portal}/{service}/{n}/{metric...}", "device": "{portal}/{service}/{n}"},
        commands=[{"topic": "/W/{portal}/{service}/{n}/{arg...}", "arg": "*", "body": {"value": "{value}"}}],
    )
    (found,) = made.command("c0/vebus/257", "set", {"Hub4.L1.AcPowerSetpoint": -200}, "c1")
    assert (found.topic, found.payload) == ("W/c0/vebus/257/Hub4/L1/AcPowerSetpoint", b'{"value":-200}')


def test_commands_that_are_not_described_are_refused() -> None:
    made = mapped({"topic": "{device}"}, commands=[{"topic": "{device}/{arg}", "arg": "level"}])
    for name, args, reason in [
        ("reboot", {}, "no command 'reboot'"),
        ("set", {"colour": 1}, "the argument 'colour'"),
        ("set", {}, "needs an argument"),
    ]:
        with pytest.raises(Invalid, match=reason):
            made.command("a", name, args, "c1")
    with pytest.raises(Invalid, match="cannot be made"):
        made.command("a#", "set", {"level": 1}, "c1")


def test_a_command_is_done_when_its_value_is_reported() -> None:
    made = mapped({"topic": "{device}/{metric}", "decoder": "scalar"})
    command = SentCommand("c1", "a", "set", {"power": True})
    (off,), (on,) = hear(made, "home/a/power", "OFF"), hear(made, "home/a/power", "ON")
    assert isinstance(off, Heard)
    assert isinstance(on, Heard)
    assert (made.done(command, off), made.done(command, on)) == (False, True)


def test_a_gateway_is_kept_sending() -> None:
    made = mapped(
        {"topic": "{portal}/{device}"},
        keep_alive={
            "on": "{portal}/#",
            "topic": "/R/{portal}/keepalive",
            "body": {"quiet": True},
            "first": "",
            "every_s": 30,
        },
    )
    found = [
        [one for one in made.hear(Message("home/p1/a", b'{"x":1}', AT + s * 1_000_000)) if isinstance(one, Publish)]
        for s in (0, 29, 31)
    ]
    assert found == [[Publish("R/p1/keepalive", b"", 0)], [], [Publish("R/p1/keepalive", b'{"quiet":true}', 0)]]
    assert made.command_filters() == ["R/+/keepalive"]
    assert list(made.greeting()) == []
    known = mapped({"topic": "#"}, keep_alive={"on": "#", "topic": "/R/p1/keepalive"})
    assert list(known.greeting()) == [Publish("R/p1/keepalive", b"", 0)]


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("#", "home", {}),
        ("#", "home/a/b", {}),
        ("{a...}", "home", None),
        ("{a...}", "home/x/y", {"a": "x.y"}),
        ("{a}/#", "home/x", {"a": "x"}),
        ("{a}/#", "home", None),
        ("+/{a}", "home//x", {"a": "x"}),
        ("{a}", "home/", None),
        ("a.c", "home/abc", None),
        ("{a}", "homes/x", None),
    ],
)
def test_a_pattern(pattern: str, topic: str, expected: dict[str, str] | None) -> None:
    assert Pattern.of(pattern, "home").match(topic) == expected


BAD_PAYLOADS: list[tuple[str, bytes, str]] = [
    ("json", b"{", "invalid_json"),
    ("json", b"[" * 100_000, "too_deep"),
    ("text", b"\xff\xfe", "invalid_encoding"),
    ("scalar", b"\0", "empty_payload"),
    ("cbor", b"\x81" * 5_000, "not_readable"),
    ("cbor", bytes.fromhex("9bffffffffffffffff"), "not_readable"),
    ("cbor", bytes.fromhex("c5821b00000000ffffffff01"), "not_readable"),
    ("cbor", bytes.fromhex("d8236161"), "not_readable"),
    ("cbor", bytes.fromhex("d81c81d81d00"), "not_readable"),
    ("msgpack", b"\x91" * 5_000, "not_readable"),
    ("msgpack", b"\xdf\xff\xff\xff\xff", "not_readable"),
    ("line-protocol", b"weather", "not_readable"),
    ("line-protocol", b"weather t=1_0", "not_readable"),
    ("line-protocol", b"a b=1\n" * 1_001, "too_many_values"),
    ("gzip+json", b"nonsense", "invalid_gzip"),
    ("gzip+json", gzip.compress(b"0" * 1_000_000), "payload_too_large"),
]


@pytest.mark.parametrize(("decoder", "payload", "reason"), BAD_PAYLOADS)
def test_what_cannot_be_read_is_refused_at_its_device(decoder: str, payload: bytes, reason: str) -> None:
    (found,) = hear(mapped({"topic": "{device}", "decoder": decoder}), "home/a", payload)
    assert isinstance(found, Rejected)
    assert (found.address, found.refusal.reason) == ("a", reason)


NUMBERS = ["id", "at", "v", "word", "on"]


@pytest.mark.parametrize("decoder", ["json", "cbor", "msgpack", "scalar", "text", "line-protocol", "gzip+cbor"])
def test_nothing_but_refusals_comes_of_any_bytes(decoder: str) -> None:
    dice = random.Random(decoder)
    huge = cbor2.dumps(dict.fromkeys(NUMBERS, 1 << 40_000))
    seeds = [CBOR, huge, LINE.encode(), BATCH.encode(), msgspec.msgpack.encode(dict.fromkeys(NUMBERS, 2**63)), b"[[1]]"]
    rules = [
        {"device": "{id}", "name": "{word}", "time": {"path": "at", "form": form}, "values": values, "each": each}
        for form, values, each in [("s", "", ""), ("ns", "v", ""), ("iso", "", "metrics"), ("ms", "v.0", "v")]
    ]
    made = mapped(*[{"topic": "#", "decoder": decoder, "words": {"on": 1}, **rule} for rule in rules])
    for _ in range(300):
        payload = bytearray(dice.choice(seeds) + dice.randbytes(dice.choice([0, 3])))
        for _ in range(dice.choice([0, 1, 3])):
            payload[dice.randrange(len(payload))] = dice.randrange(256)
        body = gzip.compress(bytes(payload)) if decoder.startswith("gzip") else bytes(payload)
        for one in hear(made, "home/x", body):
            assert isinstance(one, (Heard, Rejected))


def test_one_bad_item_costs_no_other() -> None:
    made = mapped({"topic": "x", "each": "list", "device": "{id}", "values": "v"})
    items = [{"id": "a", "v": {"t": 1}}, {"v": {"t": 2}}, {"id": "c"}, {"id": "d", "v": {"t": 4}}, 5]
    found = hear(made, "home/x", json.dumps({"list": items}))
    assert values([one for one in found if isinstance(one, Heard)]) == {"a": {"t": 1}, "d": {"t": 4}}
    assert [one.address for one in found if isinstance(one, Rejected)] == ["", "c", ""]


def test_a_message_has_a_bounded_number_of_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "MAX_ITEMS", 2)
    made = mapped({"topic": "x", "each": "l", "device": "{id}"})
    (found,) = hear(made, "home/x", '{"l":[{"id":1},{"id":2},{"id":3}]}')
    assert isinstance(found, Rejected)
    assert found.refusal.reason == "too_many_values"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "MAX_KNOWN", 3)
    monkeypatch.setattr(mapping, "MAX_CHILDREN", 2)
    made = mapped(STATUS, {"topic": "{gateway}/ble/{device}", "via": "{gateway}"})
    for number in range(9):
        hear(made, "home/gw/ble/" + str(number), '{"x":1}')
        hear(made, f"home/{number}/status", "online")
    hear(made, "home/gw/status", "online")
    assert len(made._described) == len(made._gateways) == 3
    assert len(made._children["gw"]) == 2


BAD_DEFINITIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "rules"),
    ({"rules": []}, "length >= 1"),
    ({"rules": [{"topic": "{device}", "colour": 1}]}, "unknown field `colour`"),
    ({"rules": [{"topic": "{device}", "decoder": "xml"}]}, r"rules\[0\]: there is no decoder 'xml'"),
    ({"rules": [{"topic": "{device}", "decoder": "gzip+gzip+json"}]}, "there is no decoder"),
    ({"rules": [{"topic": "#/x"}]}, "before its end"),
    ({"rules": [{"topic": "{a...}/x"}]}, "before its end"),
    ({"rules": [{"topic": "{a}/{a}"}]}, "a name twice"),
    ({"rules": [{"topic": "x{a}"}]}, "mixes"),
    ({"rules": [{"topic": "/devices/{device}"}]}, "the hub's own"),
    ({"rules": [{"topic": "/$SYS/#"}]}, "the hub's own or the broker's"),
    ({"rules": [{"topic": "/{device}/x"}]}, "written out"),
    ({"rules": [{"topic": "x"}], "commands": [{"topic": "/gateways/a"}]}, r"commands\[0\].*the hub's own"),
    ({"rules": [{"topic": "x"}], "commands": [{"topic": "/{device}"}]}, "written out"),
    ({"rules": [{"topic": "x"}], "commands": [{"topic": "a/+"}]}, "has \\+ or #"),
    (
        {"rules": [{"topic": "x", "time": {"path": "t", "form": "iso", "zone": "Mars/Base"}}]},
        "no time zone 'Mars/Base'",
    ),
    ({"rules": [{"topic": "x"}] * 51}, "length <= 50"),
    ({"preset": "nothing"}, "a preset stands alone"),
]


@pytest.mark.parametrize(("options", "message"), BAD_DEFINITIONS)
def test_a_definition_that_cannot_work_is_refused_in_words(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        make("mapping", "home", options)


def test_a_mapping_needs_a_prefix() -> None:
    with pytest.raises(Invalid, match="needs a prefix"):
        make("mapping", "", {"rules": [{"topic": "{device}"}]})
