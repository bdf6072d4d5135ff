"""One device's MQTT connection: a paho client driven by the asyncio loop.

There is no thread per device, so a hundred devices cost no more wake-ups than they have messages. Only the blocking
part of connecting (name look-up, TCP, TLS) runs in a thread, a daemon one, which does not delay an exit.
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
from bridges.simulator.outbox import OutgoingMessage

KEEPALIVE_S = 12
"""A connection to a silent broker is given up after at most twice this."""
CONNECT_TIMEOUT_S = 5.0
"""For TCP, and again for the broker's answer to CONNECT."""
PING_CHECK_S = 2.5
"""How often paho checks whether a ping is due."""
_CREDENTIALS_REFUSED = ("Bad user name or password", "Not authorized")


class NotConnected(Exception):
    """There is no connection to the broker; the text gives the reason."""


class CredentialsRefused(Exception):
    """The broker answered and did not accept the credentials."""


class PahoConnection:
    """Connects again and again through one paho client, which repeats unacknowledged messages.

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
        self._ping_check: asyncio.TimerHandle | None = None
        self._unacknowledged: dict[int, asyncio.Future[None]] = {}
        self.up = False
        """Whether there is a connection that the broker has accepted."""
        self._client = self._build(credentials, status_topic)

    async def connect(self) -> None:
        """Returns once the broker has accepted the connection. Raises `NotConnected` or `CredentialsRefused`."""
        self._answered = self._loop.create_future()
        self._closed.clear()
        self._why = "the broker closed the connection"
        try:
            # Without a time-out of ours, as `reconnect` has its own: a second `reconnect` started while the first one
            # is still running would share the paho client with it.
            await _in_daemon_thread(self._client.reconnect)
        except OSError as error:
            raise NotConnected(str(error)) from None
        self._attach()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                reason = await self._answered
        except TimeoutError:
            self._why = "the broker does not answer"
            await self._abort()
            reason = None
        if reason is None:
            raise NotConnected(self._why)
        if reason.is_failure:
            await self._closed.wait()
            raise (CredentialsRefused if str(reason) in _CREDENTIALS_REFUSED else NotConnected)(str(reason))

    async def subscribe(self, topic_filter: str) -> bool:
        """Whether the broker has granted the subscription; also false if the connection ended first."""
        if not self.up:
            return False
        self._granted = self._loop.create_future()
        self._client.subscribe(topic_filter, qos=1)
        return await self._granted

    def publish(self, message: OutgoingMessage) -> asyncio.Future[None]:
        """Publishes with QoS 1. The future is done when the broker acknowledges, perhaps in a later connection.

        Call it only while `up`: during `connect` paho would send it ahead of CONNECT. The caller limits how many
        messages may be unacknowledged at a time.
        """
        info = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        acknowledged: asyncio.Future[None] = self._loop.create_future()
        self._unacknowledged[info.mid] = acknowledged
        return acknowledged

    async def closed(self) -> str:
        """Waits for the end of the connection and returns its reason."""
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
            # A device that was offline must not execute commands of an hour ago.
            clean_session=True,
            # Otherwise paho itself would connect again, blocking, from within a callback.
            reconnect_on_failure=False,
        )
        client.username_pw_set(credentials.uid, credentials.secret)
        client.will_set(status_topic, b"offline", qos=1, retain=True)
        client.connect_timeout = CONNECT_TIMEOUT_S
        if self._broker.tls:
            client.tls_set_context(self._broker.tls_context())
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_receive
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = self._unwatch_readable
        client.on_socket_register_write = self._watch_writable
        client.on_socket_unregister_write = self._unwatch_writable
        client.connect_async(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S)
        return client

    def _attach(self) -> None:
        """Watches the socket that the thread has opened; paho sends its CONNECT once the socket is writable."""
        sock = self._client.socket()
        assert sock is not None  # noqa: S101 - `reconnect` has returned
        self._loop.add_reader(sock, self._read)
        self._loop.add_writer(sock, self._client.loop_write)
        self._ping_check = self._loop.call_later(PING_CHECK_S, self._check_ping)

    def _check_ping(self) -> None:
        """Lets paho send its ping, or end a connection whose last ping went unanswered."""
        if self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._ping_check = self._loop.call_later(PING_CHECK_S, self._check_ping)

    def _read(self) -> None:
        self._client.loop_read()
        # Data that TLS has already decrypted does not make the socket readable again.
        while isinstance(sock := self._client.socket(), ssl.SSLSocket) and sock.pending():
            self._client.loop_read()

    async def _abort(self) -> None:
        """Shuts down a connection that was never accepted: paho reads the end of the stream and cleans up."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            await self._closed.wait()

    def _watch_writable(self, _client: Client, _userdata: object, sock: Any) -> None:
        # During `reconnect` paho calls this in the other thread; `_attach` then does the same in the loop's thread.
        if threading.get_ident() == self._thread:
            self._loop.add_writer(sock, self._client.loop_write)

    def _unwatch_writable(self, _client: Client, _userdata: object, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _unwatch_readable(self, _client: Client, _userdata: object, sock: Any) -> None:
        self._loop.remove_reader(sock)

    # paho calls these from within its own reading; anything they start runs later, when paho has returned.

    def _on_connect(self, _client: Client, _userdata: object, _flags: object, reason: ReasonCode, *_: object) -> None:
        self.up = not reason.is_failure
        if not self._answered.done():
            self._answered.set_result(reason)

    def _on_subscribe(self, _client: Client, _userdata: object, _mid: int, codes: list[ReasonCode], *_: object) -> None:
        if not self._granted.done():
            self._granted.set_result(not any(code.is_failure for code in codes))

    def _on_publish(self, _client: Client, _userdata: object, mid: int, *_: object) -> None:
        acknowledged = self._unacknowledged.pop(mid, None)
        if acknowledged is not None and not acknowledged.done():
            acknowledged.set_result(None)

    def _on_receive(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._loop.call_soon(self._on_message, message.topic, bytes(message.payload), message.retain)

    def _on_disconnect(
        self, _client: Client, _userdata: object, _flags: object, reason: ReasonCode, *_: object
    ) -> None:
        self.up = False
        if self._ping_check is not None:
            self._ping_check.cancel()
        if str(reason) == "Keep alive timeout":
            self._why = "the broker went silent"
        self._closed.set()
        if not self._answered.done():
            self._answered.set_result(None)
        if not self._granted.done():
            self._granted.set_result(False)


def _in_daemon_thread(call: Callable[[], Any]) -> asyncio.Future[None]:
    """Runs `call()` in a thread; the future is done when it returns or raises.

    Not an executor: at exit Python waits for its threads, which takes long if a name server does not answer.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if done.done():  # the caller has given up
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            call()
        except BaseException as raised:  # raised again where the future is awaited
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(finish, error)

    threading.Thread(target=run, name="mqtt-connect", daemon=True).start()
    return done
