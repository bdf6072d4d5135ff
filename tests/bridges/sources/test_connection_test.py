"""The connection test against real servers: what it says about each."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bridges.mqtt.address import BrokerAddress
from bridges.sources.connection_test import MAX_REMEMBERED, TESTS_A_MINUTE, ConnectionFailed, TestAllowance, attempt
from devices.errors import TooMany
from tests.support.certificates import CertificateFiles, make_certificate
from tests.support.ports import free_port
from tests.support.servers import Server, find


class Locked(Server):
    """Mosquitto with a password, and with TLS where it has a certificate."""

    certificate: CertificateFiles | None = None

    def command(self) -> list[str]:
        passwords, conf = self.folder / "passwords", self.folder / "mosquitto.conf"
        passwords.touch()
        subprocess.run([find("mosquitto_passwd"), "-b", str(passwords), "hub", "right"], check=True)
        lines = [f"listener {self.port} 127.0.0.1", f"password_file {passwords}", "user root"]
        if self.certificate:
            lines += [f"certfile {self.certificate.cert}", f"keyfile {self.certificate.key}"]
        conf.write_text("\n".join(lines) + "\n")
        return [find("mosquitto"), "-c", str(conf)]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    server = Locked(tmp_path_factory.mktemp("locked"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    server = Locked(tmp_path_factory.mktemp("secured"))
    server.certificate = make_certificate(server.folder)
    server.start()
    yield server
    server.stop()


async def said(address: BrokerAddress, filters: tuple[str, ...] = (), within_s: float = 5.0) -> str:
    try:
        await attempt(address, filters, within_s)
    except ConnectionFailed as error:
        return str(error)
    return ""


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[int]:
    """A server that sends `answer` to whatever it receives, or nothing at all."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_login_that_is_right(locked: Locked) -> None:
    assert await said(BrokerAddress("127.0.0.1", locked.port, "hub", "right"), ("tele/#", "stat/#")) == ""


@pytest.mark.parametrize("login", [("hub", "wrong"), ("nobody", "right"), (None, None)])
async def test_a_login_that_is_wrong(locked: Locked, login: tuple[str | None, str | None]) -> None:
    assert "user name or the password is wrong" in await said(BrokerAddress("127.0.0.1", locked.port, *login))


async def test_a_certificate_given_as_text_is_trusted(secured: Locked) -> None:
    assert secured.certificate is not None
    pem = secured.certificate.cert.read_text()
    assert await said(BrokerAddress("localhost", secured.port, "hub", "right", tls=True, ca_text=pem)) == ""


async def test_a_certificate_of_an_unknown_authority(secured: Locked) -> None:
    assert "not signed by a trusted authority" in await said(BrokerAddress("localhost", secured.port, tls=True))


async def test_a_certificate_for_another_host(secured: Locked) -> None:
    assert secured.certificate is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(secured.certificate.cert, secured.certificate.key)
    async with await asyncio.start_server(lambda *_: None, "127.0.0.2", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        pem = secured.certificate.cert.read_text()
        assert "for another" in await said(BrokerAddress("127.0.0.2", port, tls=True, ca_text=pem))


async def test_a_certificate_that_has_expired(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2020, 1, 2))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    pem = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    both = tmp_path / "both.pem"
    both.write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        assert "has expired" in await said(BrokerAddress("localhost", port, tls=True, ca_text=pem.decode()))


async def test_tls_where_there_is_none(locked: Locked) -> None:
    assert "no TLS at this port" in await said(BrokerAddress("localhost", locked.port, tls=True))


async def test_no_tls_where_it_is_expected(secured: Locked) -> None:
    assert "TLS" in await said(BrokerAddress("localhost", secured.port, "hub", "right"))


async def test_an_authority_that_is_not_pem() -> None:
    assert "not in PEM" in await said(BrokerAddress("localhost", 1, tls=True, ca_text="nonsense"))


async def test_a_closed_port() -> None:
    assert "Nothing accepts connections" in await said(BrokerAddress("127.0.0.1", free_port()))


async def test_a_name_that_does_not_exist() -> None:
    assert "no host named" in await said(BrokerAddress("no-such-host.invalid", 1883))


async def test_a_web_server() -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert "does not speak MQTT" in await said(BrokerAddress("127.0.0.1", port))


async def test_a_server_that_never_answers() -> None:
    async with answering(None) as port:
        assert "does not answer" in await said(BrokerAddress("127.0.0.1", port), within_s=0.2)


async def test_a_filter_that_is_not_allowed() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(200)
        writer.write(b"\x20\x02\x00\x00")
        await reader.read(200)
        writer.write(b"\x90\x03\x00\x01\x80")

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert "may not subscribe to tele/#" in await said(BrokerAddress("127.0.0.1", port), ("tele/#",))


def test_tests_are_counted_for_each_person_and_minute() -> None:
    now = [0.0]
    allowance = TestAllowance(lambda: now[0])
    for _ in range(TESTS_A_MINUTE):
        allowance.spend(1)
    with pytest.raises(TooMany):
        allowance.spend(1)
    allowance.spend(2)
    now[0] = 60.0
    allowance.spend(1)


def test_people_beyond_the_bound_are_forgotten() -> None:
    allowance = TestAllowance(lambda: 0.0)
    for person in range(MAX_REMEMBERED + 5):
        allowance.spend(person)
    assert len(allowance._tests) == MAX_REMEMBERED
