"""A scaled-out hub under somebody's eyes: devices that count, their dashboards, and what a page's charts hold."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import paho.mqtt.client as mqtt
from playwright.sync_api import Page

from tests.support.data_folder import Credentials
from tests.support.eventually import eventually
from tests.support.stack import Stack

from dashboards.models import Dashboard, Widget  # isort: skip - needs Django, which the one above sets up
from dashboards.widgets import replace_widgets  # isort: skip
from devices.models import Device  # isort: skip


@dataclass(frozen=True)
class Machine:
    """A device, and the dashboard with nothing else on it."""

    uid: str
    secret: str
    dashboard: int


class Deployment(Stack):
    """A stack with both web servers, and `machines`: devices with a dashboard each."""

    def __init__(self, folder: Path, machines: int, **settings: str) -> None:
        """`settings`: those of the hub that are other than by default."""
        uids = [f"lathe-{n}" for n in range(machines)]
        super().__init__(folder, uids=uids, webs=("daphne", "uvicorn"), **settings)
        self.machines = self.records.run(_with_dashboards, self.devices)

    def arrange(self, dashboard: int, *kinds: str) -> None:
        """Gives the dashboard tiles of these kinds in place of those it has, all of its one device."""
        self.records.run(_arrange, dashboard, kinds)
        # From a process of the deployment: this one's channel layer does not reach its web servers.
        notify = f"from dashboards.widgets import notify_viewers; notify_viewers({dashboard})"
        self.daphne.manage("shell", "-c", notify)


def _with_dashboards(devices: list[Credentials]) -> list[Machine]:
    return [Machine(device.uid, device.secret, make_dashboard(device.uid)) for device in devices]


def make_dashboard(uid: str) -> int:
    """A new dashboard with a chart and a number of the device's count."""
    device = Device.objects.get(uid=uid)
    board = Dashboard.objects.create(space=device.space, name=uid)
    _fill(board, device, ("chart", "value"))
    return board.pk


def _arrange(dashboard: int, kinds: tuple[str, ...]) -> None:
    board = Dashboard.objects.get(pk=dashboard)
    widget = board.widgets.first()
    assert widget is not None
    _fill(board, widget.device, kinds)


def _fill(board: Dashboard, device: Device, kinds: tuple[str, ...]) -> None:
    replace_widgets(board, [Widget(dashboard=board, device=device, kind=kind, metrics=["count"]) for kind in kinds])


class Counter(threading.Thread):
    """A device: counts upwards at `per_second` until it is left, each count with its own time, QoS 1."""

    def __init__(self, mqtt_port: int, machine: Machine | Credentials, per_second: int = 10) -> None:
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
        eventually(lambda: self.sent >= wanted)

    def __enter__(self) -> Self:
        self._client.loop_start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
        self._client.disconnect()
        self._client.loop_stop()


_WATCH_LINES = """async () => {
    const found = performance.getEntriesByType("resource").find(({ name }) => name.includes("/live_series"));
    const { LiveSeries } = await import(found.name);
    const { drawable } = LiveSeries.prototype;
    window.drawnLines = new Set();
    LiveSeries.prototype.drawable = function () {
        window.drawnLines.add(this);
        return drawable.call(this);
    };
}"""
"""Notes every line that the page draws from now on; each is drawn again within a second."""


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
