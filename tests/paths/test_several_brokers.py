"""Two brokers of one hub: one without TLS, and one with TLS that requires a client certificate."""

from __future__ import annotations

import datetime
import ipaddress
import json
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devices.runtime.credentials import hash_secret
from tests.support.eventually import eventually
from tests.support.hub import Credentials, RunningHub
from tests.support.ports import free_port
from tests.support.servers import ROOT, START_S, Bridge, Mosquitto, Part, Redis

DAY = datetime.timedelta(days=1)

pytestmark = pytest.mark.timeout(300)


@dataclass
class Issued:
    """The files of a certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority for the tests."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._build(self._name, self._key, 30).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.cert = self._write(f"{name}.pem", made.sign(self._key, hashes.SHA256()))

    def issue(self, name: str, address: str = "127.0.0.1", days: int = 30) -> Issued:
        """A certificate for a server at `address`, or for a client. With -1 days it has already expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._build(subject, key, days).add_extension(alternative, critical=False)
        path = self._folder / f"{name}.key"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return Issued(self._write(f"{name}.pem", made.sign(self._key, hashes.SHA256())), path)

    def _build(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 30 * DAY)
            .not_valid_after(now + days * DAY)
        )

    def _write(self, name: str, made: x509.Certificate) -> Path:
        path = self._folder / name
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return path


class TlsMosquitto(Mosquitto):
    """Has a second listener at `tls_port`, which requires a certificate of `authority` and the password."""

    def __init__(self, folder: Path, authority: Authority, server: Issued) -> None:
        super().__init__(folder)
        self.authority, self.server = authority, server
        self.tls_port = free_port()

    def command(self) -> list[str]:
        command = super().command()
        (self.folder / "conf.d" / "tls.conf").write_text(
            f"listener {self.tls_port} 127.0.0.1\ncafile {self.authority.cert}\n"
            f"certfile {self.server.cert}\nkeyfile {self.server.key}\n"
            "require_certificate true\n"
        )
        return command


