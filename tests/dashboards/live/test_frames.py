"""Frames as the bytes that clients get, and what they carry besides."""

from __future__ import annotations

import pytest

from dashboards.live import frames
from dashboards.live.frames import LogFrame, SharedTelemetry
from devices.channel.events import EncodedReadings


def test_it_writes_replies() -> None:
    assert frames.reply(1, {"status": "queued"}).text == '{"reply":1,"ok":true,"result":{"status":"queued"}}'
    assert frames.refusal("a", "not_found", "there is no such device").text == (
        '{"reply":"a","ok":false,"error":{"code":"not_found","message":"there is no such device","retry":false}}'
    )
    assert frames.refusal(None, "unavailable", "try again").text == (
        '{"reply":null,"ok":false,"error":{"code":"unavailable","message":"try again","retry":true}}'
    )


def test_it_writes_pushes_with_their_type_first() -> None:
    assert frames.welcome("alice", 7, {"streams": 2}).text == (
        '{"type":"welcome","user":"alice","time":7,"limits":{"streams":2}}'
    )
    assert frames.PING.text == '{"type":"ping"}'
    assert frames.resync(["device:p"], "gap").text == '{"type":"resync","streams":["device:p"],"reason":"gap"}'
    assert frames.unsubscribed("dashboard:7", "forbidden").text == (
        '{"type":"unsubscribed","stream":"dashboard:7","reason":"forbidden"}'
    )
    assert frames.error("unauthenticated", "sign in").text == (
        '{"type":"error","error":{"code":"unauthenticated","message":"sign in","retry":false}}'
    )


def test_it_joins_telemetry_without_encoding_it_again() -> None:
    parts = [
        EncodedReadings(1, "pump-1", '{"temperature":[[1000,21.50]]}'),
        EncodedReadings(2, "fan_2", '{"on":[[1000,true]]}'),
    ]
    assert SharedTelemetry(42, parts).text == (
        '{"type":"telemetry","n":42,"devices":{"pump-1":{"temperature":[[1000,21.50]]},"fan_2":{"on":[[1000,true]]}}}'
    )


def test_it_counts_the_values_that_were_merged_away() -> None:
    assert frames.merged(43, 7, {"pump-1": {"on": [[1000, True]]}}).text == (
        '{"type":"telemetry","n":43,"dropped":7,"devices":{"pump-1":{"on":[[1000,true]]}}}'
    )


def test_a_telemetry_frame_knows_its_number_and_its_size_in_bytes() -> None:
    frame = SharedTelemetry(7, [EncodedReadings(1, "pump-1", '{"state":[[1,"größer"]]}')])
    assert frame.n == 7
    assert frame.size == len(frame.text.encode()) > len(frame.text)


def test_a_message_is_decoded_once_for_all_clients_that_get_another_form() -> None:
    frame = LogFrame("", 5, 812, '{"seq":812,"text":"Hello"}')
    assert frame.message == {"seq": 812, "text": "Hello"}
    assert frame.message is frame.message


@pytest.mark.parametrize(
    ("frame", "counts"),
    [
        (frames.PING, True),
        (frames.resync(["inbox"], "gap"), True),
        (frames.reply(1, {}), False),
        (frames.error("not_found", "no"), False),
        (frames.merged(1, 0, {}), False),
    ],
)
def test_only_pushes_count_against_the_bound_of_pushes(frame: frames.Frame, counts: bool) -> None:
    assert frame.is_push is counts
