"""A process that publishes over MQTT at an even pace.

Each message carries the time at which it was due. A broker that takes messages slower than they are due is seen in
the latency, as is a publisher that cannot keep up.
"""

from __future__ import annotations

import gc
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchmarks.load import messages, mqtt
from benchmarks.load.workers import reporting

TICK_S = 0.001
MAX_BURST = 200
"""Messages built between two looks at the clock."""
LINGER_S = 10.0
"""How long the last acknowledgements may take."""


@dataclass(frozen=True)
class PublisherLogin:
    """One MQTT connection and the topics it publishes to."""

    client_id: str
    username: str
    password: str
    topics: tuple[str, ...]


@dataclass(frozen=True)
class PublishOrder:
    rate: float
    seconds: float


@dataclass(frozen=True)
class PublishedCount:
    """`late_s`: how far behind its schedule the publisher was at worst."""

    messages: int
    acknowledged: int
    late_s: float


class PublisherConnection:
    """One connection; with QoS 1 at most `window` messages are unacknowledged."""

    def __init__(self, port: int, login: PublisherLogin, qos: int, window: int) -> None:
        self._qos, self._window = qos, window
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(mqtt.connect(login.client_id, login.username, login.password))
        if self._socket.recv(4) != mqtt.CONNACK:
            raise RuntimeError(f"the broker refused {login.client_id}")
        self._id = 0
        self._sent = self._acknowledged_bytes = 0
        length = messages.LENGTH + 2 * (qos > 0)
        payload = bytes(messages.LENGTH)
        self._heads = {topic: mqtt.publish(topic, payload, qos)[:-length] for topic in login.topics}
        self._waiting: list[bytes] = []

    @property
    def acknowledged(self) -> int:
        return self._acknowledged_bytes // 4 if self._qos else self._sent

    def put(self, topic: str, due_us: int) -> None:
        if self._qos:
            self._id = self._id % 0xFFFF + 1
            self._waiting.append(self._heads[topic] + struct.pack("!H", self._id) + messages.payload(due_us))
        else:
            self._waiting.append(self._heads[topic] + messages.payload(due_us))

    def flush(self) -> None:
        self._sent += len(self._waiting)
        self._socket.sendall(b"".join(self._waiting))
        self._waiting.clear()
        if self._qos:
            self._read(socket.MSG_DONTWAIT)
            while self._sent - self.acknowledged > self._window:
                self._read(0)

    def finish(self) -> None:
        """Waits for what is unacknowledged."""
        self._socket.settimeout(LINGER_S)
        try:
            while self.acknowledged < self._sent:
                self._read(0)
        except TimeoutError:
            pass
        self._socket.settimeout(None)

    def _read(self, flags: int) -> None:
        try:
            read = len(self._socket.recv(65536, flags))
        except BlockingIOError:
            return
        if not read:
            raise RuntimeError("the broker closed the publisher's connection")
        self._acknowledged_bytes += read


def main(connection: Connection, port: int, logins: Iterable[PublisherLogin], qos: int, window: int) -> None:
    """Answers "ready", then `PublishedCount` to each `PublishOrder`."""

    def work() -> None:
        turns = _turns(port, logins, qos, window)
        gc.freeze()
        connection.send("ready")
        while True:
            orders = connection.recv()
            connection.send(_publish(turns, orders))

    reporting(connection, work)


def _turns(port: int, logins: Iterable[PublisherLogin], qos: int, window: int) -> list[tuple[PublisherConnection, str]]:
    """Connections with the topics they publish to, in turn."""
    turns = []
    for login in logins:
        link = PublisherConnection(port, login, qos, window)
        turns += [(link, topic) for topic in login.topics]
    return turns


def _publish(turns: list[tuple[PublisherConnection, str]], orders: PublishOrder) -> PublishedCount:
    links = list(dict.fromkeys(link for link, _ in turns))
    before = sum(link.acknowledged for link in links)
    total, gap_us = int(orders.rate * orders.seconds), 1e6 / orders.rate
    begin = messages.now_us() + 1000
    done, late_us = 0, 0
    while done < total:
        now = messages.now_us()
        ready = min(total, int((now - begin) / gap_us) + 1, done + MAX_BURST)
        if ready <= done:
            time.sleep(max(TICK_S / 2, min((begin + done * gap_us - now) / 1e6, 0.05)))
            continue
        late_us = max(late_us, now - int(begin + done * gap_us))
        touched = set()
        for i in range(done, ready):
            link, topic = turns[i % len(turns)]
            link.put(topic, int(begin + i * gap_us))
            touched.add(link)
        for link in touched:
            link.flush()
        done = ready
    for link in links:
        link.finish()
    return PublishedCount(total, sum(link.acknowledged for link in links) - before, late_us / 1e6)
