"""Tries to sign in at a broker and to listen there, and says in words what is wrong."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from bridges.mqtt.address import AddressError, BrokerAddress
from bridges.mqtt.packets import ConnectPacket, SubscribePacket, Subscription, Version, codec
from devices.errors import TooMany
from devices.runtime import stats

TEST_S = 5.0
"""How long a test takes at most."""
TESTS_A_MINUTE = 10
"""Tests of one person: enough to find a wrong setting, and too few to look for open ports."""
MAX_REMEMBERED = 1_000
"""People whose tests are counted; past it the one who tested longest ago is forgotten."""

_CONNACK, _SUBACK, _TLS_ALERT = 0x20, 0x90, 0x15
_LOGIN_REFUSED = {
    1: "The broker does not know MQTT 3.1.1.",
    2: "The broker refused the client id.",
    3: "The broker is not available at the moment.",
    4: "The user name or the password is wrong.",
    5: "The user name or the password is wrong, or this login may not connect.",
}
_CERTIFICATE = {
    9: "The certificate of the broker is not valid yet.",
    10: "The certificate of the broker has expired.",
    62: "The certificate of the broker is for another host name.",
    64: "The certificate of the broker is for another address.",
}


class ConnectionFailed(Exception):
    """The text is a sentence for the person who typed the address."""


class TestAllowance:
    """Counts the tests of each person within the last minute."""

    __test__ = False  # not one for pytest

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tests: OrderedDict[int, list[float]] = OrderedDict()

    def spend(self, person_id: int) -> None:
        """Raises `TooMany`."""
        with self._lock:
            now = self._clock()
            recent = [at for at in self._tests.pop(person_id, []) if now - at < 60]
            self._tests[person_id] = recent
            if len(self._tests) > MAX_REMEMBERED:
                self._tests.popitem(last=False)
            if len(recent) >= TESTS_A_MINUTE:
                stats.operations_refused.labels("broker tests").inc()
                raise TooMany(f"a person may test {TESTS_A_MINUTE} connections a minute")
            recent.append(now)


allowance = TestAllowance()
"""Of this process."""


async def attempt(address: BrokerAddress, filters: Sequence[str] = (), within_s: float = TEST_S) -> None:
    """Signs in at the broker, and listens to the filters. Raises `ConnectionFailed`."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await _connected(address)
            await _signed_in(reader, writer, address)
            await _subscribed(reader, writer, filters)
    except TimeoutError:
        raise ConnectionFailed(_silence(writer)) from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise ConnectionFailed(_lost(address, error)) from None
    finally:
        if writer is not None:
            writer.transport.abort()


async def _connected(address: BrokerAddress) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await asyncio.open_connection(address.host, address.port, ssl=address.tls_context())
    except AddressError as error:
        raise ConnectionFailed(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    except (socket.gaierror, UnicodeError):
        raise ConnectionFailed(f"There is no host named {address.host}.") from None
    except ConnectionRefusedError:
        raise ConnectionFailed(f"Nothing accepts connections at port {address.port} of {address.host}.") from None
    except ssl.SSLCertVerificationError as error:
        why = _CERTIFICATE.get(error.verify_code, "The certificate of the broker is not signed by a trusted authority.")
        raise ConnectionFailed(why) from None
    except (ssl.SSLError, ConnectionResetError):
        raise ConnectionFailed("There is no TLS at this port. Try without TLS, or another port.") from None
    except TimeoutError:
        raise
    except OSError as error:
        why = error.strerror or "it cannot be reached"
        raise ConnectionFailed(f"No connection to {address.host}: {why}.") from None


async def _signed_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: BrokerAddress) -> None:
    connect = ConnectPacket(
        version=Version.V311,
        client_id=f"hubbub-test-{secrets.token_hex(6)}",
        keep_alive_s=30,
        username=address.username,
        password=None if address.password is None else address.password.encode(),
    )
    writer.write(codec(Version.V311).write(connect))
    first = await reader.readexactly(1)
    if first[0] == _TLS_ALERT:
        raise ConnectionFailed("The broker expects TLS at this port.")
    if first[0] != _CONNACK:
        raise ConnectionFailed("The server at this port does not speak MQTT.")
    rest = await reader.readexactly(3)
    if rest[0] != 2:
        raise ConnectionFailed("The server at this port does not speak MQTT.")
    if rest[2]:
        raise ConnectionFailed(_LOGIN_REFUSED.get(rest[2], "The broker refused the login."))


async def _subscribed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, filters: Sequence[str]) -> None:
    for topic_filter in filters:
        writer.write(codec(Version.V311).write(SubscribePacket(1, (Subscription(topic_filter, 0),))))
        if await _granted(reader) >= 0x80:
            raise ConnectionFailed(f"The login is right, but it may not subscribe to {topic_filter}.")


async def _granted(reader: asyncio.StreamReader) -> int:
    """The code of the next SUBACK. Retained messages may come before it."""
    while True:
        kind = (await reader.readexactly(1))[0]
        body = await reader.readexactly(await _length(reader))
        if kind == _SUBACK and len(body) == 3:
            return body[2]


async def _length(reader: asyncio.StreamReader) -> int:
    length = 0
    for shift in (0, 7, 14, 21):
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    if length > 1 << 20:
        raise ConnectionFailed("The broker sends a message that is larger than 1 MiB.")
    return length


def _silence(writer: asyncio.StreamWriter | None) -> str:
    if writer is None:
        return "The host does not answer. Check its address, and whether a firewall is in the way."
    return "The server accepts connections, but does not answer: it may not speak MQTT."


def _lost(address: BrokerAddress, error: Exception) -> str:
    if address.tls:
        return "The server closed the connection: it may ask for a certificate of ours, or not speak MQTT."
    return "The server closed the connection: it may expect TLS, or not speak MQTT."
