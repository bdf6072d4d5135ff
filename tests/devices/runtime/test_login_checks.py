from __future__ import annotations

import asyncio
import threading

import pytest

from devices.errors import TooMany
from devices.runtime import login_checks, stats
from devices.runtime.login_checks import AT_ONCE, LoginChecks


async def test_a_network_that_floods_waits_behind_itself() -> None:
    checks, release, done = LoginChecks(), threading.Event(), list[str]()

    def check(address: str) -> None:
        release.wait(30)
        done.append(address)

    flood = [
        asyncio.create_task(checks.run(address, check, address)) for address in ["2001:db8::1", "2001:db8::2"] * 50
    ]
    await asyncio.sleep(0)  # they are all waiting
    other = asyncio.create_task(checks.run("192.0.2.1", check, "192.0.2.1"))
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(other, *flood)
    assert done.index("192.0.2.1") <= AT_ONCE + 1


async def test_the_checks_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_checks, "MAX_WAITING", 3)
    checks, release = LoginChecks(), threading.Event()
    refused = stats.operations_refused.labels("login checks")._value
    before = refused.get()
    waiting = [asyncio.create_task(checks.run("192.0.2.1", release.wait, 30)) for _ in range(AT_ONCE + 3)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany, match="from this network address"):
        await checks.run("192.0.2.1", str)
    assert refused.get() == before + 1
    release.set()
    assert all(await asyncio.gather(*waiting))
    assert await checks.run("192.0.2.1", str, 42) == "42"
    assert not checks._networks
