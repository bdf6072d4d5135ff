"""What a device that floods costs the others: their time from publishing to the browser, and their losses.

    .venv/bin/python -m benchmarks.fairness [--rounds 5] [--seconds 6] [--forms embedded mosquitto]

The hub runs in one process, with its own broker or behind Mosquitto, and with the limits as they are by default. Ten
devices publish 10 messages a second each, with QoS 0, and one viewer watches them. In every second round another device
publishes 60 messages a second of 2,898 values each, which is 6 % of its limit of messages; then the same with QoS 1.
Rounds alternate, so that both see the same machine, and the ratio is the median of those of each flooded round to the
quiet one before it. Last is a flood with QoS 1 that lasts as long as all rounds together.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median

import httpx
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.load import mqtt
from benchmarks.targets import started
from devices.runtime.credentials import hash_secret
from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.servers import Mosquitto

HONEST, PER_SECOND = 10, 10
FLOOD_PER_SECOND, TIMES, METRICS = 60, 6, 483
STORED_S = 120.0
SETTLE_S = 1.0
"""How long the last messages of a round may take to arrive."""


@dataclass
class Round:
    """`lags`: seconds from publishing to the viewer."""

    sent: int = 0
    lags: list[float] = field(default_factory=list)


def percentile(lags: list[float], share: float) -> float:
    """In milliseconds."""
    return 1_000 * sorted(lags)[min(len(lags) - 1, int(len(lags) * share))] if lags else float("nan")


def report(name: str, rounds: list[Round]) -> None:
    lags = [lag for each in rounds for lag in each.lags]
    lost = sum(each.sent - len(each.lags) for each in rounds)
    p99 = percentile(lags, 0.99)
    print(
        f"{name:26} p50 {percentile(lags, 0.5):6.1f} ms, p99 {p99:6.1f} ms, most {percentile(lags, 1):6.1f} ms,"
        f" {lost} of {sum(each.sent for each in rounds)} lost",
        flush=True,
    )


def report_beside(name: str, quiet: list[Round], flooded: list[Round]) -> None:
    both = zip(quiet, flooded, strict=True)
    ratios = [percentile(beside.lags, 0.99) / percentile(alone.lags, 0.99) for alone, beside in both]
    report("alone", quiet)
    report(name, flooded)
    print(f"{'':26} p99 x {median(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in sorted(ratios))})", flush=True)


def signed_in(port: int, uid: str, secret: str) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(mqtt.connect(uid, uid, secret))
    if link.recv(4) != mqtt.CONNACK:
        raise SystemExit(f"the broker refused {uid}")
    return link


def flood(port: int, uid: str, secret: str, qos: int, wanted: Event) -> None:
    """While it is wanted, until it is terminated."""
    link = signed_in(port, uid, secret)
    threading.Thread(target=_read_all, args=[link], daemon=True).start()
    values = b",".join(b'"m%d":7.5' % i for i in range(METRICS))
    for i in itertools.count():
        wanted.wait()
        due = time.monotonic() + 1 / FLOOD_PER_SECOND
        now = time.time_ns() // 1_000_000
        parts = [b'{"ts":%d,"values":{%s}}' % (now - TIMES + place, values) for place in range(TIMES)]
        link.sendall(mqtt.publish(f"devices/{uid}/telemetry", b"[%s]" % b",".join(parts), qos, i % 0xFFFF + 1))
        time.sleep(max(0.0, due - time.monotonic()))


def _read_all(link: socket.socket) -> None:
    while link.recv(65_536):
        pass


@contextmanager
def flooder(port: int, uid: str, secret: str, qos: int) -> Iterator[Event]:
    """A process that floods while the event is set. It starts now, so that its start is not a part of the flood."""
    context = get_context("spawn")
    wanted = context.Event()
    process = context.Process(target=flood, args=[port, uid, secret, qos, wanted], daemon=True)
    process.start()
    try:
        yield wanted
    finally:
        process.terminate()
        process.join()


class Watched:
    """The honest devices and the viewer that watches them."""

    def __init__(self, port: int, secrets: dict[str, str], viewer: ClientConnection) -> None:
        self._links = {uid: signed_in(port, uid, secret) for uid, secret in secrets.items()}
        self._viewer = viewer
        self._round = Round()

    async def round(self, seconds: float) -> Round:
        self._round = found = Round()
        begin = time.monotonic()
        uids = list(self._links)
        for i in range(int(seconds * PER_SECOND * len(uids))):
            uid = uids[i % len(uids)]
            payload = b'{"sent":%.6f}' % time.monotonic()
            self._links[uid].sendall(mqtt.publish(f"devices/{uid}/telemetry", payload, 0))
            found.sent += 1
            await asyncio.sleep(max(0.0, begin + (i + 1) / (PER_SECOND * len(uids)) - time.monotonic()))
        await asyncio.sleep(SETTLE_S)
        return found

    async def watch(self) -> None:
        async for text in self._viewer:
            frame, now = json.loads(text), time.monotonic()
            if frame.get("type") == "telemetry":
                for metrics in frame["devices"].values():
                    self._round.lags += [now - value for _, value in metrics.get("sent", [])]
                await self._viewer.send(json.dumps({"type": "ack", "n": frame["n"]}))
            elif frame.get("type") == "ping":
                await self._viewer.send('{"type":"pong"}')


async def measure(hub: RunningHub, port: int, secrets: dict[str, str], rounds: int, seconds: float) -> None:
    """`port`: of the broker."""
    loud = secrets.pop("loud")
    headers = {"Authorization": f"Bearer {hub.create_token('alice')}"}
    url = f"ws://127.0.0.1:{hub.port}/ws/"
    async with connect(url, additional_headers=headers, compression=None, max_size=None) as viewer:
        for number, uid in enumerate(secrets, 1):
            await viewer.send(json.dumps({"id": number, "type": "subscribe", "stream": f"device:{uid}"}))
        watched = Watched(port, secrets, viewer)
        watching = asyncio.create_task(watched.watch())
        await watched.round(1)  # the first messages create metrics
        for qos in (0, 1):
            quiet, flooded = [], []
            for _ in range(rounds):
                with flooder(port, "loud", loud, qos) as wanted:
                    quiet.append(await watched.round(seconds))
                    wanted.set()
                    flooded.append(await watched.round(seconds))
                await asyncio.to_thread(wait_until_stored, hub)
            report_beside(f"beside a flood, QoS {qos}", quiet, flooded)
        with flooder(port, "loud", loud, 1) as wanted:
            wanted.set()
            report("beside a lasting flood", [await watched.round(seconds) for _ in range(rounds)])
        watching.cancel()


def wait_until_stored(hub: RunningHub) -> None:
    """What was sent with QoS 1 is still being stored after the flood."""
    eventually(lambda: "\nhubbub_messages_waiting 0.0" in httpx.get(f"{hub.url}/metrics", timeout=20).text, STORED_S)


def embedded(folder: Path, rounds: int, seconds: float) -> None:
    hub = RunningHub(folder)
    secrets = create_devices(hub)
    with started(hub):
        asyncio.run(measure(hub, hub.mqtt_port, secrets, rounds, seconds))


def behind_mosquitto(folder: Path, rounds: int, seconds: float) -> None:
    mosquitto = Mosquitto(folder)
    hub = RunningHub(folder, MQTT_URL=mosquitto.url("bridge", "secret"))
    secrets = create_devices(hub)
    mosquitto.accounts = {uid: hash_secret(secret) for uid, secret in {**secrets, "bridge": "secret"}.items()}
    with started(mosquitto), started(hub):
        asyncio.run(measure(hub, mosquitto.port, secrets, rounds, seconds))


def create_devices(hub: RunningHub) -> dict[str, str]:
    made = hub.records.create_devices("loud", *(f"honest-{i}" for i in range(HONEST)))
    return {device.uid: device.secret for device in made}


FORMS = {"embedded": embedded, "mosquitto": behind_mosquitto}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=["embedded"])
    arguments = parser.parse_args()
    for name in arguments.forms:
        print(name)
        with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder:
            FORMS[name](Path(folder), arguments.rounds, arguments.seconds)


if __name__ == "__main__":
    main()
