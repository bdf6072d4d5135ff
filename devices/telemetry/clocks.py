"""The clocks of devices: with which times their samples are stored, and whether such a clock is right."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from devices.channel.events import Event, StreamChanged
from devices.errors import Invalid
from devices.registry.models import Device
from devices.registry.senders import Sender
from devices.runtime import stats
from devices.values import CLOCK_SET_US, Clock, LocalSample, Sample, Telemetry, looks_like_seconds

logger = logging.getLogger("hubbub.ingest")

AHEAD_US = 10_000_000
"""A time that is further ahead of the hub's clock is replaced by the time of receipt: as long as it lay in the future,
what the device sends after its clock was set right would not be its newest value."""
BEHIND_US = 120_000_000
"""A device whose newest time lags by less may just be slow to deliver."""
DECADES_S = 20 * 365 * 86_400
"""A clock that is further behind shows 1970."""

STEADY_US, STEADY_MESSAGES = 5_000_000, 3
"""A clock is behind if its messages lag by the same for so long. What a device has kept while it was offline lags less
and less while it is sent."""
JITTER_US = 2_000_000
"""How much a lag may change and still be the same, at least; otherwise a twentieth of the time that has passed."""
PAUSE_US = 10_000_000
"""Between two writes for one device: each has viewers subscribe again, and a clock may jump with each message."""
MAX_WATCHED = 10_000
"""Devices whose lag is remembered; past it all begin anew."""

_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")


def timed(device: Sender, telemetry: Telemetry) -> Telemetry:
    """The telemetry with the times with which its samples are stored; none for those that get the time of receipt."""
    claimed = telemetry.claimed
    if claimed is None:
        return telemetry
    samples = telemetry.samples
    if device.clock == Clock.RECEIPT:
        return _with(telemetry, [Sample(each.metric, each.value) for each in samples], claimed)
    if telemetry.local:
        zone = device.time_zone
        samples = tuple(
            Sample(each.metric, each.value, _in_utc(each.time or 0, zone)) if type(each) is LocalSample else each
            for each in samples
        )
        claimed = _in_utc(claimed, zone)
    limit = telemetry.received_at + AHEAD_US
    if claimed <= limit and samples is telemetry.samples:
        return telemetry
    kept = [Sample(each.metric, each.value) if (each.time or 0) > limit else each for each in samples]
    ahead = sum(each.time is None and before.time is not None for each, before in zip(kept, samples, strict=True))
    if ahead:
        stats.flagged.labels("time_in_future").inc(ahead)
    return _with(telemetry, kept, claimed)


def is_behind(offset_s: int) -> bool:
    """Whether a clock with this offset is behind, and was set at some time."""
    return -DECADES_S < offset_s < 0


def is_ahead(telemetry: Telemetry) -> bool:
    """Whether some of its times were replaced because the device's clock is ahead."""
    return telemetry.claimed is not None and telemetry.claimed > telemetry.received_at + AHEAD_US


def _with(telemetry: Telemetry, samples: Sequence[Sample], claimed: int) -> Telemetry:
    return msgspec.structs.replace(telemetry, samples=tuple(samples), claimed=claimed)


