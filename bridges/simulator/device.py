"""One simulated device: it measures, publishes, obeys commands, and comes back by itself."""

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
from bridges.simulator.link import Link, LinkDown, Refused
from bridges.simulator.outbox import Message, Outbox
from bridges.simulator.physics.model import Model

FIRST_S, LONGEST_S = 0.5, 5.0
"""Pauses between attempts to connect."""
REFUSED_S = 30.0
"""After refused credentials: they seldom become right by asking again, and each attempt costs the broker a hash."""
STABLE_S = 5.0
"""A connection that held this long starts the waiting times anew."""
FAREWELL_S, DISCONNECT_S = 1.5, 0.5
"""At most, for the acknowledgement of `offline` and for the end of the connection."""


class Reporter(Protocol):
    """Hears of what a person may want to know."""

    def connected(self, device: SimulatedDevice) -> None:
        """Signed in, and what had to wait is on its way."""

    def waiting(self, device: SimulatedDevice, why: str) -> None:
        """No connection; it goes on trying."""

    def refused(self, device: SimulatedDevice, why: str) -> None:
        """The broker does not accept its credentials; it goes on trying, seldom."""

    def deaf(self, device: SimulatedDevice) -> None:
        """The broker lets it publish and does not let it receive commands."""


class SimulatedDevice:
    """Everything it says is below `devices/<uid>/`. `interval_s` parts two telemetry messages."""

    def __init__(
        self, credentials: Credentials, model: Model, broker: BrokerAddress, interval_s: float, reporter: Reporter
    ) -> None:
        self.uid = credentials.uid
        self.backlog = Backlog(model.TIMESTAMPS)
        self._model, self._interval_s, self._reporter = model, interval_s, reporter
        self._topic = f"devices/{self.uid}"
        self._link = Link(credentials, broker, f"{self._topic}/status", self._obey)
        self._outbox = Outbox(self._link, self.backlog, f"{self._topic}/telemetry")
        self._answers = Answers(model)
        self._stepped = time.monotonic()

    async def run(self, phase_s: float) -> None:
        """Until cancelled. The first measurement comes after `phase_s`, so that a fleet spreads its work."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_measuring(phase_s))
            tasks.create_task(self._stay_connected())

    async def sign_off(self) -> None:
        """Say `offline` and disconnect; within `FAREWELL_S` and `DISCONNECT_S`."""
        if self._link.up:
            await asyncio.wait([self._link.publish(self._status(b"offline"))], timeout=FAREWELL_S)
            await self._link.disconnect(DISCONNECT_S)

    async def _keep_measuring(self, phase_s: float) -> NoReturn:
        await asyncio.sleep(phase_s)
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            self._measure()
            # Late by more than an interval, it goes on from now: no burst to catch up.
            due = max(due + self._interval_s, clock())
            await asyncio.sleep(due - clock())

    def _measure(self) -> None:
        self._advance()
        self.backlog.add(time.time_ns() // 1_000_000, self._model.readings(), live=self._link.up)
        self._outbox.flush()

    def _advance(self) -> None:
        now = time.monotonic()
        self._model.step(now - self._stepped)
        self._stepped = now

    def _obey(self, topic: str, payload: bytes, retained: bool) -> None:
        if retained:  # commands never are; one left on the broker would be obeyed anew at each connection
            return
        self._advance()
        command_id = topic.rpartition("/")[2]
        answer = self._answers.answer(command_id, payload)
        self._outbox.put(Message(f"{self._topic}/answers/{command_id}", answer))
        self._measure()

    async def _stay_connected(self) -> NoReturn:
        backoff = Backoff(FIRST_S, LONGEST_S)
        while True:
            try:
                await self._link.connect()
            except LinkDown as error:
                self._reporter.waiting(self, str(error))
            except Refused as error:
                self._reporter.refused(self, str(error))
                await asyncio.sleep(scattered(REFUSED_S))
                continue
            else:
                await self._stay(backoff)
            await asyncio.sleep(backoff.next_s())

    async def _stay(self, backoff: Backoff) -> None:
        """From the broker's welcome to the end of the connection."""
        since = time.monotonic()
        # Before `online`: who then sends a command at once is heard.
        if not await self._link.subscribe(f"{self._topic}/commands/+") and self._link.up:
            self._reporter.deaf(self)
        attributes = {**self._model.attributes(), "dropped_readings": self.backlog.dropped}
        self._outbox.put(self._status(b"online"), Message(f"{self._topic}/attributes", msgspec.json.encode(attributes)))
        if self._link.up:
            self._reporter.connected(self)
        why = await self._link.closed()
        if time.monotonic() - since > STABLE_S:
            backoff.reset()
        self._reporter.waiting(self, why)

    def _status(self, status: bytes) -> Message:
        return Message(f"{self._topic}/status", status, retain=True)
