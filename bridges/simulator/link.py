"""One device's MQTT connection: paho, driven by the asyncio loop.

No thread per device: a hundred of them cost no more wake-ups than they have messages. Only the blocking part of
connecting (name look-up, TCP, TLS) leaves the loop, for a daemon thread that an exit need not wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from bridges.mqtt.address import BrokerAddress
from bridges.simulator.credentials import Credentials
from bridges.simulator.outbox import Message

KEEPALIVE_S = 12
"""A broker that went silent is given up after at most twice this."""
CONNECT_TIMEOUT_S = 5.0
"""For TCP, and once more for the broker's answer to CONNECT."""
HOUSEKEEPING_S = 2.5
"""How often paho may look whether a ping is due."""
_CREDENTIALS_REFUSED = ("Bad user name or password", "Not authorized")


class LinkDown(Exception):
    """No connection to the broker; the text says why."""


class Refused(Exception):
    """The broker is there and does not accept the credentials."""


class Link:
    """Connects again and again through one paho client, which so repeats what was never acknowledged.

    `on_message(topic, payload, retained)` is called in the loop. The last will is `offline`, retained.
    """

    def __init__(
        self,
        credentials: Credentials,
        broker: BrokerAddress,
        status_topic: str,
        on_message: Callable[[str, bytes, bool], None],
    ) -> None:
        self._broker, self._on_message = broker, on_message
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._answered: asyncio.Future[ReasonCode | None] = self._loop.create_future()
        self._granted: asyncio.Future[bool] = self._loop.create_future()
        self._closed = asyncio.Event()
        self._why = ""
        self._housekeeping: asyncio.TimerHandle | None = None
        self._unacknowledged: dict[int, asyncio.Future[None]] = {}
        self.up = False
        """Whether the broker has accepted the connection, and it has not ended since."""
        self._client = self._build(credentials, status_topic)

    async def connect(self) -> None:
        """Raises `LinkDown` or `Refused`."""
        self._answered = self._loop.create_future()
        self._closed.clear()
        self._why = "the broker closed the connection"
        try:
            # Without a time-out of ours: two `reconnect` at a time would share one paho client. It has its own.
            await _in_daemon_thread(self._client.reconnect)
        except OSError as error:
            raise LinkDown(str(error)) from None
        self._attach()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                reason = await self._answered
        except TimeoutError:
            self._why = "the broker does not answer"
            await self._abort()
            reason = None
        if reason is None:
            raise LinkDown(self._why)
        if reason.is_failure:
            await self._closed.wait()
            raise (Refused if str(reason) in _CREDENTIALS_REFUSED else LinkDown)(str(reason))

    async def subscribe(self, topic_filter: str) -> bool:
        """Whether the broker has granted it; false too where the connection ended first."""
        if not self.up:
            return False
        self._granted = self._loop.create_future()
        self._client.subscribe(topic_filter, qos=1)
        return await self._granted

    def publish(self, message: Message) -> asyncio.Future[None]:
        """With QoS 1. The future is done at the broker's acknowledgement, which may come in a later connection.

        Only while `up`: paho would send it ahead of its CONNECT if a connection is just being made. How much may
        be unacknowledged at a time is the caller's to limit.
        """
        info = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        acknowledged: asyncio.Future[None] = self._loop.create_future()
        self._unacknowledged[info.mid] = acknowledged
        return acknowledged

    async def closed(self) -> str:
        """Waits for the end of the connection; the reason."""
        await self._closed.wait()
        return self._why

    async def disconnect(self, timeout_s: float) -> None:
        """Ends the connection cleanly: the broker does not publish the will."""
        if not self.up:
            return
        self._why = "disconnected"
        self._client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._closed.wait()

    def _build(self, credentials: Credentials, status_topic: str) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=credentials.uid,
            # A device that was away must not obey orders of an hour ago.
            clean_session=True,
            # Else paho connects again by itself, blocking, from within a callback.
            reconnect_on_failure=False,
        )
        client.username_pw_set(credentials.uid, credentials.secret)
        client.will_set(status_topic, b"offline", qos=1, retain=True)
        client.connect_timeout = CONNECT_TIMEOUT_S
        if self._broker.tls:
            client.tls_set_context(self._broker.tls_context())
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_publish = self._published
        client.on_message = self._received
        client.on_disconnect = self._disconnected
        client.on_socket_close = self._forget
        client.on_socket_register_write = self._watch_writable
        client.on_socket_unregister_write = self._unwatch_writable
        client.connect_async(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S)
        return client

    def _attach(self) -> None:
        """Watch the socket that the thread has opened; the CONNECT waits in paho for it to become writable."""
        sock = self._client.socket()
        assert sock is not None  # noqa: S101 - `reconnect` has returned
        self._loop.add_reader(sock, self._read)
        self._loop.add_writer(sock, self._client.loop_write)
        self._housekeeping = self._loop.call_later(HOUSEKEEPING_S, self._keep_house)

    def _keep_house(self) -> None:
        """Let paho send its ping, or end a connection whose last ping went unanswered."""
        if self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._housekeeping = self._loop.call_later(HOUSEKEEPING_S, self._keep_house)

    def _read(self) -> None:
        self._client.loop_read()
        # What TLS has decrypted already makes no socket readable again.
        while isinstance(sock := self._client.socket(), ssl.SSLSocket) and sock.pending():
            self._client.loop_read()

    async def _abort(self) -> None:
        """Drop a connection that came to nothing: paho reads the end of the stream and cleans up."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            await self._closed.wait()

    def _watch_writable(self, _client: Client, _userdata: object, sock: Any) -> None:
        # During `reconnect` this is called in the other thread; `_attach` then does it in the loop's.
        if threading.get_ident() == self._thread:
            self._loop.add_writer(sock, self._client.loop_write)

    def _unwatch_writable(self, _client: Client, _userdata: object, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _forget(self, _client: Client, _userdata: object, sock: Any) -> None:
        self._loop.remove_reader(sock)

    # paho calls these within its own reading; what they lead to runs after it, on an even stack.

    def _connected(self, _client: Client, _userdata: object, _flags: object, reason: ReasonCode, *_: object) -> None:
        self.up = not reason.is_failure
        if not self._answered.done():
            self._answered.set_result(reason)

    def _subscribed(self, _client: Client, _userdata: object, _mid: int, codes: list[ReasonCode], *_: object) -> None:
        if not self._granted.done():
            self._granted.set_result(not any(code.is_failure for code in codes))

    def _published(self, _client: Client, _userdata: object, mid: int, *_: object) -> None:
        acknowledged = self._unacknowledged.pop(mid, None)
        if acknowledged is not None and not acknowledged.done():
            acknowledged.set_result(None)

    def _received(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._loop.call_soon(self._on_message, message.topic, bytes(message.payload), message.retain)

    def _disconnected(self, _client: Client, _userdata: object, _flags: object, reason: ReasonCode, *_: object) -> None:
        self.up = False
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        if str(reason) == "Keep alive timeout":
            self._why = "the broker went silent"
        self._closed.set()
        if not self._answered.done():
            self._answered.set_result(None)
        if not self._granted.done():
            self._granted.set_result(False)


def _in_daemon_thread(call: Callable[[], Any]) -> asyncio.Future[None]:
    """`call()` beside the loop; the future is done when it returns or raises.

    Not an executor: Python waits for its threads at exit, and that is long where a name server does not answer.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if done.done():  # given up meanwhile
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            call()
        except BaseException as raised:  # handed on to who awaits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(finish, error)

    threading.Thread(target=run, name="mqtt-connect", daemon=True).start()
    return done