@lru_cache(1_000)
def _in_utc(shown: int, time_zone: str) -> int:
    """The time at which a clock in that zone shows what a clock in UTC shows at `shown`."""
    if not time_zone:
        return shown
    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        logger.warning("this machine does not know the time zone %r: local times are read as UTC", time_zone)
        return shown
    offset = datetime.fromtimestamp(shown // 1_000_000, UTC).replace(tzinfo=zone).utcoffset()
    return shown if offset is None else shown - int(offset.total_seconds()) * 1_000_000


class _Finding(NamedTuple):
    """A clock that is not as it is stored: the device's uid, seconds ahead, and when that was seen."""

    uid: str
    offset_s: int
    at: int


@dataclass(slots=True)
class _Lag:
    """`offset` of the clock, as it has been since the message received at `since`; all in microseconds."""

    offset: int
    since: int
    messages: int = 1


class ClockWatch:
    """Finds clocks that are wrong. Remembers what it saw per process; not thread-safe."""

    def __init__(self) -> None:
        self._lags: dict[int, _Lag] = {}
        self._found: dict[int, _Finding] = {}
        self._saved_at: dict[int, int] = {}

    def look_at(self, device: Sender, telemetry: Telemetry) -> None:
        """Compares the newest time of a message with that of its receipt."""
        if telemetry.claimed is None:
            return
        if not device.clock_offset_s and -BEHIND_US <= telemetry.claimed - telemetry.received_at <= AHEAD_US:
            if self._lags or self._found:  # the usual case, and a quick one
                self._lags.pop(device.id, None)
                self._found.pop(device.id, None)
            return
        offset = 0 if device.clock == Clock.RECEIPT else self._offset(device, telemetry.claimed, telemetry.received_at)
        if offset is None or not _differs(round(offset / 1_000_000), device.clock_offset_s):
            self._found.pop(device.id, None)
        elif telemetry.received_at - self._saved_at.get(device.id, 0) >= PAUSE_US:
            self._found[device.id] = _Finding(device.uid, round(offset / 1_000_000), telemetry.received_at)

    def save(self) -> list[Event]:
        """Stores what has changed; the events to publish. Call it after the transaction of the batch: rows of devices
        are locked in another order there."""
        found, self._found = self._found, {}
        for id, (_, offset_s, at) in found.items():
            Device.objects.filter(pk=id).update(clock_offset_s=offset_s)
            if len(self._saved_at) >= MAX_WATCHED:
                self._saved_at.clear()
            self._saved_at[id] = at
        return [StreamChanged(f"device:{finding.uid}") for finding in found.values()]

    def _offset(self, device: Sender, claimed: int, received_at: int) -> int | None:
        """How far the clock is ahead in microseconds, 0 if it is right; `None` while that is not known."""
        offset = claimed - received_at
        if claimed < CLOCK_SET_US:
            return None if looks_like_seconds(claimed, received_at) else offset
        if offset > AHEAD_US:
            return offset
        if offset >= -max(BEHIND_US, device.usual_gap_ms * 1_000):
            self._lags.pop(device.id, None)
            return 0
        return offset if self._is_steady(device.id, offset, received_at) else None

    def _is_steady(self, id: int, offset: int, received_at: int) -> bool:
        lag = self._lags.get(id)
        passed = 0 if lag is None else received_at - lag.since
        if lag is None or abs(offset - lag.offset) > max(JITTER_US, passed // 20):
            if len(self._lags) >= MAX_WATCHED:
                self._lags.clear()
            self._lags[id] = _Lag(offset, received_at)
            return False
        lag.messages += 1
        return lag.messages >= STEADY_MESSAGES and passed >= STEADY_US


def _differs(offset_s: int, stored_s: int) -> bool:
    """Whether it is worth a write: not for each second of a clock that drifts."""
    if not offset_s or not stored_s:
        return offset_s != stored_s
    return abs(offset_s - stored_s) > max(30, abs(stored_s) // 20)


def set_clock(device: Device, clock: str) -> None:
    """`device` or `receipt`. Raises `Invalid`."""
    if clock not in list(Clock):
        raise Invalid("clock is device or receipt")
    device.clock = Clock(clock)
    device.clock_offset_s = 0  # judged anew
    device.save(update_fields=["clock", "clock_offset_s"])


def set_time_zone(device: Device, time_zone: str | None) -> None:
    """A name of the IANA database, such as `Europe/Berlin`; empty or `None` is UTC. Raises `Invalid`."""
    name = time_zone or ""
    if name and not _is_zone(name):
        raise Invalid(f"time_zone is a name such as Europe/Berlin, not {name[:64]!r}")
    device.time_zone = name
    device.clock_offset_s = 0
    device.save(update_fields=["time_zone", "clock_offset_s"])


def _is_zone(name: str) -> bool:
    if len(name) > 64 or not _ZONE.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a folder of the database gives an OSError
        return False
    return True
