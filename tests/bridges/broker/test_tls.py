"""TLS in front of the broker."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridges.broker import Limits, TlsListener
from bridges.broker.tls import BUFFER_BYTES
from bridges.mqtt.packets import Version
from tests.bridges.broker.clients import RunningBroker, connect_packet
from tests.bridges.broker.scenarios.wire import Wire
from tests.support.certificates import CertificateFiles, make_certificate


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def limits() -> Limits:
    return Limits(connect_timeout_s=1, newcomers_per_network=4, newcomer_grace_s=0.05)


@pytest.fixture
def tls_port(limits: Limits, files: CertificateFiles) -> Iterator[tuple[RunningBroker, int]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    sock = socket.create_server(("127.0.0.1", 0))
    broker = RunningBroker(limits, tls=TlsListener(sock, context))
    yield broker, sock.getsockname()[1]
    broker.end()


def secured(port: int, cert: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=cert)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="localhost")


def test_a_client_signs_in_publishes_and_receives(tls_port: tuple[RunningBroker, int], files: CertificateFiles) -> None:
    broker, port = tls_port
    wire = Wire(broker.port, Version.V5)
    wire.sock.close()
    wire.sock = secured(port, files.cert)
    assert not wire.connect("bridge").reason_code.is_failure
    wire.subscribe("TopicA")
    other = Wire(broker.port, Version.V311)
    other.connect("bridge", "other")
    other.publish("TopicA", bytes(100_000), 1)
    assert len(wire.message().payload) == 100_000
    wire.disconnect()
    broker.until("closed.disconnected")


def test_a_connection_holds_one_record_of_tls_and_not_sixteen(
    tls_port: tuple[RunningBroker, int], files: CertificateFiles
) -> None:
    broker, port = tls_port
    with secured(port, files.cert):
        broker.until("connections")
        [connection] = broker.broker._shared.connections
        transport: Any = connection._transport
        assert len(transport._ssl_protocol._ssl_buffer) == BUFFER_BYTES


def test_a_packet_that_comes_with_the_handshake_is_read(
    tls_port: tuple[RunningBroker, int], files: CertificateFiles
) -> None:
    """Both in one piece, as from a client that does not wait."""
    _, port = tls_port
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=files.cert)
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65_536))
        tls.write(connect_packet("pump"))
        sock.sendall(outgoing.read())
        while True:
            try:
                assert tls.read(4) == b"\x20\x02\x00\x00"
                break
            except ssl.SSLWantReadError:
                incoming.write(sock.recv(65_536))


def test_what_is_no_tls_is_closed_and_counted(tls_port: tuple[RunningBroker, int]) -> None:
    broker, port = tls_port
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(connect_packet("pump"))
        while sock.recv(100):
            pass
    broker.until("closed.tls_handshake")
    assert broker.stats["connections"] == 0


def test_handshakes_that_never_end_are_few_and_short(
    tls_port: tuple[RunningBroker, int], files: CertificateFiles
) -> None:
    broker, port = tls_port
    silent = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(10)]
    broker.until("closed.evicted", 6)
    with secured(port, files.cert) as sock:
        sock.sendall(connect_packet("pump"))
        assert sock.recv(4) == b"\x20\x02\x00\x00"
    broker.until("closed.tls_handshake", 3)
    for each in silent:
        each.close()


def test_a_handshake_in_progress_does_not_hold_up_the_end(tls_port: tuple[RunningBroker, int]) -> None:
    broker, port = tls_port
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(b"\x16\x03\x01")
        broker.run(broker.broker.stop())
        assert sock.recv(1) == b""
