"""Hubbub scaled out, for tests: Redis, Mosquitto, a bridge and web servers, each a process, over one database."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import httpx
import psycopg

from devices.runtime.credentials import hash_secret
from tests.support.data_folder import Credentials, Records, copy_template, make_demo, sqlite_records
from tests.support.databases import migrate
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.publisher import Number, Publisher
from tests.support.servers import Bridge, HubServer, Mosquitto, Part, Redis, Server, Together

UIDS = [f"counter-{n}" for n in range(8)]
WebName = Literal["daphne", "uvicorn"]
_OPTIONS: dict[WebName, list[str]] = {"daphne": ["-p"], "uvicorn": ["--lifespan=off", "--port"]}


class WebServer(Part):
    """A web server, as far as a person with a browser is concerned."""

    PASSWORD = HubServer.PASSWORD

    def __init__(self, folder: Path, name: WebName, settings: Mapping[str, str], records: Records) -> None:
        port = free_port()
        self.name = name
        self.records = records
        command = ["-m", name, *_OPTIONS[name], str(port), "hub.asgi:application"]
        # Pages open their WebSocket from an origin with the port in it.
        super().__init__(folder, command, {**settings, "PORT": str(port)}, port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Stack(Together):
    """Entered, the servers run. `token` is bob's, an operator of the demo space, in which the devices are."""

    def __init__(
        self,
        folder: Path,
        *,
        uids: Sequence[str] = UIDS,
        webs: Sequence[WebName] = (),
        data: Path | None = None,
        **settings: str,
    ) -> None:
        """`data`: where the database is, else below `folder`. `settings`: of the bridge and the web servers."""
        self.data = data or folder / "stack"
        if url := settings.get("DATABASE_URL"):
            migrate(url)
            make_demo(url, self.data)
            self.records = Records(url)
        else:
            copy_template(self.data)
            self.records = sqlite_records(self.data)
        self.devices: list[Credentials] = self.records.create_devices(*uids)
        self.token = self.records.create_token("bob")
        self.redis, self.mosquitto = Redis(folder), Mosquitto(folder)
        self.mosquitto.accounts = {device.uid: hash_secret(device.secret) for device in self.devices}
        self.mosquitto.accounts["bridge"] = hash_secret("secret")
        self.settings = {
            "DATA_DIR": str(self.data),
            "REDIS_URL": self.redis.url,
            "MQTT_URL": self.mosquitto.url("bridge", "secret"),
            "DEVICE_RATE_LIMIT": "0",
            "VALUE_RATE_LIMIT": "0",
            "BYTE_RATE_LIMIT": "0",
            **settings,
        }
        self.bridge: Server = Bridge(folder, self.settings)
        self.webs = [WebServer(folder, name, self.settings, self.records) for name in webs]

    @property
    def servers(self) -> list[Server]:
        return [self.redis, self.mosquitto, self.bridge, *self.webs]

    def web(self, name: WebName) -> WebServer:
        return next(web for web in self.webs if web.name == name)

    @property
    def daphne(self) -> WebServer:
        return self.web("daphne")

    @property
    def uvicorn(self) -> WebServer:
        return self.web("uvicorn")

    def publisher(self, messages: int, device: int = 0, **options: Any) -> Publisher:
        """One that has begun to publish."""
        made = Publisher(self.mosquitto.port, self.devices[device], messages, **options)
        made.start()
        return made

    def get(self, path: str, timeout_s: float = 20) -> httpx.Response:
        """What the first web server answers a holder of a token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.get(f"{self.webs[0].url}{path}", headers=headers, timeout=timeout_s)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        if url := self.settings.get("DATABASE_URL"):
            with psycopg.connect(url) as postgres:
                return postgres.execute(sql.encode()).fetchall()
        with closing(sqlite3.connect(self.data / "hubbub.sqlite3", timeout=30)) as database:
            return database.execute(sql).fetchall()

    def stored(self, metric: str = "i") -> list[Number]:
        """Each number of the metric as often as it is stored, by the times of the readings."""
        rows = self.rows(
            "SELECT uid, number FROM devices_reading"
            " JOIN devices_metric ON devices_metric.id = metric_id"
            " JOIN devices_device ON devices_device.id = device_id"
            f" WHERE devices_metric.name = '{metric}' ORDER BY time"
        )
        return [(uid, int(number)) for uid, number in rows]

    def stored_of(self, uid: str, metric: str = "count") -> list[int]:
        """The numbers of the device's metric, in the order of their times."""
        return [number for owner, number in self.stored(metric) if owner == uid]

    def wait_until_stored(self, wanted: set[Number]) -> float:
        return eventually(lambda: wanted <= set(self.stored()))

    def check(self, *publishers: Publisher) -> float:
        """Waits for the publishers; then all they sent must be stored, once. Returns how long that took after them."""
        for publisher in publishers:
            publisher.join()
            assert publisher.done, f"{publisher.uid}: {len(publisher.acknowledged)} acknowledged"
        wanted = {number for publisher in publishers for number in publisher.numbers}
        try:
            took_s = self.wait_until_stored(wanted)
        finally:
            stored = Counter(self.stored())
            lost = wanted - stored.keys()
            assert not lost, f"{len(lost)} of {len(wanted)} lost: {sorted(lost)[:5]}"
        doubled = [number for number, times in stored.items() if times > 1]
        assert not doubled, f"{len(doubled)} doubled: {sorted(doubled)[:5]}"
        return took_s
