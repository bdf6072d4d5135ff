"""A scaled-out hub under somebody's eyes: a device that counts, programs that watch, and what a page's charts hold."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
from playwright.sync_api import Page
from websockets.exceptions import ConnectionClosed

from devices.runtime.credentials import hash_secret
from tests.faults.stage import eventually
from tests.paths.conftest import RunningHub
from tests.ports import free_port
from tests.servers import Bridge, HubServer, Mosquitto, Part, Redis, Server, Together
from tests.viewer import Viewer

_DASHBOARDS = """
from dashboards.models import Dashboard, Widget
from devices.models import Device, Space
for device in Device.objects.filter(uid__startswith="lathe-").order_by("pk"):
    board = Dashboard.objects.create(space=Space.objects.get(slug="demo"), name=device.uid)
    for kind in ("chart", "value"):
        Widget.objects.create(dashboard=board, device=device, kind=kind, metrics=["count"])
    print("dashboard", device.uid, board.pk)
"""

_ARRANGE = """
from dashboards.models import Dashboard, Widget
from dashboards.widgets import replace_widgets
board = Dashboard.objects.get(pk={dashboard})
device = board.widgets.first().device
replace_widgets(board, [Widget(dashboard=board, device=device, kind=kind, metrics=["count"]) for kind in {kinds}])
"""


@dataclass(frozen=True)
class Machine:
    """A device, and the dashboard of it alone."""

    uid: str
    secret: str
    dashboard: int


_WATCH_LINES = """async () => {
    const found = performance.getEntriesByType("resource").find(({ name }) => name.includes("/live_series"));
    const { LiveSeries } = await import(found.name);
    const { drawn } = LiveSeries.prototype;
    window.drawnLines = new Set();
    LiveSeries.prototype.drawn = function () {
        window.drawnLines.add(this);
        return drawn.call(this);
    };
}"""
"""Notes every line that the page draws from now on; each is drawn again within a second."""


class Deployment(Together):
    """Redis, Mosquitto, a bridge, Daphne and uvicorn, each a process; the database is a file."""

    def __init__(self, folder: Path, machines: int, **settings: str) -> None:
        """`settings`: those of the hub that are other than by default."""
        hub = RunningHub(folder)
        hub.start()
        made = hub.manage("createdevice", *[f"lathe-{n}" for n in range(machines)], "--space", "demo")
        secrets = {each["uid"]: each["secret"] for each in map(json.loads, made.splitlines())}
        boards = re.findall(r"dashboard (\S+) (\d+)", hub.manage("shell", "-c", _DASHBOARDS))
        self.machines = [Machine(uid, secrets[uid], int(board)) for uid, board in boards]
        self.token = hub.create_token("bob")
        hub.stop()

        self.redis, self.mosquitto = Redis(folder), Mosquitto(folder)
        self.mosquitto.accounts = {machine.uid: hash_secret(machine.secret) for machine in self.machines}
        self.mosquitto.accounts["bridge"] = hash_secret("secret")
        self.settings = {
            **settings,
            "DATA_DIR": hub.settings["DATA_DIR"],
            "REDIS_URL": self.redis.url,
            "MQTT_URL": self.mosquitto.url("bridge", "secret"),
        }
        self.bridge = Bridge(folder, self.settings)
        self.daphne = WebPart(folder, "daphne", "-p", settings=self.settings)
        self.uvicorn = WebPart(folder, "uvicorn", "--lifespan=off", "--port", settings=self.settings)
        self._database = Path(self.settings["DATA_DIR"]) / "hubbub.sqlite3"

    def arrange(self, dashboard: int, *kinds: str) -> None:
        """Gives the dashboard tiles of these kinds in place of those it has, all of its one device."""
        self.daphne.manage("shell", "-c", _ARRANGE.format(dashboard=dashboard, kinds=kinds))

    @property
    def servers(self) -> list[Server]:
        return [self.redis, self.mosquitto, self.bridge, self.daphne, self.uvicorn]

    def stored(self, uid: str) -> list[float]:
        """What is stored of the device's count, in the order of its times."""
        sql = (
            "SELECT number FROM devices_reading JOIN devices_metric ON devices_metric.id = metric_id"
            " JOIN devices_device ON devices_device.id = device_id WHERE uid = ? ORDER BY time"
        )
        with closing(sqlite3.connect(self._database, timeout=30)) as database:
            return [number for (number,) in database.execute(sql, (uid,))]


class WebPart(Part):
    """A web server, as far as a person with a browser is concerned."""

    PASSWORD = HubServer.PASSWORD

    def __init__(self, folder: Path, name: str, *options: str, settings: dict[str, str]) -> None:
        port = free_port()
        self.name = name
        command = ["-m", name, *options, str(port), "hub.asgi:application"]
        # Pages open their WebSocket from an origin with the port in it.
        super().__init__(folder, command, {**settings, "PORT": str(port)}, port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Counter(threading.Thread):
    """A device: counts upwards at `per_second` until it is left, each count with its own time, QoS 1."""

    def __init__(self, mqtt_port: int, machine: Machine, per_second: int = 10) -> None:
        super().__init__(name=machine.uid)
        self.uid = machine.uid
        self.sent = 0
        self._pause_s = 1 / per_second
        self._over = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=machine.uid)
        self._client.username_pw_set(machine.uid, machine.secret)
        self._client.connect("127.0.0.1", mqtt_port)

    def run(self) -> None:
        while not self._over.wait(self._pause_s):
            message = {"ts": time.time_ns() // 1_000_000, "values": {"count": self.sent}}
            self._client.publish(f"devices/{self.uid}/telemetry", json.dumps(message), qos=1)
            self.sent += 1

    def wait_for(self, more: int) -> None:
        """Returns once it has counted on by so many."""
        wanted = self.sent + more
        assert eventually(lambda: self.sent >= wanted) is not None

    def __enter__(self) -> Self:
        self._client.loop_start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
        self._client.disconnect()
        self._client.loop_stop()


class Watcher(threading.Thread):
    """A program that watches a stream; notes what it is sent and when (`time.monotonic`)."""

    def __init__(self, url: str, token: str, stream: str) -> None:
        super().__init__(name=f"watcher of {stream}", daemon=True)
        self.frames: list[tuple[float, dict[str, Any]]] = []
        self.ended: Exception | None = None
        self._viewer = Viewer(url, token)
        self._viewer.subscribe(stream)

    def run(self) -> None:
        try:
            while True:
                frame = self._viewer.receive()
                self.frames.append((time.monotonic(), frame))
        except (ConnectionClosed, TimeoutError, OSError) as error:
            self.ended = error

    def first(self, type: str, after: float) -> float:
        """When the first push of this type came after the moment `after`; waits for it."""
        came: list[float] = []

        def has_come() -> bool:
            came[:] = [at for at, frame in list(self.frames) if at > after and frame.get("type") == type]
            return bool(came) or self.ended is not None

        eventually(has_come)
        assert came, f"no {type} came: {self.ended!r}"
        return came[0]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._viewer.__exit__(None, None, None)
        self.join()


def watch_lines(page: Page) -> None:
    page.evaluate(_WATCH_LINES)
    # Not `wait_for_function`, which has to make functions of strings: our content security policy lets no page do that.
    eventually(lambda: bool(page.evaluate("() => window.drawnLines.size > 0")))


def line(page: Page) -> list[float]:
    """The values that the line in the page's one chart holds. Those beside a number are coarser."""
    found: list[float]
    [found] = page.evaluate(
        "() => [...window.drawnLines].filter(({ points }) => points >= 600).map(({ series }) => [...series.values])"
    )
    return found
