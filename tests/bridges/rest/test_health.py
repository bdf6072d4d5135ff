from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection

from bridges.rest import health
from tests.bridges.rest.conftest import caller
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.servers import Mosquitto, Part, Redis

GREEN = {"ok": True}


async def test_alive_needs_no_database() -> None:
    """This test has no database, so a query would fail it."""
    response = await caller().get("/healthz")
    assert (response.status_code, response.json()) == (200, {"ok": True})


@pytest.fixture
def broker(tmp_path: Path, settings: Any) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path)
    server.start()
    settings.BROKERS = {"main": server.url("bridge", "hunter2")}
    yield server
    server.stop()


@pytest.fixture
def redis(tmp_path: Path, settings: Any) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [server.url], "prefix": "ready"},
        }
    }
    yield server
    if server.process is not None:
        server.process.send_signal(signal.SIGCONT)
    server.stop()


@pytest.mark.django_db(transaction=True)
async def test_readiness_names_each_part(broker: Mosquitto) -> None:
    response = await caller().get("/readyz")
    assert (response.status_code, response.json()) == (200, {"database": GREEN, "layer": GREEN, "broker": GREEN})


@pytest.mark.django_db(transaction=True)
async def test_each_of_several_brokers_is_named(broker: Mosquitto, settings: Any) -> None:
    gone = f"mqtts://bridge:hunter2@127.0.0.1:{free_port()}?ca=/nowhere/ca.pem"
    settings.BROKERS = {"roof": broker.url("bridge", "hunter2"), "cellar": gone}
    response = await caller().get("/readyz")
    assert response.status_code == 503
    refused = {"ok": False, "error": "ConnectionRefusedError"}
    assert response.json() == {"database": GREEN, "layer": GREEN, "broker:roof": GREEN, "broker:cellar": refused}


@pytest.mark.django_db(transaction=True)
async def test_a_broker_that_is_down_is_red_and_no_secret_is_shown(broker: Mosquitto) -> None:
    await asyncio.to_thread(broker.stop)
    response = await caller().get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "database": GREEN,
        "layer": GREEN,
        "broker": {"ok": False, "error": "ConnectionRefusedError"},
    }
    await asyncio.to_thread(broker.start)
    assert (await caller().get("/readyz")).status_code == 200


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's disk may be on another machine")
@pytest.mark.django_db(transaction=True)
async def test_a_disk_on_which_sqlite_cannot_write_is_red(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 1 << 60)
    response = await caller().get("/readyz")
    assert (response.status_code, response.json()["database"]) == (503, {"ok": False, "error": "DiskFull"})


@pytest.mark.django_db(transaction=True)
async def test_the_embedded_broker_is_checked_where_it_listens(settings: Any) -> None:
    served = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    settings.BROKERS, settings.MQTT_PORT = {}, served.sockets[0].getsockname()[1]
    for bind in ("127.0.0.1", "0.0.0.0"):
        settings.MQTT_BIND = bind
        assert (await caller().get("/readyz")).json()["broker"] == GREEN
    served.close()


@pytest.mark.django_db(transaction=True)
async def test_redis_is_green_time_after_time(broker: Mosquitto, redis: Redis) -> None:
    for _ in range(20):
        assert (await caller().get("/readyz")).json()["layer"] == GREEN


@pytest.mark.django_db(transaction=True)
async def test_a_probe_leaves_no_subscription_behind(broker: Mosquitto, redis: Redis) -> None:
    from redis.asyncio import Redis as Client

    client = Client.from_url(redis.url)
    for _ in range(3):
        await caller().get("/readyz")
    async with asyncio.timeout(5):
        while await client.pubsub_channels():  # noqa: ASYNC110 - Redis does not report when it has unsubscribed
            await asyncio.sleep(0.01)
    await client.aclose()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_killed_or_frozen_redis_is_red_in_time(broker: Mosquitto, redis: Redis, fault: signal.Signals) -> None:
    assert (await caller().get("/readyz")).status_code == 200
    assert redis.process is not None
    redis.process.send_signal(fault)
    if fault == signal.SIGKILL:
        await asyncio.to_thread(redis.process.wait)
    began = time.monotonic()
    response = await caller().get("/readyz")
    assert time.monotonic() - began < health.LIMIT_S + 1
    assert response.status_code == 503
    assert response.json()["layer"]["ok"] is False
    assert response.json()["database"] == GREEN


class Web(Part):
    """Only the web server, with PostgreSQL."""

    def __init__(self, folder: Path, postgres: Postgres, mqtt_url: str) -> None:
        port = free_port()
        given = {"DATABASE_URL": postgres.url, "DATA_DIR": str(folder), "MQTT_URL": mqtt_url, "PORT": str(port)}
        command = ["-m", "uvicorn", "hub.asgi:application", f"--port={port}", "--lifespan=off"]
        super().__init__(folder, command, given, port)
        self.manage("migrate", "-v0")

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def web(postgres: Postgres, broker: Mosquitto, tmp_path: Path) -> Iterator[Web]:
    server = Web(tmp_path, postgres, broker.url())
    server.start()
    yield server
    server.stop()


def test_a_frozen_or_stopped_database_is_red_in_time_and_green_again(web: Web, postgres: Postgres) -> None:
    assert web.get("/readyz").json() == {"database": GREEN, "layer": GREEN, "broker": GREEN}
    postgres.freeze()
    for _ in range(6):  # more often than there are database threads
        began = time.monotonic()
        response = web.get("/readyz")
        assert time.monotonic() - began < health.LIMIT_S + 1
        assert (response.status_code, response.json()["database"]["ok"]) == (503, False)
        assert response.json()["layer"] == response.json()["broker"] == GREEN
        assert web.get("/healthz").status_code == 200
    postgres.thaw()
    wait_for_green(web)
    postgres.stop()
    assert web.get("/readyz").json()["database"]["ok"] is False
    postgres.start()
    wait_for_green(web)


def wait_for_green(web: Web) -> None:
    eventually(lambda: web.get("/readyz").status_code == 200)
