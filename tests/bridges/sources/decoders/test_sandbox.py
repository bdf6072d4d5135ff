"""One script in its engine: the forms in which vendors write them, and what stops one that goes wrong."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import pytest

from bridges.sources.decoders.calls import Call, CallBatch, Outcome
from bridges.sources.decoders.limits import MAX_CONSOLE_LINES, MAX_SCRIPTS
from bridges.sources.decoders.sandbox import Sandbox, ScriptFailed
from bridges.sources.decoders.worker import Worker
from tests.bridges.sources.decoders.scripts import CHIRPSTACK, OLD, THINGS_NETWORK, WITH_BUFFER


def run(script: str, payload: bytes = b"\x00", f_port: int = 1, **options: Any) -> Outcome:
    return Sandbox(script).call(Call(payload, f_port, 1_796_032_592_000, **options))


def decoded(script: str, payload: bytes = b"\x00", f_port: int = 1) -> Any:
    outcome = run(script, payload, f_port)
    assert not outcome.reason, outcome
    return msgspec.json.decode(outcome.json)


def uplink(body: str) -> str:
    return "function decodeUplink(input) {\n" + body + "\n}"


def test_a_script_of_the_things_network() -> None:
    [values, normalized] = decoded(THINGS_NETWORK, b"\xff\x9c\xb4", 2)
    assert values == {"values": {"temperature": -1, "battery": {"volts": 3.6}, "at": True}}
    assert normalized == {"values": {"air": {"temperature": -1}}}


def test_its_errors_and_warnings_are_the_outcome() -> None:
    assert run(THINGS_NETWORK, b"\x00\x00\x32", 2).warnings == ["battery is low"]
    refused = run(THINGS_NETWORK, b"\x00\x00\x32", 3)
    assert (refused.reason, refused.detail) == ("decoder_error", "unknown FPort 3")


def test_its_downlink() -> None:
    outcome = run(THINGS_NETWORK, b'{"interval": 60}', is_downlink=True)
    assert msgspec.json.decode(outcome.json) == {"bytes": [1, 60], "fPort": 3}


def test_a_script_of_chirpstack() -> None:
    assert decoded(CHIRPSTACK, bytes.fromhex("01670110026854"), 85) == {
        "values": {"port": 85, "variables": 0, "temperature_1": 27.2, "humidity_2": 42}
    }


def test_values_have_the_time_of_their_message_where_it_is_known() -> None:
    plain = run(CHIRPSTACK, bytes.fromhex("01670110"), time=1_796_032_592_000, variables='{"offset": "1"}')
    assert msgspec.json.decode(plain.json) == {
        "ts": 1_796_032_592_000,
        "values": {"port": 1, "variables": 1, "temperature_1": 27.2},
    }
    both = msgspec.json.decode(run(THINGS_NETWORK, b"\xff\x9c\xb4", 2, time=5_000).json)
    assert [one["ts"] for one in both] == [5_000, 5_000]


def test_the_time_of_receipt_is_whole() -> None:
    found = decoded(uplink("return {data: {at: input.recvTime.getTime()}}"))
    assert found == {"values": {"at": 1_796_032_592_000}}


def test_an_old_script() -> None:
    assert decoded(OLD, b"\x10\x02\x01", 7) == {"values": {"level": 528, "open": True, "port": 7}}


def test_a_script_with_buffer() -> None:
    payload = struct.pack("<I", 70_000) + struct.pack(">hf", -5, 0.5) + b"\xbe\xefok"
    assert decoded(WITH_BUFFER, payload) == {
        "values": {"counter": 70_000, "level": -5, "ratio": 0.5, "serial": "beef", "text": "ok", "size": 14}
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('Buffer.from("68656c6c6f", "hex").toString()', "hello"),
        ('Buffer.from("aGVsbG8=", "base64").toString("hex")', "68656c6c6f"),
        ('Buffer.from("hello").toString("base64")', "aGVsbG8="),
        ('Buffer.from("h").toString("base64")', "aA=="),
        ('Buffer.from("é").length', 2),
        ('Buffer.from("é").toString("utf8")', "é"),
        ("Buffer.from([255, 255, 255, 254]).readInt32BE(0)", -2),
        ("Buffer.from([254, 255]).readInt16LE()", -2),
        ("Buffer.from([1, 2, 3]).readUIntBE(0, 3)", 0x010203),
        ("Buffer.from([200]).readInt8(0)", -56),
        ("Buffer.from([1, 2]).readUint16LE(0)", 513),
        ("Buffer.concat([Buffer.from([1]), Buffer.from([2])]).toString('hex')", "0102"),
        ("Buffer.from([0, 0, 0, 0, 0, 0, 0, 5]).readBigUInt64BE(0)", 5),
        ("Buffer.from([1,2,3]).slice(1).readUInt8(0)", 2),
    ],
)
def test_buffer(expression: str, value: Any) -> None:
    assert decoded(uplink(f"return {{data: {{it: {expression}}}}}")) == {"values": {"it": value}}


@pytest.mark.parametrize(
    ("body", "reason", "line"),
    [
        ("for (;;) {\n}", "decoder_timeout", 1),  # the engine knows the function, not the loop
        ("const all = []; for (;;) all.push(new Array(1000).fill(1))", "decoder_memory", 2),
        ("return decodeUplink(input)", "decoder_recursion", 2),
        ("return /^(a+)+$/.test('a'.repeat(40) + 'b')", "decoder_timeout", 2),
        ("\n\nreturn input.missing.more", "decoder_failed", 4),
        ("throw new Error('no such frame')", "decoder_failed", 2),
        ("Buffer.from(input.bytes).readUInt16BE(5)", "decoder_failed", 2),
        ("return 7", "decoder_result", 0),
        ("return {}", "decoder_result", 0),
        ("return {data: {text: 'x'.repeat(100000)}}", "decoder_result", 0),
        ("return {data: require('fs')}", "decoder_failed", 2),
        ("return {data: process.env}", "decoder_failed", 2),
    ],
)
def test_what_goes_wrong_has_a_name_and_a_line(body: str, reason: str, line: int) -> None:
    outcome = run(uplink(body))
    assert outcome.reason == reason, outcome
    # Without memory, the engine cannot always say where.
    assert outcome.line in ((line, 0) if reason == "decoder_memory" else (line,))
    assert outcome.us < 500_000


def test_a_script_that_cannot_be_read_is_refused_with_its_line() -> None:
    with pytest.raises(ScriptFailed) as caught:
        Sandbox("\n\nfunction (")
    assert (caught.value.reason, caught.value.line) == ("decoder_failed", 3)


def test_a_script_without_a_function_is_refused() -> None:
    assert "decodeUplink" in run("var x = 1").detail


@pytest.mark.parametrize("name", ["require", "process", "std", "os", "fetch", "setTimeout", "XMLHttpRequest", "Worker"])
def test_nothing_outside_can_be_reached(name: str) -> None:
    assert decoded(uplink(f"return {{data: {{kind: typeof {name}}}}}")) == {"values": {"kind": "undefined"}}


def test_what_a_trial_prints_is_bounded() -> None:
    script = uplink("for (let i = 0; i < 1000; i++) console.log('x'.repeat(1000), {i}); return {data: {a: 1}}")
    lines = run(script, trial=True).console
    assert len(lines) == MAX_CONSOLE_LINES
    assert max(map(len, lines)) == 500
    assert run(script).console == []


def test_a_script_that_used_up_its_memory_starts_anew() -> None:
    worker = Worker()
    script = uplink("globalThis.n = (globalThis.n || 0) + 1; if (input.bytes[0]) for (;;) {} return {data: {n}}")
    outcomes = [worker.run(CallBatch("a", script, [Call(payload)]))[0] for payload in (b"\0", b"\1", b"\0")]
    first = b'{"values":{"n":1}}'
    assert [one.json or one.reason for one in outcomes] == [first, "decoder_timeout", first]


def test_a_worker_returns_in_time_what_it_has_of_a_slow_batch() -> None:
    script = uplink("const until = Date.now() + 30; while (Date.now() < until); return {data: {a: 1}}")
    assert len(Worker().run(CallBatch("a", script, [Call(b"")] * 20))) < 5


def test_a_worker_keeps_the_scripts_that_were_used_last() -> None:
    worker = Worker()
    for number in range(MAX_SCRIPTS + 1):
        worker.run(CallBatch(str(number), OLD, [Call(b"\0\0\0")]))
    with pytest.raises(KeyError):
        worker.run(CallBatch("0", None, [Call(b"")]))
    assert worker.run(CallBatch("1", None, [Call(b"\0\0\0")]))
