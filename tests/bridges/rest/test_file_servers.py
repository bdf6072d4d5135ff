"""Files on real servers: large files in bounded memory, slow readers, bodies that are too large, and the logs."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import connection

from devices.models import Attachment, Device
from devices.rooms import webhooks
from devices.spaces import tokens
from tests.support.soak import usually
from tests.support.web_server import WebServer, WebServers, web_servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

PART = b"0123456789abcdef" * 4096
PARTS = usually(960, soak=2_400)
SIZE = PARTS * len(PART)
"""63 MB: a server that holds a file in memory shows in its memory."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[WebServers]:
    with web_servers(tmp_path_factory.mktemp("web"), FILE_LIMIT="0") as found:
        yield found


@pytest.fixture(params=["daphne", "uvicorn"])
def web(request: pytest.FixtureRequest, servers: WebServers) -> Iterator[WebServer]:
    server = servers(request.param)
    shutil.rmtree(server.data / "files", ignore_errors=True)
    yield server
    print(server.output)


@pytest.fixture
def client(web: WebServer, bob: User, pump: Device) -> Iterator[httpx.Client]:
    rights = {"Authorization": f"Bearer {tokens.create(bob)}"}
    with httpx.Client(base_url=f"{web.url}/api/v1/", headers=rights, timeout=100) as made:
        yield made


class MemoryWatch(threading.Thread):
    """Measures by how much the server's memory grows at most."""

    def __init__(self, web: WebServer) -> None:
        super().__init__(daemon=True)
        self._web = web
        self._end = threading.Event()
        self._before = web.memory
        self.most = 0

    def run(self) -> None:
        while not self._end.wait(0.005):
            self.most = max(self.most, self._web.memory - self._before)

    def __enter__(self) -> MemoryWatch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join()


HEAD, END = b'--b\r\nContent-Disposition: form-data; name="file"; filename="log.bin"\r\n\r\n', b"\r\n--b--\r\n"


def form(parts: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(parts):
        yield PART
    yield END


def headers(parts: int) -> dict[str, str]:
    length = len(HEAD) + parts * len(PART) + len(END)
    return {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(length)}


def test_a_large_file_is_uploaded_and_downloaded_in_bounded_memory(
    web: WebServer, client: httpx.Client, room: int
) -> None:
    client.get("rooms")  # the modules that the first request loads must not count
    with MemoryWatch(web) as watch:
        sent = client.post(f"rooms/{room}/files", content=form(PARTS), headers=headers(PARTS))
        assert sent.status_code == 201, sent.text
        id = Attachment.objects.get(size=SIZE).pk
        digest, wanted = hashlib.sha256(), hashlib.sha256()
        with client.stream("GET", f"rooms/{room}/files/{id}/log.bin") as answer:
            assert answer.headers["content-length"] == str(SIZE)
            for part in answer.iter_bytes():
                digest.update(part)
    for _ in range(PARTS):
        wanted.update(PART)
    assert digest.digest() == wanted.digest()
    assert watch.most < SIZE // 3
    assert not [path for path in (web.data / "files").rglob("*") if path.name.endswith(".upload")]


async def test_a_slow_reader_costs_no_memory(web: WebServer, client: httpx.Client, room: int) -> None:
    await asyncio.to_thread(client.post, f"rooms/{room}/files", content=form(PARTS), headers=headers(PARTS))
    id = (await Attachment.objects.aget()).pk
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port, limit=64 * 1024)
    head = [f"GET /api/v1/rooms/{room}/files/{id}/log.bin HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    head += [f"Authorization: {client.headers['Authorization']}", "", ""]
    with MemoryWatch(web) as watch:
        writer.write("\r\n".join(head).encode())
        async with asyncio.timeout(60):
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            for _ in range(20):
                await reader.readexactly(10_000)
                await asyncio.sleep(0.05)
    assert watch.most < SIZE // 3
    writer.transport.abort()


def test_an_interrupted_upload_leaves_nothing(web: WebServer, client: httpx.Client, room: int) -> None:
    def broken() -> Iterator[bytes]:
        parts = form(200)
        for _ in range(100):
            yield next(parts)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        client.post(f"rooms/{room}/files", content=broken(), headers=headers(200))
    assert client.post(f"rooms/{room}/files", content=form(1), headers=headers(1)).status_code == 201
    kept = [path for path in (web.data / "files").rglob("*") if path.is_file()]
    assert [path.stat().st_size for path in kept] == [len(PART)]


def test_other_bodies_stay_small(web: WebServer, client: httpx.Client, room: int) -> None:
    for path in (f"rooms/{room}/messages", "hooks/x", f"rooms/{room}/files/1/a"):
        for length in (headers(40), {"Content-Type": "multipart/form-data; boundary=b"}):  # announced, and chunked
            assert is_refused(client, path, length), path


def is_refused(client: httpx.Client, path: str, headers: dict[str, str]) -> bool:
    """The connection may end before everything is sent, and the response be lost with it."""
    try:
        return client.post(path, content=form(40), headers=headers).status_code == 413
    except httpx.TransportError:
        return True


def test_the_address_of_a_webhook_is_never_logged(web: WebServer, client: httpx.Client, room: int, alice: User) -> None:
    _, secret = webhooks.create_webhook(alice, room, "builds")
    assert client.post(f"hooks/{secret}", json={"text": "green"}).status_code == 201
    assert client.post(f"hooks/{secret}?x=y", content=b"{").status_code == 400
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE devices_webhook RENAME TO elsewhere")
    try:  # an error is logged with its path
        assert client.post(f"hooks/{secret}", json={"text": "green"}).status_code in (500, 503)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO devices_webhook")
    web.wait_for("/api/v1/hooks/…")
    assert secret not in web.output


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "hubbub-test", str(folder)], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a tmpfs cannot be mounted here: {error}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
@pytest.mark.parametrize("full", ["files", "TMPDIR"])
def test_a_full_disk_is_reported_and_the_hub_goes_on(
    kind: str, full: str, tmp_path: Path, small_disk: Path, bob: User, room: int
) -> None:
    """The disk of stored files, or that of uploads under way."""
    web = WebServer(kind, tmp_path, FILE_LIMIT="0", **({"TMPDIR": str(small_disk)} if full == "TMPDIR" else {}))
    if full == "files":
        (web.data / "files").symlink_to(small_disk)
    web.start()
    try:
        rights = {"Authorization": f"Bearer {tokens.create(bob)}"}
        with httpx.Client(base_url=f"{web.url}/api/v1/", headers=rights, timeout=60) as client:
            # 6 MB, which httpx sends as a whole: it does not lose a response that comes before the end.
            refused = client.post(f"rooms/{room}/files", files={"file": ("a.bin", PART * 96)})
            assert refused.status_code == 503, refused.text
            if refused.content:  # Daphne's own response, for a body that fails before it is a request, is empty
                assert refused.json()["error"]["code"] == "unavailable"
            assert not [path for path in small_disk.rglob("*") if path.is_file()]
            assert client.post(f"rooms/{room}/files", files={"file": ("a.bin", PART)}).status_code == 201
    finally:
        web.kill()
        print(web.output)
