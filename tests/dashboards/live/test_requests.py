"""Frames of a client become typed requests, or are refused by name."""

from __future__ import annotations

import pytest

from dashboards.live import requests
from dashboards.live.handlers import Ack, IssueCommand, Pong, Subscribe, Unsubscribe, decode
from dashboards.live.requests import BadFrame


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ('{"id":1,"type":"subscribe","stream":"device:pump-1"}', Subscribe(id=1, stream="device:pump-1")),
        ('{"type":"subscribe","stream":"inbox","new":true}', Subscribe(stream="inbox")),
        ('{"id":"a","type":"unsubscribe","stream":"dashboard:7"}', Unsubscribe(id="a", stream="dashboard:7")),
        (
            '{"id":2,"type":"command","device":"pump-1","name":"set","args":{"on":true},"timeout_s":5}',
            IssueCommand(id=2, device="pump-1", name="set", args={"on": True}, timeout_s=5),
        ),
        (
            '{"id":3,"type":"command","device":"p","name":"horn"}',
            IssueCommand(id=3, device="p", name="horn", timeout_s=30),
        ),
        ('{"type":"ack","n":42}', Ack(n=42)),
        ('{"type":"pong"}', Pong()),
    ],
)
def test_it_reads_requests(text: str, request_: requests.Request) -> None:
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
def test_it_names_what_is_wrong_with_a_frame(text: str, code: str, id: requests.Id | None) -> None:
    with pytest.raises(BadFrame) as caught:
        decode(text)
    assert (caught.value.code, caught.value.id) == (code, id)


def test_the_limit_of_a_frame_is_in_bytes() -> None:
    assert not requests.is_too_large("x" * 65_536)
    assert requests.is_too_large("x" * 65_537)
    assert not requests.is_too_large("ü" * 32_768)
    assert requests.is_too_large("ü" * 32_769)
