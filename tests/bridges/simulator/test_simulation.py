"""Devices against a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import pairwise

import pytest

from bridges.mqtt.address import BrokerAddress
from bridges.simulator import device, paho_connection
from bridges.simulator.credentials import Credentials
from bridges.simulator.paho_connection import PahoConnection
from bridges.simulator.simulation import simulate
from devices.runtime.credentials import hash_secret
from tests.bridges.simulator.watcher import Watcher

Run = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
def run(broker, fleet) -> Run:
    """`async with run(interval_s)`: the fleet runs; leaving the block stops it cleanly."""

    @contextlib.asynccontextmanager
    async def running(interval_s: float = 0.1, fleet: list[Credentials] = fleet) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(simulate(fleet, BrokerAddress.from_url(broker.url()), interval_s, stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 5)

    return running


class Lines(logging.Handler):
    """The lines that the simulator logs."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._more = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
        self._more.set()

    def about(self, part: str) -> list[str]:
        return [text for text in self.texts if part in text]

    async def until(self, part: str) -> str:
        """Waits for a line with `part` and returns the first one."""
        async with asyncio.timeout(15):
            while not self.about(part):
                self._more.clear()
                await self._more.wait()
        return self.about(part)[0]


@pytest.fixture
async def lines() -> AsyncIterator[Lines]:
    handler, log = Lines(), logging.getLogger("hubbub.simulator")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


class Attempts:
    """Counts the attempts of all devices to connect."""

    def __init__(self) -> None:
        self.count = 0
        self._more = asyncio.Event()

    def add(self) -> None:
        self.count += 1
        self._more.set()

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(15):
            while self.count < count:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
async def attempts(monkeypatch: pytest.MonkeyPatch) -> Attempts:
    counted, connect = Attempts(), PahoConnection.connect

    async def counting(connection: PahoConnection) -> None:
        counted.add()
        await connect(connection)

    monkeypatch.setattr(PahoConnection, "connect", counting)
    return counted


