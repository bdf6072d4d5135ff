"""`manage.py simulate` as an operator runs it."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bridges.simulator.credentials import Credentials
from tests.support.ports import free_port
from tests.support.servers import ROOT, Mosquitto

Simulate = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def credentials(tmp_path: Path, fleet: list[Credentials]) -> Path:
    """At the default path of the command."""
    file = tmp_path / "simulator.jsonl"
    file.write_text("".join(json.dumps({"uid": entry.uid, "secret": entry.secret}) + "\n" for entry in fleet))
    return file


@pytest.fixture
def simulate(tmp_path: Path) -> Iterator[Simulate]:
    """Starts the command; stdout and stderr are one stream."""
    started = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "simulate", *arguments],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(tmp_path), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


async def line_with(process: subprocess.Popen[str], part: str) -> str:
    """Reads the output up to a line with `part`, and returns that line."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while line := await asyncio.to_thread(process.stdout.readline):
            if part in line:
                return line
    raise AssertionError(f"the output ended without {part!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_publishes_offline_and_exits_with_0(simulate, credentials, broker, watcher, fleet, number):
    process = simulate("--url", broker.url("bridge", "ignored"), "--interval", "0.2")
    for entry in fleet:
        await watcher.until_status(entry.uid, b"online")
    began = time.monotonic()
    process.send_signal(number)
    output, _ = await asyncio.to_thread(process.communicate, timeout=10)
    assert process.returncode == 0
    assert time.monotonic() - began < 3
    assert "Traceback" not in output
    for entry in fleet:
        await watcher.until_status(entry.uid, b"offline")


async def test_the_wills_of_killed_devices_report_them_offline(simulate, credentials, broker, watcher, fleet):
    process = simulate("--url", broker.url())
    for entry in fleet:
        await watcher.until_status(entry.uid, b"online")
    process.kill()
    for entry in fleet:
        await watcher.until_status(entry.uid, b"offline")


async def test_it_stops_when_the_program_that_started_it_is_gone(simulate, credentials, broker, watcher):
    process = simulate("--url", broker.url(), "--stop-with-stdin")
    await watcher.until_status("pump-1", b"online")
    process.stdin.close()
    await watcher.until_status("pump-1", b"offline")
    assert await asyncio.to_thread(process.wait, 10) == 0


async def test_a_closed_stdin_does_not_stop_it_without_the_option(simulate, credentials, broker, watcher):
    process = simulate("--url", broker.url())
    process.stdin.close()
    await watcher.until("devices/pump-1/telemetry")
    await watcher.until("devices/pump-1/telemetry")
    assert process.poll() is None


async def test_the_settings_name_the_broker(simulate, credentials, broker, watcher):
    simulate(MQTT_PORT=str(broker.port))
    await watcher.until_status("pump-1", b"online")
    simulate(MQTT_PORT="1", MQTT_URL=broker.url("bridge", "b"))
    await watcher.until_status("pump-1", b"online")


async def test_a_signal_while_there_is_no_broker_exits_with_0(simulate, credentials):
    process = simulate("--url", f"mqtt://127.0.0.1:{free_port()}")
    await line_with(process, "Connection refused")
    began = time.monotonic()
    process.terminate()
    output, _ = await asyncio.to_thread(process.communicate, timeout=10)
    assert process.returncode == 0
    assert time.monotonic() - began < 3
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("content", "arguments", "complaint"),
    [
        (None, [], "simulator.jsonl: no such file"),
        ('{"uid": "toaster-1", "secret": "x"}', [], "simulator.jsonl, line 1: uid 'toaster-1' has no known kind"),
        ("pump-1", [], "simulator.jsonl, line 1: expected"),
        ('{"uid": "pump-1", "secret": "x"}', ["--interval", "0"], "--interval"),
        ('{"uid": "pump-1", "secret": "x"}', ["--url", "http://x"], "the broker's address"),
    ],
)
def test_invalid_input_gives_one_line_and_exit_code_1(simulate, tmp_path, content, arguments, complaint):
    if content is not None:
        (tmp_path / "simulator.jsonl").write_text(content)
    process = simulate(*arguments)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert complaint in output
    assert len(output.splitlines()) == 1


class TlsMosquitto(Mosquitto):
    """Offers TLS on a second port with a self-signed certificate."""

    def command(self) -> list[str]:
        command = super().command()
        self.tls_port = free_port()
        self.certificate = self.folder / "certificate.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.folder / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        with (self.folder / "mosquitto.conf").open("a") as config:
            config.write(
                f"listener {self.tls_port} 127.0.0.1\ncertfile {self.certificate}\nkeyfile {self.folder / 'key.pem'}\n"
            )
        return command


@pytest.fixture
async def tls_broker(broker: Mosquitto) -> AsyncIterator[TlsMosquitto]:
    """Replaces the broker by one with TLS and the same accounts."""
    broker.kill()
    mosquitto = TlsMosquitto(broker.folder, broker.accounts)
    mosquitto.port = broker.port
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


async def test_devices_connect_over_tls(simulate, credentials, tls_broker, watcher):
    process = simulate("--url", f"mqtts://127.0.0.1:{tls_broker.tls_port}", SSL_CERT_FILE=str(tls_broker.certificate))
    await watcher.until_status("pump-1", b"online")
    assert (await watcher.command("pump-1", "c1", '{"name": "set", "args": {"on": false}}'))["ok"]
    process.terminate()
    await watcher.until_status("pump-1", b"offline")


async def test_an_unknown_certificate_is_not_trusted(simulate, credentials, tls_broker):
    process = simulate("--url", f"mqtts://127.0.0.1:{tls_broker.tls_port}")
    assert "CERTIFICATE_VERIFY_FAILED" in await line_with(process, "no connection")
