from __future__ import annotations

import pytest

from dashboards.live import frames
from dashboards.live.errors import CLOSE_CODES, ERRORS, CloseCode
from dashboards.live.frames import BadFrame
from dashboards.live.handlers import Ack, Command, Pong, Subscribe, Unsubscribe, decode
from devices.channel.events import AvailabilityChanged, CommandChanged, Part
from devices.errors import RETRY


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ('{"id":1,"type":"subscribe","stream":"device:pump-1"}', Subscribe(id=1, stream="device:pump-1")),
        ('{"type":"subscribe","stream":"inbox","new":true}', Subscribe(stream="inbox")),
        ('{"id":"a","type":"unsubscribe","stream":"dashboard:7"}', Unsubscribe(id="a", stream="dashboard:7")),
        (
            '{"id":2,"type":"command","device":"pump-1","name":"set","args":{"on":true},"timeout_s":5}',
            Command(id=2, device="pump-1", name="set", args={"on": True}, timeout_s=5),
        ),
        ('{"id":3,"type":"command","device":"p","name":"horn"}', Command(id=3, device="p", name="horn", timeout_s=30)),
        ('{"type":"ack","n":42}', Ack(n=42)),
        ('{"type":"pong"}', Pong()),
    ],
)
def test_it_reads_requests(text: str, request_: frames.Request) -> None:
    assert decode(text) == request_


@pytest.mark.parametrize(
    ("text", "code", "id"),
    [
        ("", "invalid_json", None),
        ("{", "invalid_json", None),
        ("NaN", "invalid_json", None),
        ('{"id":1,"type":"pong"} {}', "invalid_json", None),
        ('{"id":1,"type":"subscribe","stream":"\\ud800"}', "invalid_json", None),
        ('{"id":1,"type":"command","device":"p","name":"n","args":' + '{"a":' * 12_000, "invalid_json", None),
        ("[]", "invalid", None),
        ("[" * 60_000, "invalid", None),
        ("null", "invalid", None),
        ('"subscribe"', "invalid", None),
        ("{}", "invalid", None),
        ('{"id":1}', "invalid", 1),
        ('{"id":1,"type":7}', "invalid", 1),
        ('{"id":1,"type":null}', "invalid", 1),
        ('{"id":2,"type":"telemetry.stored"}', "unknown_type", 2),
        ('{"id":"x","type":"message","room":1}', "invalid", "x"),
        ('{"id":3,"type":"subscribe"}', "invalid", 3),
        ('{"id":3,"type":"subscribe","stream":7}', "invalid", 3),
        ('{"id":3,"type":"subscribe","stream":"' + "x" * 129 + '"}', "invalid", 3),
        ('{"id":4,"type":"command","device":"p","name":"set","args":[]}', "invalid", 4),
        ('{"id":[1],"type":"pong"}', "invalid", None),
        ('{"id":1.5,"type":"pong"}', "invalid", None),
        ('{"id":"' + "x" * 65 + '","type":"pong"}', "invalid", None),
        ('{"id":5,"type":"ack"}', "invalid", 5),
        ('{"id":5,"type":"ack","n":-1}', "invalid", 5),
        ('{"id":5,"type":"ack","n":"1"}', "invalid", 5),
    ],
)
def test_it_names_what_is_wrong_with_a_frame(text: str, code: str, id: frames.Id | None) -> None:
    with pytest.raises(BadFrame) as caught:
        decode(text)
    assert (caught.value.code, caught.value.id) == (code, id)


def test_the_limit_of_a_frame_is_in_bytes() -> None:
    assert not frames.is_too_large("x" * 65_536)
    assert frames.is_too_large("x" * 65_537)
    assert not frames.is_too_large("ü" * 32_768)
    assert frames.is_too_large("ü" * 32_769)


def test_it_writes_replies() -> None:
    assert frames.reply(1, {"status": "queued"}) == '{"reply":1,"ok":true,"result":{"status":"queued"}}'
    assert frames.refusal("a", "not_found", "there is none") == (
        '{"reply":"a","ok":false,"error":{"code":"not_found","message":"there is none","retry":false}}'
    )
    assert frames.refusal(None, "unavailable", "away") == (
        '{"reply":null,"ok":false,"error":{"code":"unavailable","message":"away","retry":true}}'
    )


def test_it_writes_pushes_with_their_type_first() -> None:
    assert frames.welcome("alice", 7, {"streams": 2}) == (
        '{"type":"welcome","user":"alice","time":7,"limits":{"streams":2}}'
    )
    assert frames.PING == '{"type":"ping"}'
    assert frames.resync(["device:pump-1"], "gap") == '{"type":"resync","streams":["device:pump-1"],"reason":"gap"}'
    assert frames.unsubscribed("dashboard:7", "forbidden") == (
        '{"type":"unsubscribed","stream":"dashboard:7","reason":"forbidden"}'
    )
    assert frames.error("unauthenticated", "sign in") == (
        '{"type":"error","error":{"code":"unauthenticated","message":"sign in","retry":false}}'
    )


def test_it_joins_telemetry_without_encoding_it_again() -> None:
    parts = [Part(1, "pump-1", '{"temperature":[[1000,21.50]]}'), Part(2, "fan_2", '{"on":[[1000,true]]}')]
    assert frames.telemetry(42, parts) == (
        '{"type":"telemetry","n":42,"devices":{"pump-1":{"temperature":[[1000,21.50]]},"fan_2":{"on":[[1000,true]]}}}'
    )


def test_parts_of_one_device_become_one() -> None:
    parts = [
        Part(1, "pump-1", '{"a":[[1,2.5],[2,"x"]],"b":[[1,true]]}'),
        Part(1, "pump-1", '{"a":[[3,4]],"c":[[3,5]]}'),
    ]
    assert frames.concatenate(parts) == Part(1, "pump-1", '{"a":[[1,2.5],[2,"x"],[3,4]],"b":[[1,true]],"c":[[3,5]]}')


def test_it_says_how_much_was_merged_away() -> None:
    assert frames.merged(43, 7, {"pump-1": {"on": [[1000, True]]}}) == (
        '{"type":"telemetry","n":43,"dropped":7,"devices":{"pump-1":{"on":[[1000,true]]}}}'
    )


def test_times_of_pushes_are_milliseconds() -> None:
    assert frames.availability(AvailabilityChanged(1, "pump-1", "online", 1_700_000_000_123_456)) == (
        '{"type":"availability","device":"pump-1","status":"online","at":1700000000123}'
    )
    changed = CommandChanged(1, "pump-1", "abc", "set", {"on": True}, "failed", None, "jammed", "bob", 1_000_999)
    assert frames.command(changed) == (
        '{"type":"command","device":"pump-1","id":"abc","name":"set","args":{"on":true},"status":"failed",'
        '"result":null,"error":"jammed","by":"bob","at":1000}'
    )


def test_each_close_code_and_error_says_whether_to_come_back() -> None:
    assert {int(code): advice.reconnect for code, advice in CLOSE_CODES.items()} == {
        1009: False,
        1012: True,
        4400: False,
        4401: False,
        4404: False,
        4408: True,
        4429: True,
    }
    assert set(CLOSE_CODES) == set(CloseCode)
    assert RETRY.items() <= ERRORS.items()
