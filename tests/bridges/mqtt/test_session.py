"""The inbound session on its own, against a real Mosquitto."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publishing
import pytest
from paho.mqtt.client import Client

from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.session import InboundSession, Received
from devices.credentials import hash_secret
from tests.servers import Mosquitto

WAIT_S = 20


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, {"bridge": hash_secret("secret")})
    broker.start()
    yield broker
    broker.stop()


@contextmanager
def listening(broker: Mosquitto, on_message: Callable[[Received], None]) -> Iterator[None]:
    ready = threading.Event()
    address = BrokerAddress("127.0.0.1", broker.port, "bridge", "secret")
    session = InboundSession(address, "test", [("devices/+/telemetry", 1)], on_message, ready.set)
    session.start()
    try:
        assert ready.wait(WAIT_S)
        yield
    finally:
        session.stop()


def publish(broker: Mosquitto, *payloads: str) -> None:
    messages = [{"topic": "devices/a/telemetry", "payload": payload, "qos": 1} for payload in payloads]
    login = {"username": "bridge", "password": "secret"}
    publishing.multiple(messages, "127.0.0.1", broker.port, auth=login)  # type: ignore[arg-type]


def test_a_message_that_breaks_its_receiver_comes_again(mosquitto: Mosquitto) -> None:
    """Nor does the session end: paho's thread dies of an exception, and nothing else would notice."""
    received: queue.Queue[Received] = queue.Queue()
    faults = iter([RuntimeError("broken")])

    def take(message: Received) -> None:
        received.put(message)
        for fault in faults:
            raise fault

    with listening(mosquitto, take):
        publish(mosquitto, "1")
        assert [received.get(timeout=WAIT_S).payload for _ in range(2)] == [b"1", b"1"]


def test_whoever_acknowledges_only_the_session_s_thread_writes(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: queue.Queue[Received] = queue.Queue()
    writers: set[threading.Thread] = set()
    send = Client._sock_send

    def noted(client: Client, packet: Any) -> int:
        writers.add(threading.current_thread())
        return send(client, packet)

    with listening(mosquitto, received.put):
        publish(mosquitto, *map(str, range(50)))
        messages = [received.get(timeout=WAIT_S) for _ in range(50)]
        monkeypatch.setattr(Client, "_sock_send", noted)
        for message in messages:
            message.acknowledge()
    assert threading.current_thread() not in writers


def test_what_was_acknowledged_does_not_come_again(mosquitto: Mosquitto) -> None:
    received: queue.Queue[Received] = queue.Queue()
    with listening(mosquitto, received.put):
        publish(mosquitto, "taken")
        received.get(timeout=WAIT_S).acknowledge()
        publish(mosquitto, "left")
        received.get(timeout=WAIT_S)
    with listening(mosquitto, received.put):
        assert received.get(timeout=WAIT_S).payload == b"left"
