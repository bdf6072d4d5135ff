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
from bridges.simulator import device, link
from bridges.simulator.credentials import Credentials
from bridges.simulator.simulation import simulate
from devices.runtime.credentials import hash_secret
from tests.bridges.simulator.watcher import Watcher

Run = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
def run(broker, fleet) -> Run:
    """`async with run(interval_s)`: the fleet lives; leaving it is a clean stop."""

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
    """What the simulator logs."""

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
        """The first line that says it."""
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


@pytest.fixture(autouse=True)
def _no_callback_failed(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """asyncio logs an exception in a callback and goes on, so it would pass unseen."""
    yield
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_device_is_online_while_it_runs_and_offline_after_a_clean_stop(run, watcher):
    async with run():
        await watcher.until_status("pump-1", b"online")
    await watcher.until_status("pump-1", b"offline")


async def test_status_is_retained(run, broker, watcher, fleet):
    async with run():
        for entry in fleet:
            await watcher.until_status(entry.uid, b"online")
        async with Watcher(broker, "comes while they run").watching() as late:
            await late.until_retained({f"devices/{entry.uid}/status": b"online" for entry in fleet})
    async with Watcher(broker, "comes after them").watching() as late:
        await late.until_retained({f"devices/{entry.uid}/status": b"offline" for entry in fleet})


async def test_first_words_are_status_attributes_telemetry(run, watcher):
    async with run():
        attributes = json.loads(await watcher.until("devices/pump-1/attributes"))
        await watcher.until("devices/pump-1/telemetry")
    words = [topic for topic in watcher.topics if topic.startswith("devices/pump-1/")]
    assert words[:3] == ["devices/pump-1/status", "devices/pump-1/attributes", "devices/pump-1/telemetry"]
    assert attributes["units.flow"] == "l/min"
    assert attributes["controls.on"] == "switch"
    assert attributes["controls.speed"] == "slider 0 100 5"
    assert attributes["dropped_readings"] == 0


async def test_telemetry_carries_its_time_or_is_plain(run, watcher):
    async with run():
        sample = json.loads(await watcher.until("devices/meter-1/telemetry", lambda p: p.startswith(b'{"ts"')))
        level = json.loads(await watcher.until("devices/tank-1/telemetry", lambda p: p.startswith(b'{"level"')))
    assert abs(sample["ts"] - time.time() * 1000) < 5000
    assert set(sample["values"]["phase"]) == {"l1", "l2", "l3"}
    assert level["valve"] == "auto"
    assert level["filling"] in (True, False)


async def test_command_is_answered_and_shown_before_the_next_interval(run, watcher):
    async with run(interval_s=3600):
        await watcher.until("devices/pump-1/telemetry")
        answer = await watcher.command("pump-1", "c1", '{"name": "set", "args": {"speed": 40, "on": true}}')
        assert answer == {"ok": True, "result": {"speed": 40, "on": True}}
        shown = json.loads(await watcher.until("devices/pump-1/telemetry"))
        assert shown["values"]["speed"] == 40


async def test_command_sent_as_soon_as_the_device_is_online_is_heard(run, watcher):
    async with run():
        await watcher.until_status("pump-1", b"online")
        assert (await watcher.command("pump-1", "c1", '{"name": "set", "args": {"on": false}}'))["ok"]


async def test_command_id_is_executed_once(run, watcher):
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


async def test_retained_command_is_not_obeyed(run, watcher):
    await watcher.publish("devices/pump-1/commands/old", '{"name": "set", "args": {"speed": 5}}', retain=True)
    async with run(interval_s=3600):
        await watcher.until("devices/pump-1/telemetry")
        await watcher.command("pump-1", "new", '{"name": "set", "args": {"on": true}}')
        shown = json.loads(await watcher.until("devices/pump-1/telemetry"))
    assert shown["values"]["speed"] == 65
    assert "devices/pump-1/answers/old" not in watcher.topics


async def test_broker_restart_leaves_no_hole_in_the_readings(run, broker, watcher, lines):
    times: list[int] = []

    async def collect(wanted: int) -> None:
        while len(times) < wanted:
            content = json.loads(await watcher.until("devices/pump-1/telemetry"))
            times.extend(entry["ts"] for entry in (content if isinstance(content, list) else [content]))

    async with run(interval_s=0.05):
        await watcher.until_status("pump-1", b"online")
        await collect(5)
        broker.stop()
        await lines.until("trying on (the broker closed the connection)")
        await asyncio.sleep(1)  # twenty readings that nobody takes
        broker.start()
        await watcher.until_status("pump-1", b"online")
        await collect(len(times) + 40)
    steps = [after - before for before, after in pairwise(sorted(set(times)))]
    assert max(steps) < 800  # the outage alone was longer
    assert len(lines.about("trying on")) == 1


async def test_broker_that_comes_later_is_waited_for_with_one_line(run, broker, watcher, lines):
    broker.stop()
    async with run():
        assert "Connection refused" in await lines.until("trying on")
        await asyncio.sleep(0.7)  # each device has tried again
        assert len(lines.texts) == 1
        broker.start()
        await lines.until("3 simulated devices are connected")


def admit(broker, entry: Credentials) -> None:
    """Give a device its account, as creating it in the hub does."""
    broker.accounts[entry.uid] = hash_secret(entry.secret)
    broker.command()  # writes the password file
    broker.process.send_signal(signal.SIGHUP)


async def test_refused_credentials_are_said_once_and_the_others_run(run, broker, fleet, lines, monkeypatch):
    monkeypatch.setattr(device, "REFUSED_S", 0.1)
    stranger = Credentials("pump-9", "no account yet")
    async with run(fleet=[stranger, *fleet]):
        await lines.until("3 simulated devices are connected")
        assert "refuses its credentials (Not authorized)" in await lines.until("pump-9")
        await asyncio.sleep(0.5)  # it has asked again several times
        assert len(lines.texts) == 2
        admit(broker, stranger)
        await lines.until("4 simulated devices are connected")


async def test_refused_device_asks_again_seldom(run, broker, lines):
    stranger = Credentials("pump-9", "no account yet")
    async with run(fleet=[stranger]):
        await lines.until("refuses")
        admit(broker, stranger)
        await asyncio.sleep(1.5)
        assert not lines.about("are connected")


async def test_server_that_hangs_up_is_said_to_have_done_so(lines, fleet):
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stop = asyncio.Event()
    task = asyncio.create_task(simulate(fleet, BrokerAddress("127.0.0.1", port), 1, stop))
    assert "the broker closed the connection" in await lines.until("trying on")
    stop.set()
    await task
    server.close()


async def test_silent_broker_is_given_up_and_found_again(run, broker, watcher, lines, monkeypatch):
    monkeypatch.setattr(link, "KEEPALIVE_S", 1)
    monkeypatch.setattr(link, "HOUSEKEEPING_S", 0.1)
    monkeypatch.setattr(link, "CONNECT_TIMEOUT_S", 0.3)
    async with run():
        await lines.until("3 simulated devices are connected")
        broker.process.send_signal(signal.SIGSTOP)
        await lines.until("the broker went silent")
        await asyncio.sleep(1)  # connections that nobody answers
        lines.texts.clear()
        broker.process.send_signal(signal.SIGCONT)
        await lines.until("3 simulated devices are connected")


async def test_stop_does_not_wait_for_a_silent_broker(run, broker, lines):
    async with run():
        await lines.until("3 simulated devices are connected")
        broker.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
    assert time.monotonic() - began < device.FAREWELL_S + device.DISCONNECT_S + 0.5
