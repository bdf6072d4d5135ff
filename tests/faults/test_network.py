"""A network that loses the connection between bridge and broker loses no message."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.proxy import Proxy
from tests.support.servers import Bridge, Part
from tests.support.soak import usually
from tests.support.stack import Stack

MESSAGES = usually(3_000, soak=6_000)
PER_SECOND = 1_000
KEEPALIVE_S = usually(2, soak=30)
NOTICED_S = 1.5 * KEEPALIVE_S + 15
"""It takes up to one and a half keep-alives; the rest is room for a slow machine."""

IN_FLIGHT = 1_000
"""Fewer than the broker sends before it waits for acknowledgements."""
MESSAGE_BYTES = 60
"""Each message is somewhat longer."""

pytestmark = pytest.mark.timeout(240)

_BRIDGE = f"""
import sys
from django.core.management import execute_from_command_line
from bridges.mqtt import inbound_connection
inbound_connection.KEEPALIVE_S = {KEEPALIVE_S}
execute_from_command_line(["manage.py", "runbridge"])
"""


class ImpatientBridge(Part):
    """A bridge with a keep-alive of `KEEPALIVE_S`."""

    READY = Bridge.READY

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        super().__init__(folder, ["-c", _BRIDGE], {**settings, "DJANGO_SETTINGS_MODULE": "hub.settings"})

    def command(self) -> list[str]:
        return [sys.executable, *self._command]


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[Stack, Proxy]]:
    """A stack in which only the bridge reaches the broker through a proxy."""
    stack = Stack(tmp_path)
    proxy = Proxy(stack.mosquitto.port)
    stack.bridge = ImpatientBridge(
        tmp_path, {**stack.settings, "MQTT_URL": f"mqtt://bridge:secret@127.0.0.1:{proxy.port}"}
    )
    with stack:
        yield stack, proxy
    proxy.close()


def test_a_bridge_with_repeatedly_cut_connections_loses_nothing(proxied: tuple[Stack, Proxy]) -> None:
    stack, proxy = proxied
    publisher = stack.publisher(MESSAGES, per_second=PER_SECOND)
    for cut in range(1, 4):
        publisher.wait_until_sent(cut * MESSAGES // 4)
        seen = len(stack.bridge.output)
        proxy.cut()
        stack.bridge.wait_for(stack.bridge.READY, seen)
    stack.check(publisher)


def test_a_bridge_notices_a_half_open_connection(proxied: tuple[Stack, Proxy]) -> None:
    """The connection looks intact to the bridge, but nothing arrives any more."""
    stack, proxy = proxied
    publisher = stack.publisher(MESSAGES, per_second=PER_SECOND)
    publisher.wait_until_sent(MESSAGES // 2)
    seen = len(stack.bridge.output)
    proxy.swallow()
    began = time.monotonic()
    stack.bridge.wait_for(stack.bridge.READY, seen, NOTICED_S)
    print(f"back after {time.monotonic() - began:.1f} s with a keep-alive of {KEEPALIVE_S} s")
    stack.check(publisher)


def test_messages_redelivered_after_they_were_stored_are_not_stored_again(proxied: tuple[Stack, Proxy]) -> None:
    """The acknowledgements are lost on the way, so the broker sends all messages again, flagged as duplicates."""
    stack, proxy = proxied
    proxy.swallow(answers_only=True)
    publisher = stack.publisher(IN_FLIGHT)
    stack.check(publisher)
    seen = len(stack.bridge.output)
    proxy.cut()
    stack.bridge.wait_for(stack.bridge.READY, seen)
    eventually(lambda: proxy.delivered > IN_FLIGHT * MESSAGE_BYTES)
    after = stack.publisher(1, device=1)
    stack.check(publisher, after)
