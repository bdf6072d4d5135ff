from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from bridges.mqtt import retired_session
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.session_name import SessionName


class NeverEmpty:
    """In place of the reader of a session to which a device has added a subscription."""

    def __init__(self, *_: Any) -> None:
        self.connected: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.connected.set_result(True)

    def start(self) -> None:
        pass

    async def emptied(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        pass


async def test_a_session_that_is_never_empty_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retired_session, "_RetiredInbound", NeverEmpty)
    monkeypatch.setattr(retired_session, "EMPTY_S", 0.01)
    monkeypatch.setattr(retired_session, "_end", lambda *_: pytest.fail("messages may be waiting in it"))
    address, pipeline = BrokerAddress.from_url("mqtt://broker"), object()
    with caplog.at_level(logging.WARNING, "hubbub.bridge"):
        await retired_session.end_retired(address, SessionName("hubbub-bridge", "hubbub"), pipeline, "main")  # type: ignore[arg-type]
    assert "is never empty" in caplog.text
