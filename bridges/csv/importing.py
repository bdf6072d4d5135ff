"""A CSV file into a device's history, and the account of what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from bridges.csv import reader
from bridges.csv.reader import Entry
from devices.errors import REFUSALS, Refusal
from devices.models import Device
from devices.telemetry import imports
from devices.values import Sample, now_us

BATCH = 5_000
"""Values of one transaction."""
MAX_TOLD = 100
"""Refused values that are told with their line; the others are counted alone."""
MAX_TEXT = 200
"""Characters of a refused line that are told."""


@dataclass(slots=True)
class Report:
    """Values of a file: newly `stored`, `present` already, or refused; `told` are the first of these."""

    stored: int = 0
    present: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def refused(self) -> int:
        return self.reasons.total()

    def refuse(self, entry: Entry, refusal: Refusal) -> None:
        self.reasons[refusal.reason] += 1
        if len(self.told) < MAX_TOLD:
            text = entry.text[:MAX_TEXT]
            told = {"line": entry.line, "text": text, "reason": refusal.reason, "detail": refusal.detail}
            self.told.append({**told, "meaning": REFUSALS[refusal.reason]})

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        reasons = [
            {"reason": reason, "meaning": REFUSALS[reason], "count": count}
            for reason, count in self.reasons.most_common()
        ]
        told = sorted(self.told, key=lambda one: one["line"])
        return {
            "stored": self.stored,
            "present": self.present,
            "refused": self.refused,
            "reasons": reasons,
            "lines": told,
        }


def store(device: Device, file: BinaryIO) -> Report:
    """Stores the whole file. Raises the `Refusal` of a file that cannot be read at all."""
    report = Report()
    for _ in batches(device, file, report):
        pass
    return report


def batches(device: Device, file: BinaryIO, report: Report) -> Iterator[None]:
    """Stores the file in transactions of `BATCH` values, and yields after each, with `report` brought up to date."""
    entries = reader.read(file, now_us())
    while batch := list(islice(entries, BATCH)):
        _store(device, batch, report)
        yield


def _store(device: Device, batch: list[Entry], report: Report) -> None:
    sound: list[tuple[Entry, Sample]] = []
    for entry in batch:
        if isinstance(entry.found, Refusal):
            report.refuse(entry, entry.found)
        else:
            sound.append((entry, entry.found))
    outcome = imports.store(device, [sample for _, sample in sound])
    report.stored += outcome.stored
    report.present += outcome.present
    for i, refusal in outcome.refused.items():
        report.refuse(sound[i][0], refusal)
