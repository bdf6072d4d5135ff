"""What a process remembers of when devices were heard: learns their usual silence, stores it now and then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devices.availability import changes, silence
from devices.availability.changes import Evidence
from devices.availability.silence import LIMIT_IN_GAPS, MIN_LIMIT_US, WRITE_EVERY_US
from devices.log.entries import Outcome
from devices.registry.senders import Sender
from devices.values import Answer, Attributes, Availability, StatusReport, now_us

MAX_DEVICES = 100_000
"""Devices remembered; past it all are looked up anew."""
HALF_LIFE_US = 6 * 3_600_000_000
"""After this a long silence that did not come again counts for half."""
TELLING_GAP_US = MIN_LIMIT_US // LIMIT_IN_GAPS
"""A shorter gap makes no difference: no device is stale before `MIN_LIMIT_US`."""

Sign = tuple[Sender, Availability, int, bool]
"""Device, what its last message says of it, when that was received, and whether a broker merely repeated it."""
Signs = dict[int, Sign]
"""Device id -> the last sign of it in a batch."""


def note(signs: Signs, device: Sender, report: StatusReport | Attributes | Answer) -> None:
    """Adds the sign that a message gives; one that a broker repeated never hides a live one."""
    if isinstance(report, StatusReport):
        if not report.repeated or device.id not in signs:
            signs[device.id] = (device, report.availability, report.received_at, report.repeated)
    elif isinstance(report, Answer) or not report.repeated:
        signs[device.id] = (device, Availability.ONLINE, now_us(), False)


@dataclass(slots=True)
class _Heard:
    """`at` of the last message and `written_at` of the last that was stored; `gap`: its usual silence.

    `outage`: the last silence that made it stale. All in microseconds.
    """

    at: int
    gap: int
    written_at: int
    outage: int = 0


class Hearing:
    """Used from one thread at a time. What a killed process forgets are the last `WRITE_EVERY_US`."""

    def __init__(self) -> None:
        self._known: dict[int, _Heard] = {}

    def take(self, signs: Mapping[int, Sign]) -> Outcome:
        """Believes the signs of a batch; call it last in the batch's transaction.

        The devices' `availability` must be what the database has, or a device that another process found silent would
        stay so.
        """
        evidence = []
        due = []
        for id, sign in signs.items():
            device, status, at, repeated = sign
            if status != device.availability:
                evidence.append(Evidence(id, status, at, repeated))
            if status is Availability.ONLINE and not repeated:
                heard = self._known.get(id)
                if heard is not None and 0 <= at - heard.written_at < WRITE_EVERY_US:
                    heard.at = at
                else:
                    due.append(sign)
        outcome = changes.weigh(evidence) if evidence else Outcome()
        if due:
            self._note(due)
        return outcome

    def _note(self, due: list[Sign]) -> None:
        self._recall([device.id for device, *_ in due if device.id not in self._known])
        since = silence.listening_since(max(at for _, _, at, _ in due))
        rows = []
        for device, _, at, _ in due:
            heard = self._known.get(device.id)
            if heard is not None:  # else deleted since the batch began
                _learn(heard, at, Availability(device.availability), since)
                rows.append((device.id, at, heard.gap // 1000))
        silence.record_contacts(rows)

    def _recall(self, unknown: list[int]) -> None:
        if not unknown:
            return
        if len(self._known) + len(unknown) > MAX_DEVICES:
            self._known.clear()
        for id, (at, gap_ms) in silence.last_contacts(unknown).items():
            self._known[id] = _Heard(at, gap_ms * 1000, at)


def _learn(heard: _Heard, at: int, before: Availability, since: int | None) -> None:
    """Takes a message at `at` of a device that was in the state `before`. `since`: of `queries.listening_since`.

    A silence in which the hub itself may have been deaf teaches nothing, and neither does one that ended by the
    device's own word, or its will. One that made it stale may have been an outage: only its like, coming again, is
    usual. A device's first gap teaches in any case, or one that sends every hour would be stale every hour.
    """
    gap = at - heard.at
    passed = max(0, at - heard.written_at)
    usual = int(heard.gap * 0.5 ** (passed / HALF_LIFE_US))
    if since is not None and since <= heard.at and gap > 0:
        if before == Availability.STALE and heard.gap:
            usual = max(usual, min(gap, heard.outage))
            heard.outage = gap
        elif before in (Availability.ONLINE, Availability.STALE) and (gap > TELLING_GAP_US or not heard.gap):
            usual = max(usual, gap)
    heard.gap = max(usual, min(heard.gap, 1_000))
    heard.at = heard.written_at = at
