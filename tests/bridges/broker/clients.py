"""The clients of the broker's tests: accounts held to their own topics, paho, and sockets for literal bytes."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bridges.broker import Broker, Done, ForbiddenRequest, Limits, Principal, Published, SessionLimits, Sink
from devices.runtime.login_throttle import LoginThrottle

T = TypeVar("T")
WAIT_S = 10.0
SECRET = "right-secret"
BRIDGE_LIMITS = SessionLimits(queue_messages=50_000, queue_bytes=64 << 20, in_flight=2_000)


@dataclass(frozen=True)
class Device:
    """Held to `devices/<name>/#`."""

    name: str

    def may_publish(self, topic: str) -> bool:
        return self._holds(topic)

    def may_subscribe(self, topic_filter: str) -> bool:
        return self._holds(topic_filter)

    def may_receive(self, topic: str) -> bool:
        return self._holds(topic)

    def _holds(self, topic_or_filter: str) -> bool:
        return topic_or_filter.split("/")[:2] == ["devices", self.name]


@dataclass(frozen=True)
class Bridge:
    """May receive and publish everything, and holds more than a device."""

    name: str = "bridge"
    limits: SessionLimits = BRIDGE_LIMITS

    def may_publish(self, topic: str) -> bool:
        return True

    def may_subscribe(self, topic_filter: str) -> bool:
        return True

    def may_receive(self, topic: str) -> bool:
        return True


class Listener(Bridge):
    """May subscribe to everything and receive what is not secret."""

    def may_receive(self, topic: str) -> bool:
        return "secret" not in topic


class Faulty(Device):
    def may_publish(self, topic: str) -> bool:
        raise ZeroDivisionError

    def may_subscribe(self, topic_filter: str) -> bool:
        raise ZeroDivisionError


class KnownAccounts:
    """Everybody has the same secret; a login that starts with `slow` waits until `answer` is set."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self.asked = threading.Event()
        self.known: dict[str, Principal] = {"bridge": Bridge(), "listener": Listener("listener")}

    async def authenticate(self, username: str, password: str) -> Principal | None:
        if username == "broken":
            raise ConnectionError("the database is unavailable")
        if username.startswith("slow"):
            self.asked.set()
            await self.answer.wait()
        if password != SECRET:
            return None
        return self._principal(username)

    async def principals(self, names: Collection[str]) -> Mapping[str, Principal]:
        return {name: self._principal(name) for name in names if name != "removed"}

    def _principal(self, name: str) -> Principal:
        return self.known.get(name) or Device(name)


class HeldSink:
    """Keeps what it is given until the test calls `done`."""

    def __init__(self) -> None:
        self.given: queue.Queue[tuple[Published, Done | None]] = queue.Queue()
        self.forbidden: queue.Queue[ForbiddenRequest] = queue.Queue()
        self.may_be_kept = True

    def offer(self, published: Published, done: Done | None) -> bool:
        self.given.put((published, done))
        return self.may_be_kept

    def report(self, forbidden: ForbiddenRequest) -> None:
        self.forbidden.put(forbidden)

    def next(self) -> tuple[Published, Done | None]:
        return self.given.get(timeout=WAIT_S)


