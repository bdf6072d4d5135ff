"""When each device last sent something, and how long it is usually silent, remembered per process.

The database gets it at most every `WRITE_EVERY_US` per device; that much is lost when a process is killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from devices.availability import changes, silence
from devices.availability.changes import Evidence
from devices.availability.silence import LIMIT_IN_GAPS, MIN_LIMIT_US, WRITE_EVERY_US
from devices.log.entries import Outcome
from devices.registry.senders import Sender
from devices.values import Answer, Attributes, Availability, StatusReport, now_us

MAX_DEVICES = 100_000
"""Devices remembered; past it all are looked up anew."""
HALF_LIFE_US = 6 * 3_600_000_000
"""After this long, a silence that did not happen again counts for half."""
RELEVANT_GAP_US = MIN_LIMIT_US // LIMIT_IN_GAPS
"""A shorter gap makes no difference: no device becomes stale before `MIN_LIMIT_US`."""


class Sighting(NamedTuple):
    """The newest sign of a device in a batch. `at` is in microseconds; `repeated`: a broker merely repeated it.

    `via`: it is the availability of this gateway, without which the device cannot be reached.
    """

    device: Sender
    status: Availability
    at: int
    repeated: bool = False
    via: str = ""


Sightings = dict[int | tuple[int, str], Sighting]
"""By the id of the device; those of its gateways by the id and the gateway."""


def record(sightings: Sightings, device: Sender, report: StatusReport | Attributes | Answer) -> None:
    """Adds what a message shows of its device's availability. A repeated message never hides a live one."""
    if isinstance(report, StatusReport) and report.via:
        sightings[device.id, report.via] = Sighting(
            device, report.availability, report.received_at, report.repeated, report.via
        )
    elif isinstance(report, StatusReport):
        if not report.repeated or device.id not in sightings:
            sightings[device.id] = Sighting(device, report.availability, report.received_at, report.repeated)
    elif isinstance(report, Answer) or not report.repeated:
        sightings[device.id] = Sighting(device, Availability.ONLINE, now_us())


@dataclass(slots=True)
class _History:
    """`at`: the last message; `written_at`: the last one that was stored; `gap`: the usual silence; `outage`: the last
    silence that made the device stale. All in microseconds."""

    at: int
    gap: int
    written_at: int
    outage: int = 0


class LivenessTracker:
    """Turns sightings into changes of availability and learns the usual silence of each device.

    Not thread-safe.
    """

    def __init__(self) -> None:
        self._known: dict[int, _History] = {}

    def apply(self, sightings: Mapping[Any, Sighting]) -> Outcome:
        """Stores the sightings of a batch. Call it last in the batch's transaction.

        Each device's `availability` must be the one in the database; otherwise a device that another process has
        found stale would stay stale.
        """
        evidence = []
        due = []
        for sighting in sightings.values():
            device, status, at, repeated, via = sighting
            id = device.id
            if status != device.availability or device.via or via:
                evidence.append(Evidence(id, status, at, repeated, via))
            if status is Availability.ONLINE and not repeated and not via:
                history = self._known.get(id)
                if history is not None and 0 <= at - history.written_at < WRITE_EVERY_US:
                    history.at = at
                else:
                    due.append(sighting)
        outcome = changes.weigh(evidence) if evidence else Outcome()
        if due:
            self._store(due)
        return outcome

    def _store(self, due: list[Sighting]) -> None:
        self._load([sighting.device.id for sighting in due if sighting.device.id not in self._known])
        since = silence.listening_since(max(sighting.at for sighting in due))
        rows = []
        for device, _, at, _, _ in due:
            history = self._known.get(device.id)
            if history is not None:  # otherwise the device was deleted since the batch began
                _learn(history, at, Availability(device.availability), since)
                rows.append((device.id, at, history.gap // 1000))
        silence.record_contacts(rows)

    def _load(self, unknown: list[int]) -> None:
        if not unknown:
            return
        if len(self._known) + len(unknown) > MAX_DEVICES:
            self._known.clear()
        for id, (at, gap_ms) in silence.last_contacts(unknown).items():
            self._known[id] = _History(at, gap_ms * 1000, at)


def _learn(history: _History, at: int, before: Availability, since: int | None) -> None:
    """Learns from a message at `at` of a device that was in the state `before`.

    `since`: from when on the hub has been receiving without a break (`silence.listening_since`).

    A silence during which the hub may have missed messages teaches nothing, and neither does one that ended a reported
    absence. A silence that made the device stale may have been an outage: only a second one of its kind counts as
    usual. A device's first gap counts in any case; otherwise one that sends every hour would be stale every hour.
    """
    gap = at - history.at
    passed = max(0, at - history.written_at)
    usual = int(history.gap * 0.5 ** (passed / HALF_LIFE_US))
    if since is not None and since <= history.at and gap > 0:
        if before == Availability.STALE and history.gap:
            usual = max(usual, min(gap, history.outage))
            history.outage = gap
        elif before in (Availability.ONLINE, Availability.STALE) and (gap > RELEVANT_GAP_US or not history.gap):
            usual = max(usual, gap)
    history.gap = max(usual, min(history.gap, 1_000))
    history.at = history.written_at = at
