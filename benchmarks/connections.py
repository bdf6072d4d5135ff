"""Memory of an idle, signed-in connection with one subscription, beside that of a bare consumer of Channels.

    .venv/bin/python -m benchmarks.connections [--connections 5000] [--only hub-daphne channels-daphne]
    .venv/bin/python -m benchmarks.connections --connections 10000 --only mqtt-3.1.1 mqtt-5

The connections of `mqtt-…` are MQTT clients of the embedded broker, in a hub with everything else in the same process.

Resident memory of the server's process before and after the connections come, shared among them. A hundred others come
before, so that what the first of all brings into memory is not counted. Those of Channels are in a group of a Redis
layer and have nobody to sign in.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks.load import idle_clients, viewers
from benchmarks.load.viewers import Plan
from benchmarks.load.workers import Worker
from benchmarks.targets import UNLIMITED, bearer, prepare, started, web
from bridges.broker import Limits
from bridges.mqtt.packets import Version
from tests.support.hub import RunningHub
from tests.support.servers import Part, Redis

FIRST = 100
MQTT_DEVICES, SESSIONS = 2_600, Limits().sessions_per_account
SETTLE_S = 3.0
"""Time for what came with the connections and is not kept to be freed."""


Connect = Callable[[int], Worker]
"""Starts a process with so many connections."""


@contextmanager
def hub(folder: Path, server: str) -> Iterator[tuple[Part, Connect]]:
    """A web server of the hub and nothing else."""
    whole = RunningHub(folder, **UNLIMITED)
    with started(whole):
        prepared = prepare(whole, 1)
    settings = {**UNLIMITED, "DATA_DIR": whole.settings["DATA_DIR"]}
    with started(web(folder, server, "hub.asgi:application", settings)) as front:
        url = f"ws://127.0.0.1:{front.port}/ws/"
        yield front, watching(Plan("hub", url, 0, prepared.stream, bearer(prepared.token)))


@contextmanager
def mqtt(folder: Path, version: Version) -> Iterator[tuple[Part, Connect]]:
    """The whole hub, with as many connections of each device as it may have."""
    whole = RunningHub(folder, **UNLIMITED, MQTT_CONNECTION_LIMIT="0")
    with started(whole):
        made = whole.records.create_devices(*(f"idle-{number}" for number in range(MQTT_DEVICES)))
        accounts = [(device.uid, device.secret) for device in made]
        most = SESSIONS * len(accounts)
        left = iter(accounts * SESSIONS)

        def connect(count: int) -> Worker:
            wanted = list(islice(left, count))
            if len(wanted) < count:
                raise SystemExit(f"at most {most - FIRST:,} connections: a device may have {SESSIONS}")
            return Worker(idle_clients.main, whole.mqtt_port, wanted, version)

        yield whole, connect


@contextmanager
def channels(folder: Path, server: str) -> Iterator[tuple[Part, Connect]]:
    with started(Redis(folder)) as redis:
        application = "benchmarks.peers.tutorial.asgi:application"
        with started(web(folder, server, application, {"REDIS_URL": redis.url})) as front:
            yield front, watching(Plan("tutorial", f"ws://127.0.0.1:{front.port}/idle/", 0, ""))


def watching(plan: Plan) -> Connect:
    return lambda count: Worker(viewers.main, plan.of(count))


TARGETS: dict[str, Callable[[Path], AbstractContextManager[tuple[Part, Connect]]]] = {
    "hub-daphne": partial(hub, server="daphne"),
    "hub-uvicorn": partial(hub, server="uvicorn"),
    "channels-daphne": partial(channels, server="daphne"),
    "channels-uvicorn": partial(channels, server="uvicorn"),
    "mqtt-3.1.1": partial(mqtt, version=Version.V311),
    "mqtt-5": partial(mqtt, version=Version.V5),
}


def resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def measure(front: Part, connect: Connect, connections: int) -> float:
    """Bytes a connection."""
    assert front.process is not None
    pid, workers, sizes = front.process.pid, [], []
    try:
        for count in (FIRST, connections):
            workers.append(connect(count))
            workers[-1].answer()
            time.sleep(SETTLE_S)
            sizes.append(resident_bytes(pid))
    finally:
        for worker in workers:
            worker.stop()
    return (sizes[1] - sizes[0]) / connections


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=5_000)
    parser.add_argument("--only", nargs="+", choices=TARGETS, default=list(TARGETS))
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for the servers too: they inherit it
    for name in arguments.only:
        with (
            tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder,
            TARGETS[name](Path(folder)) as (front, connect),
        ):
            size = measure(front, connect, arguments.connections)
        print(f"{name:16} {size / 1000:6.1f} KB a connection, {arguments.connections:,} connections", flush=True)


if __name__ == "__main__":
    main()
