"""One simulated device: it measures, publishes, executes commands and reconnects."""

from __future__ import annotations

import asyncio
import time
from typing import NoReturn, Protocol

import msgspec

from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.backoff import Backoff, scattered
from bridges.simulator.answers import Answers
from bridges.simulator.backlog import Backlog
from bridges.simulator.credentials import Credentials
from bridges.simulator.outbox import DeviceOutbox, OutgoingMessage
from bridges.simulator.paho_connection import CredentialsRefused, NotConnected, PahoConnection
from bridges.simulator.physics.model import Model

FIRST_S, LONGEST_S = 0.5, 5.0
"""Pauses between attempts to connect."""
REFUSED_S = 30.0
"""Pause after refused credentials: trying again seldom helps, and each attempt costs the broker a hash."""
STABLE_S = 5.0
"""After a connection that lasted this long, the pauses begin with the shortest one again."""
SIGN_OFF_S, DISCONNECT_S = 1.5, 0.5
"""Longest waits for the acknowledgement of `offline` and for the end of the connection."""


class Reporter(Protocol):
    """Is notified of events that a person may want to know about."""

    def connected(self, device: SimulatedDevice) -> None:
        """The device has signed in and sends its backlog."""

    def waiting(self, device: SimulatedDevice, why: str) -> None:
        """The device has no connection and keeps trying."""

    def refused(self, device: SimulatedDevice, why: str) -> None:
        """The broker refuses the device's credentials; it tries again every `REFUSED_S`."""

    def subscription_refused(self, device: SimulatedDevice) -> None:
        """The broker lets the device publish but not receive commands."""


class SimulatedDevice:
    """Publishes below `devices/<uid>/`, telemetry every `interval_s` seconds."""

    def __init__(
        self, credentials: Credentials, model: Model, broker: BrokerAddress, interval_s: float, reporter: Reporter
    ) -> None:
        self.uid = credentials.uid
        self.backlog = Backlog(model.TIMESTAMPS)
        self._model, self._interval_s, self._reporter = model, interval_s, reporter
        self._topic = f"devices/{self.uid}"
        self._connection = PahoConnection(credentials, broker, f"{self._topic}/status", self._on_command)
        self._outbox = DeviceOutbox(self._connection, self.backlog, f"{self._topic}/telemetry")
        self._answers = Answers(model)
        self._stepped = time.monotonic()

    async def run(self, phase_s: float) -> None:
        """Runs until cancelled. The first measurement is taken after `phase_s`, so that a fleet spreads its work."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_measuring(phase_s))
            tasks.create_task(self._stay_connected())

    async def sign_off(self) -> None:
        """Publishes `offline` and disconnects, within `SIGN_OFF_S` and `DISCONNECT_S`."""
        if self._connection.up:
            await asyncio.wait([self._connection.publish(self._status(b"offline"))], timeout=SIGN_OFF_S)
            await self._connection.disconnect(DISCONNECT_S)

    async def _keep_measuring(self, phase_s: float) -> NoReturn:
        await asyncio.sleep(phase_s)
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            self._measure()
            # A device that is late by more than an interval goes on from now, without a burst to catch up.
            due = max(due + self._interval_s, clock())
            await asyncio.sleep(due - clock())

    def _measure(self) -> None:
        self._advance()
        self.backlog.add(time.time_ns() // 1_000_000, self._model.readings(), live=self._connection.up)
        self._outbox.flush()

    def _advance(self) -> None:
        now = time.monotonic()
        self._model.step(now - self._stepped)
        self._stepped = now

    def _on_command(self, topic: str, payload: bytes, retained: bool) -> None:
        if retained:  # a command left on the broker by mistake would be executed again at each connection
            return
        self._advance()
        command_id = topic.rpartition("/")[2]
        answer = self._answers.answer(command_id, payload)
        if answer is not None:
            self._outbox.put(OutgoingMessage(f"{self._topic}/answers/{command_id}", answer))
            self._measure()

    async def _stay_connected(self) -> NoReturn:
        backoff = Backoff(FIRST_S, LONGEST_S)
        while True:
            try:
                await self._connection.connect()
            except NotConnected as error:
                self._reporter.waiting(self, str(error))
            except CredentialsRefused as error:
                self._reporter.refused(self, str(error))
                await asyncio.sleep(scattered(REFUSED_S))
                continue
            else:
                await self._until_disconnected(backoff)
            await asyncio.sleep(backoff.next_s())

    async def _until_disconnected(self, backoff: Backoff) -> None:
        """From the broker's acceptance to the end of the connection."""
        since = time.monotonic()
        # Before `online`: a command that is sent as soon as the device is online must arrive.
        if not await self._connection.subscribe(f"{self._topic}/commands/+") and self._connection.up:
            self._reporter.subscription_refused(self)
        attributes = {**self._model.attributes(), "dropped_readings": self.backlog.dropped}
        self._outbox.put(
            self._status(b"online"), OutgoingMessage(f"{self._topic}/attributes", msgspec.json.encode(attributes))
        )
        if self._connection.up:
            self._reporter.connected(self)
        why = await self._connection.closed()
        if time.monotonic() - since > STABLE_S:
            backoff.reset()
        self._reporter.waiting(self, why)

    def _status(self, status: bytes) -> OutgoingMessage:
        return OutgoingMessage(f"{self._topic}/status", status, retain=True)