class Device:
    """The MQTT client of a device. It answers each command with its arguments."""

    def __init__(self, port: int, device: Credentials, context: ssl.SSLContext | None = None) -> None:
        self.uid = device.uid
        self._subscribed = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=device.uid)
        self._client.username_pw_set(device.uid, device.secret)
        if context is not None:
            self._client.tls_set_context(context)
        self._client.on_connect = lambda client, *_: client.subscribe(f"devices/{self.uid}/commands/+", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_command
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(START_S)

    def send(self, **values: float) -> None:
        self._client.publish(f"devices/{self.uid}/telemetry", json.dumps(values), qos=1).wait_for_publish(START_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_command(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        answer = {"ok": True, "result": json.loads(message.payload)["args"]}
        client.publish(message.topic.replace("commands", "answers"), json.dumps(answer), qos=1)


class Site:
    """Brokers `roof` (TLS) and `cellar`, a hub that serves both, and a device at each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "roof").mkdir()
        (folder / "cellar").mkdir()
        self.authority = Authority(folder, "authority")
        self.bridge_files, self.device_files = self.authority.issue("bridge"), self.authority.issue("device")
        self.roof = TlsMosquitto(folder / "roof", self.authority, self.authority.issue("roof"))
        self.cellar, self.redis = Mosquitto(folder / "cellar"), Redis(folder)
        (folder / "password").write_text("secret\n")
        self.ca = f"ca={self.authority.cert}"
        self.shown = f"cert={self.bridge_files.cert}&key={self.bridge_files.key}"
        self.settings = {
            "DATA_DIR": str(folder / "data"),
            "REDIS_URL": self.redis.url,
            "MQTT_URL": f"roof={self.roof_url(self.ca, self.shown)},cellar={self.cellar.url('bridge', 'secret')}",
        }
        self.hub = RunningHub(folder, **self.settings)

    def roof_url(self, *query: str) -> str:
        files = "&".join([*query, f"password_file={self.folder}/password"])
        return f"mqtts://bridge@127.0.0.1:{self.roof.tls_port}?{files}"

    def start(self) -> None:
        """Starts the hub first, since it creates its database; it waits for the brokers."""
        self.redis.start()
        self.hub.start()
        self.token = self.hub.create_token("alice")
        self.lamp, self.pump = self.hub.create_device("lamp"), self._create("pump", "--broker=cellar")
        accounts = {device.uid: hash_secret(device.secret) for device in (self.lamp, self.pump)}
        # Both brokers know both devices, so that it is the hub that refuses, not a broker.
        self.roof.accounts = self.cellar.accounts = accounts | {"bridge": hash_secret("secret")}
        self.roof.start()
        self.cellar.start()

    def stop(self) -> None:
        for server in (self.hub, self.roof, self.cellar, self.redis):
            server.stop()
            print(server.output[-3000:])

    def _create(self, *arguments: str) -> Credentials:
        made = json.loads(self.hub.manage("createdevice", *arguments, "--space", "demo"))
        return Credentials(made["uid"], made["secret"])

    def client_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority.cert)
        context.load_cert_chain(self.device_files.cert, self.device_files.key)
        return context

    def api(self, path: str, **body: Any) -> Any:
        method, content = ("POST", body) if body else ("GET", None)
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(method, f"{self.hub.url}/api/v1/{path}", headers=headers, json=content, timeout=20)
        assert answer.is_success, answer.text
        return answer.json()

    def latest(self, uid: str) -> dict[str, Any]:
        return {name: value for name, (_, value) in self.api(f"devices/{uid}")["latest"].items()}

    def shows(self, device: Device, level: float) -> bool:
        """Whether the hub has stored what the device sends. Each call sends it again, since the broker discards what
        arrives before the hub's first subscription."""
        device.send(level=level)
        return self.latest(device.uid) == {"level": level}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    try:
        found.start()
        yield found
    finally:
        found.stop()


def test_devices_of_two_brokers_send_readings_and_receive_their_commands(site: Site) -> None:
    lamp = Device(site.roof.tls_port, site.lamp, site.client_context())
    pump = Device(site.cellar.port, site.pump)
    for device, value in ((lamp, 1.5), (pump, 2.5)):
        eventually(lambda device=device, value=value: site.shows(device, value))
        made = site.api(f"devices/{device.uid}/commands", name="set", args={"level": value})
        done = f"devices/{device.uid}/commands/{made['command']}"
        eventually(lambda done=done: site.api(done)["status"] == "succeeded")
    assert [site.api(f"devices/{uid}")["device"]["broker"] for uid in ("lamp", "pump")] == ["roof", "cellar"]
    assert httpx.get(f"{site.hub.url}/readyz").json().keys() == {"database", "layer", "broker:roof", "broker:cellar"}
    for server in (site.hub, site.roof):
        assert "secret" not in server.output.replace(f"-P {site.hub.folder}", "").replace(".secret", "")

    stranger = Device(site.cellar.port, site.lamp)
    stranger.send(level=9)
    refused = f"devices/{site.lamp.uid}/refusals"
    eventually(lambda: "wrong_broker" in json.dumps(site.api(refused)))
    assert site.latest("lamp") == {"level": 1.5}
    for device in (lamp, pump, stranger):
        device.close()


def run(site: Site, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of `manage.py` that is expected to exit by itself."""
    part = Part(site.folder, ["manage.py", *command], {**site.settings, **settings})
    return subprocess.run(
        part.command(), env=part.environment(), cwd=ROOT, capture_output=True, text=True, timeout=START_S
    )


def test_a_bridge_requires_the_name_of_one_configured_broker(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for options, problem in (
        ([], "MQTT_URL names several brokers: choose one with --broker, of roof, cellar"),
        (["--broker", "attic"], "MQTT_URL names no broker 'attic', but roof, cellar"),
    ):
        done = run(site, "runbridge", *options)
        assert (done.returncode, problem in done.stderr) == (1, True), done.stderr
    done = run(site, "runbridge", MQTT_URL=site.roof_url(f"ca={tmp_path}/none"))
    assert done.returncode == 1
    assert f"MQTT_URL: ca: {tmp_path}/none cannot be used: No such file or directory" in done.stderr


def test_each_broker_gets_only_the_accounts_of_its_own_devices(site: Site) -> None:
    for broker, uid in (("roof", "lamp"), ("cellar", "pump")):
        folder = site.folder / f"exported-{broker}"
        done = run(site, "exportmosquitto", str(folder), "--broker", broker)
        assert done.returncode == 0, done.stderr
        lines = (folder / "passwords").read_text().splitlines()
        names = [line.split(":")[0] for line in lines if not line.startswith("#")]
        assert {"bridge", uid} == set(names) - {"my-device", "alice"}  # the demo's device, and a program of hers


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("expired", "certificate has expired"),
        ("wrong host", "IP address mismatch"),
        ("unknown authority", "self-signed certificate|unable to get local issuer certificate"),
        ("no certificate of ours", "certificate required|handshake failure"),
    ],
)
def test_a_failed_tls_handshake_is_explained_and_retried(tmp_path: Path, fault: str, reason: str) -> None:
    site = Site(tmp_path)
    match fault:
        case "expired":
            site.roof.server = site.authority.issue("old", days=-1)
        case "wrong host":
            site.roof.server = site.authority.issue("elsewhere", address="10.0.0.2")
        case "unknown authority":
            site.ca = f"ca={Authority(tmp_path, 'stranger').cert}"
        case "no certificate of ours":
            site.shown = ""
    site.roof.accounts = {"bridge": hash_secret("secret")}
    site.redis.start()
    site.roof.start()
    url = site.roof_url(*filter(None, [site.ca, site.shown]))
    bridge = Part(tmp_path, ["manage.py", "runbridge"], {**site.settings, "MQTT_URL": url})
    bridge.READY = "no inbound session with mqtts://127.0.0.1"
    try:
        bridge.start()
        eventually(lambda: len(re.findall(f"no inbound session .*({reason})", bridge.output)) > 1)
        eventually(lambda: "no outbound session" in bridge.output)
        assert "secret" not in bridge.output
    finally:
        assert bridge.stop() == 0
        site.roof.stop()
        site.redis.stop()
        print(bridge.output)


def test_a_replaced_certificate_is_used_at_the_next_connection(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.roof.accounts = {"bridge": hash_secret("secret")}
    good = site.bridge_files.cert.read_bytes(), site.bridge_files.key.read_bytes()
    stranger = Authority(tmp_path, "stranger").issue("bridge")  # overwrites the good files
    assert stranger.cert == site.bridge_files.cert
    site.redis.start()
    site.roof.start()
    bridge = Bridge(tmp_path, {**site.settings, "MQTT_URL": site.roof_url(site.ca, site.shown)})
    bridge.READY = "no inbound session"
    try:
        bridge.start()
        site.bridge_files.cert.write_bytes(good[0])
        site.bridge_files.key.write_bytes(good[1])
        eventually(lambda: "connected to mqtts" in bridge.output)
    finally:
        bridge.stop()
        site.roof.stop()
        site.redis.stop()
        print(bridge.output)
