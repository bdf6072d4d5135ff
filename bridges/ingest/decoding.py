"""The step before storing, for devices whose payloads a script has to decode."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from bridges.ingest.delivery import Delivery
from bridges.ingest.refusal_recorder import RefusalRecorder
from devices.errors import Refusal, SkippedValues

MAX_TAKEN = 1_000
"""Decoded messages that join one batch."""

Done = Callable[[Delivery, SkippedValues | None], None]
"""Called with the decoded or refused delivery, and the warnings of the script."""


class PayloadDecoder(Protocol):
    """What `bridges.sources` installs. Everything is called on the event loop."""

    @property
    def is_needed(self) -> bool:
        """Whether there is any decoder."""

    @property
    def devices(self) -> Mapping[str, int]:
        """uid -> decoder, of the devices that have one."""

    async def follow(self) -> None:
        """From now on `devices` is kept up to date; returns once it has been read for the first time."""

    async def unfollow(self) -> None: ...

    def submit(self, decoder: int, delivery: Delivery, done: Done) -> None:
        """Calls `done`, at once or later, with JSON in place of the payload, or with a refusal."""


_make: Callable[[], PayloadDecoder] | None = None


def install(make: Callable[[], PayloadDecoder]) -> None:
    """`make()` is called on each event loop that has a pipeline."""
    global _make
    _make = make


def _is_undecoded(delivery: Delivery) -> bool:
    """Whether it is telemetry of which nothing is known yet."""
    is_known = delivery.refusal is not None or delivery.report is not None or delivery.content is not None
    return delivery.kind == "telemetry" and not is_known


class DecodingStep:
    """Takes the messages out of a batch that are to be decoded, and returns them later, in order for each device.

    Whatever is being decoded waits here and holds up nobody else. Its number is bounded by the decoder, which refuses
    what is too much.
    """

    def __init__(self, arrived: asyncio.Event, refusals: RefusalRecorder) -> None:
        self._decoder = _make() if _make is not None else None
        self._arrived = arrived
        self._refusals = refusals
        self._decoded: deque[Delivery] = deque()
        self._is_following = False
        self.pending = 0
        """Messages taken out and not returned yet."""

    async def start(self, closing: asyncio.Event) -> None:
        """Returns once it is known which devices have a decoder, or when the pipeline is closed before."""
        if self._decoder is None:
            return
        self._is_following = True
        following, closed = asyncio.create_task(self._decoder.follow()), asyncio.create_task(closing.wait())
        await asyncio.wait({following, closed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (following, closed):
            task.cancel()

    async def stop(self) -> None:
        if self._decoder is not None and self._is_following:
            await self._decoder.unfollow()

    def divert(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Begins to decode those that need it and returns the others."""
        decoder = self._decoder
        if decoder is None or not decoder.is_needed:
            return deliveries
        devices, others = decoder.devices, []
        for delivery in deliveries:
            id = devices.get(delivery.uid) if delivery.encoded is None else delivery.encoded.decoder
            if id is None or not _is_undecoded(delivery):
                others.append(delivery)
            elif delivery.repeated:  # it has no time of its own
                delivery.refusal = Refusal("retained")
                others.append(delivery)
            else:
                self.pending += 1
                decoder.submit(id, delivery, self._done)
        return others

    def take(self) -> list[Delivery]:
        """The next ones that have been decoded, or refused."""
        taken = [self._decoded.popleft() for _ in range(min(MAX_TAKEN, len(self._decoded)))]
        self.pending -= len(taken)
        return taken

    def _done(self, delivery: Delivery, warnings: SkippedValues | None) -> None:
        if warnings:
            self._refusals.add_of(delivery, None, warnings)
        self._decoded.append(delivery)
        self._arrived.set()