class RunningBroker:
    """A broker on an event loop of its own thread, so that a test may wait for its clients."""

    def __init__(
        self, limits: Limits, sink: Sink | None = None, throttle: LoginThrottle | None = None, **more: Any
    ) -> None:
        """`more`: other arguments of `Broker`."""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.accounts = self.run(self._make_accounts())
        sock = socket.create_server(("127.0.0.1", 0))
        self.port: int = sock.getsockname()[1]
        self.broker: Broker = self.run(self._start(sock, limits=limits, sink=sink, throttle=throttle, **more))

    @property
    def stats(self) -> dict[str, int]:
        return self.broker.stats

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)

    def until(self, name: str, count: int = 1) -> None:
        """Waits for a count that no client can see."""
        deadline = time.monotonic() + WAIT_S
        while self.stats[name] < count:
            assert time.monotonic() < deadline, f"{name} is {self.stats[name]}, not {count}: {+self.broker.stats}"
            threading.Event().wait(0.005)

    def end(self) -> None:
        self.run(self.broker.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(WAIT_S)
        self.loop.close()

    async def _make_accounts(self) -> KnownAccounts:
        return KnownAccounts()

    def call(self, function: Callable[[], object]) -> None:
        """Calls it on the event loop, and returns when that has sent what came of it."""

        async def called() -> None:
            function()
            await asyncio.sleep(0)

        self.run(called())

    async def _start(self, sock: socket.socket, **options: Any) -> Broker:
        broker = Broker(self.accounts, sock=sock, **options)
        await broker.start()
        return broker


class Client:
    """A paho client that queues what it gets and never reconnects by itself."""

    def __init__(
        self,
        port: int,
        name: str | None,
        *,
        password: str | None = SECRET,
        client_id: str = "",
        clean: bool = True,
        will: dict[str, Any] | None = None,
        manual_ack: bool = False,
        protocol: int = mqtt.MQTTv311,
    ) -> None:
        self.messages: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.ended = threading.Event()
        self.session_present = False
        self._connected: queue.Queue[str] = queue.Queue()
        self._granted: queue.Queue[list[int]] = queue.Queue()
        self._unsubscribed: queue.Queue[None] = queue.Queue()
        self.paho = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if protocol == mqtt.MQTTv5 else clean,
            protocol=protocol,
            reconnect_on_failure=False,
            manual_ack=manual_ack,
        )
        if name is not None:
            self.paho.username_pw_set(name, password)
        if will is not None:
            self.paho.will_set(**will)
        # Without it a second small packet waits for the delayed TCP acknowledgement of the first, 40 ms.
        self.paho.on_socket_open = lambda _client, _data, sock: sock.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        self.paho.on_connect = self._on_connect
        self.paho.on_disconnect = lambda *_: self.ended.set()
        self.paho.on_message = lambda _client, _data, message: self.messages.put(message)
        self.paho.on_subscribe = lambda _client, _data, _id, codes, _properties: self._granted.put(
            [code.value for code in codes]
        )
        self.paho.on_unsubscribe = lambda *_: self._unsubscribed.put(None)
        self.paho.connect("127.0.0.1", port, keepalive=60)
        self.paho.loop_start()
        self.answer = self._connected.get(timeout=WAIT_S)

    def subscribe(self, topic_filter: str, qos: int = 1) -> int:
        """The code of the SUBACK."""
        self.paho.subscribe(topic_filter, qos)
        (code,) = self._granted.get(timeout=WAIT_S)
        return code

    def unsubscribe(self, topic_filter: str) -> None:
        self.paho.unsubscribe(topic_filter)
        self._unsubscribed.get(timeout=WAIT_S)

    def publish(self, topic: str, payload: bytes | str = b"", qos: int = 1, *, retain: bool = False) -> None:
        """Returns when the broker has acknowledged it."""
        self.paho.publish(topic, payload, qos, retain).wait_for_publish(WAIT_S)

    def next(self) -> mqtt.MQTTMessage:
        return self.messages.get(timeout=WAIT_S)

    def payloads(self, count: int) -> list[bytes]:
        return [self.next().payload for _ in range(count)]

    def break_off(self) -> None:
        """Ends the connection without DISCONNECT."""
        sock = self.paho.socket()
        assert sock is not None
        sock.shutdown(socket.SHUT_RDWR)
        self.ended.wait(WAIT_S)

    def disconnect(self) -> None:
        self.paho.disconnect()
        self.ended.wait(WAIT_S)

    def end(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()

    def _on_connect(self, _client: Any, _data: Any, flags: Any, code: Any, _properties: Any) -> None:
        self.session_present = flags.session_present
        self._connected.put(str(code))


class RawClient:
    """A socket for what a sane client does not send."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.sock = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            assert more, f"closed after {data!r}"
            data += more
        return data

    def log_in(self, name: str, *, keep_alive_s: int = 0, clean: bool = True, client_id: str = "raw") -> None:
        self.send(connect_packet(name, keep_alive_s=keep_alive_s, clean=clean, client_id=client_id))
        assert self.receive(4)[:2] == b"\x20\x02"

    def rest(self) -> bytes:
        """All that comes until the broker closes."""
        data = b""
        while True:
            try:
                more = self.sock.recv(65_536)
            except ConnectionResetError:
                return data
            if not more:
                return data
            data += more

    def end(self) -> None:
        self.sock.close()


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2) + data


def packet(first: int, body: bytes) -> bytes:
    length, data = len(body), bytearray([first])
    while True:
        data.append(length % 128 | (128 if length > 127 else 0))
        length //= 128
        if not length:
            return bytes(data) + body


def connect_packet(
    name: str, *, keep_alive_s: int = 0, clean: bool = True, client_id: str = "raw", password: str = SECRET
) -> bytes:
    flags = 0xC0 | (0x02 if clean else 0)
    head = text("MQTT") + bytes([4, flags]) + keep_alive_s.to_bytes(2)
    return packet(0x10, head + text(client_id) + text(name) + text(password))


def publish_packet(topic: str | bytes, payload: bytes, *, first: int = 0x30, packet_id: int = 1) -> bytes:
    return packet(first, text(topic) + (packet_id.to_bytes(2) if first & 6 else b"") + payload)


def subscribe_packet(topic_filter: str | bytes, qos: int = 0, *, packet_id: int = 1) -> bytes:
    return packet(0x82, packet_id.to_bytes(2) + text(topic_filter) + bytes([qos]))
