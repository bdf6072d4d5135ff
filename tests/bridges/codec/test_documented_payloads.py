"""The examples in the tables of docs/protocol/payloads.md."""

from __future__ import annotations

import json
import re
from itertools import takewhile

import pytest

from bridges.codec import payloads
from devices.errors import Refusal
from tests.support.servers import ROOT

PAGE = ROOT / "docs/protocol/payloads.md"
NOW = 1_760_000_001_000_000
_CODE = re.compile(r"`([^`]*)`")


def rows(header: str) -> list[list[str]]:
    """The cells of the table with this header."""
    lines = iter(PAGE.read_text().splitlines())
    assert header in lines, f"{header} is missing"
    found = list(takewhile(lambda line: line.startswith("|"), lines))[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def code(cell: str) -> list[str]:
    return _CODE.findall(cell)


@pytest.mark.parametrize(("payload", "stored", "skipped"), rows("| payload | stored | skipped |"))
def test_an_example_stores_and_skips_what_the_page_says(payload: str, stored: str, skipped: str) -> None:
    found = payloads.decode_telemetry(code(payload)[0].encode(), NOW)
    assert {sample.metric: sample.value for sample in found.samples} == json.loads(code(stored)[0])
    words = [part for refusal, _ in found.skipped or () for part in (refusal.key, refusal.reason)]
    assert words == [word.strip() for word in code(skipped)]


@pytest.mark.parametrize(("payload", "reason"), rows("| payload | refused as |"))
def test_an_example_is_refused_as_the_page_says(payload: str, reason: str) -> None:
    assert reason_of("".join(code(payload)).encode()) == code(reason)[0]


def reason_of(payload: bytes) -> str:
    try:
        found = payloads.decode_telemetry(payload, NOW)
    except Refusal as refusal:
        return refusal.reason
    return found.skipped.first.reason if found.skipped and not found.samples else "stored"


@pytest.mark.parametrize(("payload", "status"), rows("| payload | status |"))
def test_an_example_reports_the_status_that_the_page_says(payload: str, status: str) -> None:
    assert payloads.decode_status(code(payload)[0].encode(), NOW).availability == status
