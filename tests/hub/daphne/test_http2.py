"""Daphne with TLS supports HTTP/2, and everything of the hub that goes over HTTP goes over HTTP/2."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.hub import Credentials, RunningHub
from tests.support.live_socket import LiveSocket
from tests.support.ports import free_port
from tests.support.servers import Part, find

WAIT_S = 30


@dataclass(frozen=True)
class Served:
    url: str
    certificate: Path
    token: str
    device: Credentials

    @property
    def tls(self) -> ssl.SSLContext:
        """A new one each time: a client of HTTP/2 makes it offer only that."""
        return ssl.create_default_context(cafile=self.certificate)

    def client(self) -> httpx.Client:
        return httpx.Client(http2=True, verify=self.tls, base_url=self.url, timeout=WAIT_S)

    @property
    def rights(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Only the web side, on Daphne with a certificate of its own."""
    folder: Path = tmp_path_factory.mktemp("http2")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        [find("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *names],
        check=True,
        capture_output=True,
    )
    hub = RunningHub(folder)
    device, token = hub.create_device("pump-1"), hub.create_token("carol")
    port = free_port()
    endpoint = f"ssl:{port}:privateKey={key}:certKey={certificate}:interface=127.0.0.1"
    settings = {**hub.settings, "PORT": str(port), "PUBLIC_URL": f"https://127.0.0.1:{port}"}
    daphne = Part(folder, ["-m", "daphne", "-e", endpoint, "hub.asgi:application"], settings, port)
    daphne.start()
    yield Served(f"https://127.0.0.1:{port}", certificate, token, device)
    daphne.stop()
    print(daphne.output)
    assert "Traceback" not in daphne.output


def test_pages_files_and_the_api_come_over_http_2(served: Served) -> None:
    with served.client() as client:
        for path in ("/healthz", "/login/", "/static/dashboards/js/live/hub_connection.js", "/api/v1/devices"):
            answer = client.get(path, headers=served.rights)
            assert (answer.status_code, answer.http_version) == (200, "HTTP/2"), path
        assert client.get("/api/v1/devices").status_code == 401
        assert "secure" in client.get("/login/").headers["set-cookie"].lower()


def test_a_posted_reading_arrives_in_a_stream_on_the_same_connection(served: Served) -> None:
    with (
        served.client() as client,
        client.stream("GET", "/api/v1/stream?device=pump-1", headers=served.rights) as events,
    ):
        assert events.http_version == "HTTP/2"
        frames = (json.loads(line[6:]) for line in events.iter_lines() if line.startswith("data: "))
        assert [next(frames)["type"], next(frames)["type"]] == ["welcome", "snapshot"]
        login = (served.device.uid, served.device.secret)
        answer = client.post("/api/v1/devices/pump-1/telemetry", json={"temperature": 21.5}, auth=login)
        assert answer.json()["stored"] == 1
        pushed = next(frame for frame in frames if frame["type"] == "telemetry")
        assert pushed["devices"]["pump-1"]["temperature"][0][1] == 21.5


def test_the_live_connection_is_encrypted_too(served: Served) -> None:
    """Without TLS its frames go straight into the socket; here they must not."""
    url = served.url.replace("https", "wss") + "/ws/"
    with LiveSocket(url, ssl=served.tls, additional_headers=served.rights) as socket:
        frames = (json.loads(socket.recv(timeout=WAIT_S)) for _ in range(100))
        assert next(frames)["type"] == "welcome"
        socket.send('{"id": 1, "type": "subscribe", "stream": "device:pump-1"}')
        assert next(frames)["ok"]
        with served.client() as client:
            login = (served.device.uid, served.device.secret)
            client.post("/api/v1/devices/pump-1/telemetry", json={"text": "x" * 1000}, auth=login)
        pushed = next(frame for frame in frames if frame.get("type") == "telemetry")
        assert pushed["devices"]["pump-1"]["text"][0][1] == "x" * 1000


def test_a_body_that_is_too_large_is_refused_and_the_connection_stays(served: Served) -> None:
    with served.client() as client:
        login = (served.device.uid, served.device.secret)
        answer = client.post("/api/v1/devices/pump-1/telemetry", content=b"x" * 2_000_000, auth=login)
        assert answer.status_code == 413
        assert answer.json()["error"] == {"code": "too_large", "message": "the body is too large", "retry": False}
        assert client.get("/healthz").json() == {"ok": True}


def test_a_large_body_of_a_stranger_is_refused_and_the_connection_stays(served: Served) -> None:
    with served.client() as client:
        answer = client.post("/api/v1/rooms/1/files", files={"file": ("a", b"x" * 2_000_000)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
        assert client.get("/healthz").json() == {"ok": True}
