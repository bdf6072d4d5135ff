"""Web processes without Redis: the first one is alone until another one comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from devices.runtime import only_process
from devices.runtime.locks import exclusive_lock
from devices.runtime.only_process import SeveralWithoutRedis
from tests.support.eventually import WAIT_S


@pytest.fixture
def claim(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    """A name of its own for each test: nobody ends the claim of a process before the process ends."""
    monkeypatch.setattr(only_process, "_claim", only_process._Claim())
    monkeypatch.setattr(only_process, "NAME", request.node.name)


async def test_the_first_process_is_alone_and_the_second_one_is_not(
    claim: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = exclusive_lock(only_process.NAME)
    assert await other.acquire()
    for _ in range(2):
        await only_process._claim.renew()
        with pytest.raises(SeveralWithoutRedis):
            only_process.check()
    assert caplog.text.count("REDIS_URL is not set") == 1
    await other.release()
    async with asyncio.timeout(WAIT_S):
        while only_process._claim.is_refused:  # PostgreSQL frees a lock only once it has noticed the lost connection
            await only_process._claim.renew()
    only_process.check()
    assert not await other.acquire()


async def test_with_redis_there_may_be_any_number(claim: None, settings: Any) -> None:
    other = exclusive_lock(only_process.NAME)
    assert await other.acquire()
    settings.REDIS_URL = "redis://127.0.0.1/0"
    await only_process.keep_claiming()
    only_process.check()
    await other.release()