@pytest.fixture(autouse=True)
def _no_callback_failed(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """asyncio only logs an exception in a callback, so it would go unnoticed."""
    yield
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_a_device_is_online_while_it_runs_and_offline_after_a_clean_stop(run, watcher):
    async with run():
        await watcher.until_status("pump-1", b"online")
    await watcher.until_status("pump-1", b"offline")


async def test_the_status_is_retained(run, broker, watcher, fleet):
    async with run():
        for entry in fleet:
            await watcher.until_status(entry.uid, b"online")
        async with Watcher(broker, "comes while they run").watching() as late:
            await late.until_retained({f"devices/{entry.uid}/status": b"online" for entry in fleet})
    async with Watcher(broker, "comes after them").watching() as late:
        await late.until_retained({f"devices/{entry.uid}/status": b"offline" for entry in fleet})


async def test_a_device_first_publishes_status_attributes_and_telemetry(run, watcher):
    async with run():
        attributes = json.loads(await watcher.until("devices/pump-1/attributes"))
        await watcher.until("devices/pump-1/telemetry")
    topics = [topic for topic in watcher.topics if topic.startswith("devices/pump-1/")]
    assert topics[:3] == ["devices/pump-1/status", "devices/pump-1/attributes", "devices/pump-1/telemetry"]
    assert attributes["units.flow"] == "l/min"
    assert attributes["controls.on"] == "switch"
    assert attributes["controls.speed"] == "slider 0 100 5"
    assert attributes["dropped_readings"] == 0


async def test_telemetry_carries_its_time_unless_the_device_has_no_clock(run, watcher):
    async with run():
        sample = json.loads(await watcher.until("devices/meter-1/telemetry", lambda p: p.startswith(b'{"ts"')))
        level = json.loads(await watcher.until("devices/tank-1/telemetry", lambda p: p.startswith(b'{"level"')))
    assert abs(sample["ts"] - time.time() * 1000) < 5000
    assert set(sample["values"]["phase"]) == {"l1", "l2", "l3"}
    assert level["valve"] == "auto"
    assert level["filling"] in (True, False)


async def test_a_command_is_answered_and_its_effect_published_at_once(run, watcher):
    async with run(interval_s=3600):
        await watcher.until("devices/pump-1/telemetry")
        answer = await watcher.command("pump-1", "c1", '{"name": "set", "args": {"speed": 40, "on": true}}')
        assert answer == {"ok": True, "result": {"speed": 40, "on": True}}
        shown = json.loads(await watcher.until("devices/pump-1/telemetry"))
        assert shown["values"]["speed"] == 40


async def test_a_command_sent_as_soon_as_the_device_is_online_arrives(run, watcher):
    async with run():
        await watcher.until_status("pump-1", b"online")
        assert (await watcher.command("pump-1", "c1", '{"name": "set", "args": {"on": false}}'))["ok"]


async def test_a_command_id_is_executed_once(run, watcher):
    async with run(interval_s=3600):
        await watcher.until("devices/pump-1/telemetry")
        first = await watcher.command("pump-1", "same", '{"name": "set", "args": {"speed": 40}}')
        repeat = await watcher.command("pump-1", "same", '{"name": "set", "args": {"speed": 95}}')
        assert repeat == first
        await watcher.command("pump-1", "other", '{"name": "set", "args": {"on": true}}')
        for _ in range(3):
            shown = json.loads(await watcher.until("devices/pump-1/telemetry"))
            assert shown["values"]["speed"] == 40


async def test_unknown_and_malformed_commands_are_refused(run, watcher):
    async with run():
        await watcher.until_status("tank-1", b"online")
        assert (await watcher.command("tank-1", "c1", '{"name": "explode"}'))["ok"] is False
        assert (await watcher.command("tank-1", "c2", "explode"))["ok"] is False
        answer = await watcher.command("tank-1", "c3", '{"name": "set", "args": {"valve": "ajar"}}')
        assert answer == {"ok": False, "error": "valve must be one of: auto, open, closed"}
        assert (await watcher.command("tank-1", "c4", '{"name": "set", "args": {"valve": "open"}}'))["ok"]


async def test_a_retained_command_is_not_executed(run, watcher):
    await watcher.publish("devices/pump-1/commands/old", '{"name": "set", "args": {"speed": 5}}', retain=True)
    async with run(interval_s=3600):
        await watcher.until("devices/pump-1/telemetry")
        await watcher.command("pump-1", "new", '{"name": "set", "args": {"on": true}}')
        shown = json.loads(await watcher.until("devices/pump-1/telemetry"))
    assert shown["values"]["speed"] == 65
    assert "devices/pump-1/answers/old" not in watcher.topics


async def test_a_restart_of_the_broker_leaves_no_gap_in_the_readings(run, broker, watcher, lines):
    times: list[int] = []

    async def collect(wanted: int) -> None:
        while len(times) < wanted:
            content = json.loads(await watcher.until("devices/pump-1/telemetry"))
            times.extend(entry["ts"] for entry in (content if isinstance(content, list) else [content]))

    async with run(interval_s=0.05):
        await watcher.until_status("pump-1", b"online")
        await collect(5)
        broker.stop()
        await lines.until("still trying (the broker closed the connection)")
        await asyncio.sleep(1)  # an outage of about twenty readings
        broker.start()
        await watcher.until_status("pump-1", b"online")
        await collect(len(times) + 40)
    steps = [after - before for before, after in pairwise(sorted(set(times)))]
    assert max(steps) < 800  # the outage was longer
    assert len(lines.about("still trying")) == 1


async def test_devices_wait_for_a_broker_and_log_one_line(run, broker, fleet, lines, attempts):
    broker.stop()
    async with run():
        assert "Connection refused" in await lines.until("still trying")
        await attempts.reach(attempts.count + 2 * len(fleet))
        assert len(lines.texts) == 1
        broker.start()
        await lines.until("3 simulated devices are connected")


def admit(broker, entry: Credentials) -> None:
    """Gives a device an account, as creating it in the hub does."""
    broker.accounts[entry.uid] = hash_secret(entry.secret)
    broker.command()  # writes the password file
    broker.process.send_signal(signal.SIGHUP)


async def test_refused_credentials_are_logged_once_and_the_others_run(run, broker, fleet, lines, attempts, monkeypatch):
    monkeypatch.setattr(device, "REFUSED_S", 0.1)
    stranger = Credentials("pump-9", "no account yet")
    async with run(fleet=[stranger, *fleet]):
        await lines.until("3 simulated devices are connected")
        assert "refuses its credentials (Not authorized)" in await lines.until("pump-9")
        await attempts.reach(attempts.count + 3)
        assert len(lines.texts) == 2
        admit(broker, stranger)
        await lines.until("4 simulated devices are connected")


async def test_a_refused_device_pauses_long_before_it_tries_again(run, lines, attempts, monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr(device, "scattered", lambda pause_s: pauses.append(pause_s) or pause_s)
    async with run(fleet=[Credentials("pump-9", "no account yet")]):
        await lines.until("refuses")
    assert pauses == [device.REFUSED_S]
    assert device.REFUSED_S >= 30
    assert attempts.count == 1


async def test_a_connection_that_the_broker_closes_is_logged_as_such(lines, fleet):
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stop = asyncio.Event()
    task = asyncio.create_task(simulate(fleet, BrokerAddress("127.0.0.1", port), 1, stop))
    assert "the broker closed the connection" in await lines.until("still trying")
    stop.set()
    await task
    server.close()


async def test_devices_disconnect_from_a_silent_broker_and_come_back(run, broker, lines, attempts, monkeypatch):
    monkeypatch.setattr(paho_connection, "KEEPALIVE_S", 1)
    monkeypatch.setattr(paho_connection, "PING_CHECK_S", 0.1)
    monkeypatch.setattr(paho_connection, "CONNECT_TIMEOUT_S", 0.3)
    async with run():
        await lines.until("3 simulated devices are connected")
        broker.process.send_signal(signal.SIGSTOP)
        await lines.until("the broker went silent")
        await attempts.reach(attempts.count + 3)  # which nobody answers
        lines.texts.clear()
        broker.process.send_signal(signal.SIGCONT)
        await lines.until("3 simulated devices are connected")


async def test_stopping_does_not_wait_for_a_silent_broker(run, broker, lines):
    async with run():
        await lines.until("3 simulated devices are connected")
        broker.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
    assert time.monotonic() - began < device.SIGN_OFF_S + device.DISCONNECT_S + 0.5
