"""The cost of a live page to the browser: 50 devices that send 10 values a second each.

    .venv/bin/python -m benchmarks.browser [--page charts values fleet] [--seconds 20] [--profile] [--minutes 5]

The hub with all in one process, Chromium with a desktop's window and without a graphics card, so that what a card
would do is in its GPU process. `--profile` names the functions that take the most time, `--minutes` shows the size of
the page's heap for so long.
"""

from __future__ import annotations

import argparse
import json
import math
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import CDPSession, Page

from benchmarks.load import mqtt
from benchmarks.targets import UNLIMITED, started
from tests.support.browser import Person, chromium
from tests.support.hub import RunningHub
from tests.support.servers import HubServer

DEVICES = 50
PER_SECOND = 10
WARM_UP_S = 10.0
"""The page loads its history and Chromium compiles what runs often."""
HEAP_EVERY_S = 30.0

_DASHBOARD = """
from dashboards.models import Dashboard, Widget
from devices.models import Device, Space
board = Dashboard.objects.create(space=Space.objects.get(slug="demo"), name="{kind}")
Widget.objects.bulk_create([
    Widget(dashboard=board, device=device, kind="{kind}", metrics=["level"], x=n % 4 * 3, y=n // 4 * 2, width=3)
    for n, device in enumerate(Device.objects.filter(uid__startswith="load-"))])
print("dashboard", board.pk)
"""
PAGES = {"charts": "chart", "values": "value", "fleet": ""}
"""Name -> kind of the widgets of a dashboard; the fleet page has none."""


def sign_in(port: int, uid: str, secret: str) -> socket.socket:
    """The MQTT connection of a device."""
    link = socket.create_connection(("127.0.0.1", port))
    link.sendall(mqtt.connect(uid, uid, secret))
    if link.recv(4) != mqtt.CONNACK:
        raise RuntimeError(f"the broker refused {uid}")
    return link


class Fleet(threading.Thread):
    """Publishes a wave for each device, evenly over the second, until it is left."""

    def __init__(self, port: int, secrets: dict[str, str]) -> None:
        super().__init__(name="fleet", daemon=True)
        self._sockets = [(uid, sign_in(port, uid, secret)) for uid, secret in secrets.items()]
        self._over = threading.Event()

    def run(self) -> None:
        step_s = 1 / (PER_SECOND * len(self._sockets))
        began, sent = time.monotonic(), 0
        while not self._over.wait(max(0.0, began + sent * step_s - time.monotonic())):
            uid, link = self._sockets[sent % len(self._sockets)]
            value = 50 + 40 * math.sin(sent * step_s / 7 + hash(uid) % 60)
            link.sendall(mqtt.publish(f"devices/{uid}/telemetry", b'{"level":%.2f}' % value))
            sent += 1

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
        for _, link in self._sockets:
            link.close()


def processes() -> dict[str, list[psutil.Process]]:
    """Chromium's processes by their type."""
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.Process().children(recursive=True):
        words = process.cmdline()
        if words and "chrom" in words[0]:
            kind = next((word.partition("=")[2] for word in words if word.startswith("--type=")), "browser")
            found.setdefault(kind, []).append(process)
    return found


def cpu_s(found: dict[str, list[psutil.Process]]) -> Counter[str]:
    used: Counter[str] = Counter()
    for kind, each in found.items():
        for process in each:
            times = process.cpu_times()
            used[kind] += times.user + times.system
    return used


def cores(seconds: float) -> dict[str, float]:
    """How much of a core each type of process takes on the average."""
    found = processes()
    before, began = cpu_s(found), time.monotonic()
    time.sleep(seconds)
    after, took = cpu_s(found), time.monotonic() - began
    return {kind: (after[kind] - before[kind]) / took for kind in found}


def profile(cdp: CDPSession, seconds: float) -> list[tuple[str, float]]:
    """The functions in which the page spends the most time, with their shares of it."""
    cdp.send("Profiler.enable")
    cdp.send("Profiler.start")
    time.sleep(seconds)
    found: dict[str, Any] = cdp.send("Profiler.stop")["profile"]
    names = {node["id"]: node["callFrame"] for node in found["nodes"]}
    shares: Counter[str] = Counter()
    for node, delta in zip(found["samples"], found["timeDeltas"], strict=True):
        frame = names[node]
        place = f"{frame['url'].rpartition('/')[2]}:{frame['lineNumber']}"
        shares[f"{frame['functionName'] or '(anonymous)'} {place}"] += delta
    total = sum(shares.values())
    return [(name, share / total) for name, share in shares.most_common(25)]


def heap_mb(cdp: CDPSession) -> float:
    cdp.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in cdp.send("Performance.getMetrics")["metrics"]}
    return float(metrics["JSHeapUsedSize"]) / 1e6


@contextmanager
def hub(folder: Path) -> Iterator[tuple[HubServer, dict[str, str]]]:
    """A hub whose devices send; the addresses of its pages by their names."""
    with started(RunningHub(folder, **UNLIMITED)) as server:
        made = server.manage("createdevice", *[f"load-{n:02}" for n in range(DEVICES)], "--space", "demo")
        secrets = {each["uid"]: each["secret"] for each in map(json.loads, made.splitlines())}
        addresses = {"fleet": "/"}
        for name, kind in PAGES.items():
            if kind:
                number = server.manage("shell", "-c", _DASHBOARD.format(kind=kind)).split()[-1]
                addresses[name] = f"/dashboards/{number}/"
        with Fleet(server.mqtt_port, secrets):
            yield server, addresses


def measure(name: str, page: Page, options: argparse.Namespace) -> None:
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")
    time.sleep(WARM_UP_S)
    used = cores(options.seconds)
    shown = ", ".join(f"{kind} {share:.2f}" for kind, share in sorted(used.items(), key=lambda each: -each[1]))
    print(f"{name}: {sum(used.values()):.2f} of a core; {shown}", flush=True)
    if options.profile:
        for function, share in profile(cdp, options.seconds):
            print(f"    {share:6.1%} {function}")
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        print(f"    heap {heap_mb(cdp):.1f} MB", flush=True)
        time.sleep(HEAP_EVERY_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", nargs="+", choices=PAGES, default=list(PAGES))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder, hub(Path(folder)) as (server, addresses):
        for name in options.page:
            with chromium() as browser:
                person = Person(browser, server, "alice")
                person.sign_in_by_form()
                person.page.wait_for_url("**/")
                person.page.goto(addresses[name])
                measure(name, person.page, options)
                person.leave()


if __name__ == "__main__":
    main()
