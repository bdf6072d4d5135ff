from __future__ import annotations

import asyncio

import pytest

from hub import http_deadlines
from hub.http_deadlines import Deadline, Phase


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_deadlines, "HEADERS_S", 0.05)
    monkeypatch.setattr(http_deadlines, "BODY_GRACE_S", 0.05)
    monkeypatch.setattr(http_deadlines, "BODY_BYTES_PER_S", 1_000.0)
    monkeypatch.setattr(http_deadlines, "IDLE_S", 30.0)


class Expiry:
    def __init__(self) -> None:
        self.phase: asyncio.Future[Phase] = asyncio.get_running_loop().create_future()

    def __call__(self, phase: Phase) -> None:
        self.phase.set_result(phase)

    async def __aenter__(self) -> Phase:
        return await asyncio.wait_for(self.phase, 20)

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_a_deadline_that_passes_names_what_was_missing() -> None:
    expired = Expiry()
    Deadline(expired).wait_for(Phase.HEADERS)
    async with expired as phase:
        assert phase is Phase.HEADERS


async def test_nothing_expires_while_the_hub_waits_for_nothing() -> None:
    expired, later = Expiry(), Expiry()
    deadline = Deadline(expired)
    deadline.wait_for(Phase.HEADERS)
    deadline.wait_for(Phase.NOTHING)
    Deadline(later).wait_for(Phase.HEADERS)
    async with later:
        assert not expired.phase.done()


async def test_each_byte_of_a_body_buys_time() -> None:
    expired = Expiry()
    deadline = Deadline(expired)
    began = asyncio.get_running_loop().time()
    deadline.wait_for(Phase.BODY)
    deadline.received(200)
    async with expired as phase:
        assert phase is Phase.BODY
    assert asyncio.get_running_loop().time() - began >= 0.25


async def test_a_shorter_deadline_replaces_a_longer_one() -> None:
    expired = Expiry()
    deadline = Deadline(expired)
    deadline.wait_for(Phase.IDLE)
    deadline.wait_for(Phase.HEADERS)
    async with expired as phase:
        assert phase is Phase.HEADERS


async def test_a_client_that_makes_progress_gets_the_time_again() -> None:
    expired, progress = Expiry(), [True, True, False]
    Deadline(expired, lambda phase: progress.pop(0)).wait_for(Phase.HEADERS)
    async with expired:
        assert progress == []
