"""Imports a CSV file into a device's history and reports the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from bridges.csv import reader
from bridges.csv.reader import ParsedCell
from devices.errors import REFUSALS, Refusal
from devices.models import Device
from devices.telemetry import imports
from devices.values import Sample, now_us

BATCH = 5_000
"""Values of one transaction."""
MAX_LISTED = 100
"""Refused values that are listed with their line; further ones are only counted."""
MAX_TEXT = 200
"""Characters of a refused line that are listed."""


@dataclass(slots=True)
class ImportReport:
    """Counts of a file's values: `stored` newly, `present` already, or refused, by `reasons`; `listed` has the first
    refused ones."""

    stored: int = 0
    present: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    listed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """All refused values, listed or not."""
        return self.reasons.total()

    def refuse(self, cell: ParsedCell, refusal: Refusal) -> None:
        """Counts a refused value and lists it if there is room."""
        self.reasons[refusal.reason] += 1
        if len(self.listed) < MAX_LISTED:
            facts = {"line": cell.line, "text": cell.record[:MAX_TEXT], "reason": refusal.reason}
            self.listed.append({**facts, "detail": refusal.detail, "meaning": REFUSALS[refusal.reason]})

    def as_json(self) -> dict[str, Any]:
        """The report as the HTTP API returns it."""
        reasons = [
            {"reason": reason, "meaning": REFUSALS[reason], "count": count}
            for reason, count in self.reasons.most_common()
        ]
        return {
            "stored": self.stored,
            "present": self.present,
            "refused": self.refused,
            "reasons": reasons,
            "lines": sorted(self.listed, key=lambda facts: facts["line"]),
        }


def store(device: Device, file: BinaryIO) -> ImportReport:
    """Stores the whole file. Raises the `Refusal` of a file that cannot be read at all."""
    report = ImportReport()
    for _ in store_in_batches(device, file, report):
        pass
    return report


def store_in_batches(device: Device, file: BinaryIO, report: ImportReport) -> Iterator[None]:
    """Stores the file in transactions of `BATCH` values and yields after each, with `report` up to date.

    Raises the `Refusal` of a file that cannot be read at all.
    """
    cells = reader.read(file, now_us())
    while batch := list(islice(cells, BATCH)):
        _store_batch(device, batch, report)
        yield


def _store_batch(device: Device, batch: list[ParsedCell], report: ImportReport) -> None:
    valid: list[tuple[ParsedCell, Sample]] = []
    for cell in batch:
        if isinstance(cell.result, Refusal):
            report.refuse(cell, cell.result)
        else:
            valid.append((cell, cell.result))
    outcome = imports.store(device, [sample for _, sample in valid])
    report.stored += outcome.stored
    report.present += outcome.present
    for i, refusal in outcome.refused.items():
        report.refuse(valid[i][0], refusal)
